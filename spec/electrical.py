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

    profile: Literal["eth-64b66b", "pcie5", "100g-kp4", "100g-kr4", "xsr-raw"] = Field(
        default="eth-64b66b",
        description="Line code of every lane: 64b/66b of IEEE 802.3 clause 49; 128b/130b of PCIe "
        "5.0; 256b/257b with RS(544,514) or RS(528,514) of IEEE 802.3 clauses 91 and 119, a code "
        "for each lane; no code (raw bits and test patterns).",
    )
    lanes: int = within(8, 1, 16, "Lanes in each direction.")
    baud_gbd: float = within(32.0, 1.0, 64.0, "Symbol rate of a lane. 32 GBd: PCIe 5.0 lane rate.")
    modulation: Literal["nrz", "pam4"] = Field(
        default="nrz",
        description="Line modulation; pam4 with the profiles 100g-kp4, 100g-kr4 and xsr-raw.",
    )
    precoding: bool = Field(
        default=False,
        description="1/(1+D) modulo 4 precoding of IEEE 802.3 clause 120.5.7, PAM4 only: a burst "
        "of errors of the decision feedback becomes two errors.",
    )
    fec_interleave: Literal[1, 2, 4] = Field(
        default=1,
        description="Codewords of a lane interleaved symbol by symbol, profiles with FEC.",
    )
    symbols_per_clock: Literal[8, 16, 32, 64, 128] = Field(
        default=64,
        description="Symbols a lane handles per clock; a lane moves 8 to 256 bits a clock.",
    )
    rate_offset_ppm: float = within(
        100.0,
        -300.0,
        300.0,
        "Symbol clock of xPU B relative to A; +-100 ppm is the IEEE 802.3 limit, +-300 ppm that of "
        "PCIe for each end.",
    )
    adc_bits: int = within(6, 4, 8, "Receiver sampler resolution. 6 bits: demonstration value.")
    tx_dac_bits: int = within(7, 5, 8, "Transmit DAC resolution. 7 bits: demonstration value.")
    tx_swing_v: float = within(
        1.0,
        0.1,
        2.0,
        "Peak-to-peak differential swing at full DAC code; 1.0 V is common for NRZ drivers.",
    )
    tx_ffe: tuple[float, ...] = Field(
        default=(-0.06, 0.88, -0.06),
        description="Transmit FFE: pre, main, post cursor, or second pre-cursor before them; "
        "magnitudes sum to at most 1 (full DAC code).",
    )
    rx_ffe_taps: int = within(
        3,
        1,
        16,
        "Receive FFE taps, one pre-cursor from 2 on, more from 6 on.",
    )
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
        "Rows between lane alignment markers; 16384 in clause 82. With FEC rounded up to whole "
        "codewords; with pcie5 also the distance of SKP ordered sets.",
    )
    degraded_width: bool = Field(
        default=False,
        description="Hardware to bring the link up over fewer lanes when some are dead, two lanes "
        "or more; not with pcie5, whose frame ends take two blocks on all lanes together, and not "
        "with xsr-raw.",
    )
    eye_monitor: bool = Field(
        default=True,
        description="A second slicer in each receive lane that scans the eye by registers.",
    )
    coefficient_sets: int = within(
        4,
        0,
        16,
        "Sets of receive coefficients that a lane can save and load, one for each optical route.",
    )
    training: bool = Field(
        default=True,
        description="Send PRBS13 (PRBS13Q for PAM4) until the own receiver has settled.",
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
        if len(self.tx_ffe) not in (3, 4):
            raise ValueError(f"tx_ffe has {len(self.tx_ffe)} values; allowed: 3 or 4")
        total = sum(abs(c) for c in self.tx_ffe)
        if total > 1.0 + 1e-9:
            raise ValueError(f"tx_ffe magnitudes sum to {total:.3g}; allowed: at most 1")
        if self.tx_ffe[-2] <= 0:
            raise ValueError(f"tx_ffe main cursor is {self.tx_ffe[-2]:g}; allowed: above 0")
        return self

    @model_validator(mode="after")
    def _code_fits(self) -> Self:
        if self.modulation == "pam4" and self.profile in ("eth-64b66b", "pcie5"):
            raise ValueError(
                f"modulation = pam4 with profile = {self.profile}; allowed: nrz, or one of the "
                "profiles 100g-kp4, 100g-kr4, xsr-raw"
            )
        if self.precoding and self.modulation != "pam4":
            raise ValueError("precoding = true with modulation = nrz; allowed: pam4")
        if self.fec_interleave > 1 and not self.fec:
            raise ValueError(
                f"fec_interleave = {self.fec_interleave} with profile = {self.profile}; allowed: 1,"
                " or a profile with FEC (100g-kp4, 100g-kr4)"
            )
        if self.degraded_width and (self.lanes == 1 or self.profile in ("pcie5", "xsr-raw")):
            raise ValueError(
                f"degraded_width = true with lanes = {self.lanes}, profile = {self.profile}; "
                "allowed: 2 lanes or more, not pcie5 or xsr-raw"
            )
        return self

    @property
    def fec(self) -> Literal["kp4", "kr4"] | None:
        """Reed-Solomon code of the profile."""
        if self.profile == "100g-kp4":
            return "kp4"
        return "kr4" if self.profile == "100g-kr4" else None

    @property
    def bits_per_symbol(self) -> int:
        """Line bits of a symbol."""
        return 2 if self.modulation == "pam4" else 1

    @property
    def lane_gbps(self) -> float:
        """Line rate of a lane."""
        return self.baud_gbd * self.bits_per_symbol

    @property
    def code_rate(self) -> float:
        """Part of the line rate that carries rows: line code and FEC, markers apart."""
        rates = {
            "eth-64b66b": 64 / 66,
            "pcie5": 128 / 130,
            "100g-kp4": 256 / 257 * 514 / 544,
            "100g-kr4": 256 / 257 * 514 / 528,
            "xsr-raw": 1.0,
        }
        return rates[self.profile]


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
