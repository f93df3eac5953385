"""Electrical sections of the design file: the SerDes and the package channel.

Unit names end the key. Sources stand in each description; `demonstration value` means chosen for
the reference designs and open to change, not measured.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from lightloom.spec.base import Frozen, within


class Serdes(Frozen):
    """The short-reach SerDes of one xPU: all lanes, both directions."""

    profile: Literal["eth-64b66b"] = Field(
        default="eth-64b66b",
        description="Line code and framing: 64b/66b of IEEE 802.3 clause 49 on every lane.",
    )
    lanes: Literal[1, 2, 4, 8] = Field(default=8, description="Lanes in each direction.")
    baud_gbd: float = within(32.0, 1.0, 64.0, "Symbol rate of a lane. 32 GBd: PCIe 5.0 lane rate.")
    modulation: Literal["nrz"] = Field(default="nrz", description="Line modulation.")
    symbols_per_clock: Literal[16, 32, 64] = Field(
        default=64,
        description="Symbols a lane handles per clock.",
    )
    rate_offset_ppm: float = within(
        100.0,
        -100.0,
        100.0,
        "Symbol clock of xPU B relative to A; +-100 ppm is the IEEE 802.3 limit.",
    )
    adc_bits: int = within(6, 4, 8, "Receiver sampler resolution. 6 bits: demonstration value.")
    tx_dac_bits: int = within(7, 5, 8, "Transmit DAC resolution. 7 bits: demonstration value.")
    tx_swing_v: float = within(
        1.0,
        0.1,
        2.0,
        "Peak-to-peak differential swing at full DAC code; 1.0 V is common for NRZ drivers.",
    )
    tx_ffe: tuple[float, float, float] = Field(
        default=(-0.06, 0.88, -0.06),
        description="Transmit FFE: pre, main, post cursor; magnitudes sum to at most 1 (full "
        "DAC code).",
    )
    rx_ffe_taps: int = within(3, 1, 5, "Receive FFE taps, one pre-cursor when 2 or more.")
    rx_dfe: bool = Field(default=True, description="One-tap decision feedback equalizer.")
    ctle_boost_db: float = within(
        3.0,
        0.0,
        12.0,
        "CTLE peaking at Nyquist over its gain at low frequency.",
    )
    phase_steps_per_ui: Literal[32, 64, 128] = Field(
        default=64, description="Phase interpolator steps."
    )
    marker_rows: int = within(
        1024,
        64,
        16384,
        "Rows between lane alignment markers; 16384 in clause 82.",
    )
    bring_up_timeout_us: float = within(
        60.0,
        5.0,
        10000.0,
        "Limit of the whole bring-up, per attempt.",
    )
    energy_tx_pj_per_bit: float = within(
        1.0,
        0.0,
        50.0,
        "Transmitter electronics. CPO electronics total 2.4-2.5 pJ/bit published "
        "for one optical I/O "
        "chiplet with 0.7 for its laser; split between transmitter and receiver: "
        "demonstration value.",
    )
    energy_rx_pj_per_bit: float = within(
        1.5,
        0.0,
        50.0,
        "Receiver electronics; see energy_tx_pj_per_bit.",
    )

    @model_validator(mode="after")
    def _ffe_fits(self) -> Self:
        total = sum(abs(c) for c in self.tx_ffe)
        if total > 1.0 + 1e-9:
            raise ValueError(f"tx_ffe magnitudes sum to {total:.3g}; allowed: at most 1")
        if self.tx_ffe[1] <= 0:
            raise ValueError(f"tx_ffe main cursor is {self.tx_ffe[1]:g}; allowed: above 0")
        return self


class Package(Frozen):
    """Electrical channel between the SerDes and the optical engine, each way."""

    touchstone: str | None = Field(
        default=None,
        description="S-parameter file (.s2p single-ended or .s4p differential) used instead "
        "of the trace.",
    )
    loss_db: float = within(
        3.0,
        0.0,
        20.0,
        "Insertion loss at Nyquist; millimetres of substrate, below the 4 dB published for CPO.",
    )
    skin_fraction: float = within(
        0.6,
        0.0,
        1.0,
        "Part of the loss that grows as the root of frequency; the rest grows "
        "linearly (dielectric).",
    )
    return_loss_db: float = within(
        18.0,
        6.0,
        60.0,
        "At each end, flat; re-reflections appear in the pulse response.",
    )
    delay_ps: float = within(
        60.0,
        1.0,
        2000.0,
        "Flight time; 10 mm at 6 ps/mm, organic substrate of permittivity 3.3.",
    )
