"""Parameters of the SerDes RTL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lightloom.rtl.pcs.gearbox import blocks_together
from lightloom.rtl.pma.formats import RxFormat
from lightloom.spec import design

__all__ = ["Config"]

Profile = Literal["eth-64b66b", "pcie5", "100g-kp4", "100g-kr4", "xsr-raw"]
_SHARES = (0.1, 0.25, 0.35, 0.1, 0.2)
"""Parts of the bring-up limit for SIGNAL, CDR, EQUALIZE, BLOCK_LOCK, ALIGN; they sum to 1."""
_CODEWORD_ROWS = 20
"""Blocks of 257 bits in the 514 symbols of 10 bits of a codeword's message."""


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} = {value}; allowed: {low} to {high}")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the SerDes is generated for.

    Parameters
    ----------
    profile : str
        Line code: eth-64b66b, pcie5, 100g-kp4, 100g-kr4 or xsr-raw.
    modulation : str
        nrz or pam4.
    precoding : bool
        Reset value of 1/(1+D) precoding.
    fec_interleave : int
        Codewords of a lane that are interleaved: 1, 2 or 4.
    lanes : int
        1 to 16.
    symbols_per_clock : int
        8, 16, 32, 64 or 128.
    adc_bits, tx_dac_bits : int
        Sampler, 4 to 8, and transmit DAC, 5 to 8.
    tx_ffe : tuple of 3 or 4 int
        Reset values of the pre, main and post cursor in DAC steps, or of the second pre-cursor
        before them.
    rx_ffe_taps, rx_dfe, phase_steps
        As `pma.formats.RxFormat`.
    marker_rows : int
        Rows from one alignment marker to the next, 64 to 16384; with FEC whole groups of
        interleaved codewords.
    deskew_depth : int
        Rows of a deskew buffer: 16, 32 or 64.
    degradable : bool
        The link can come up without dead lanes; 2 lanes or more, not with pcie5, whose frame ends
        take two blocks on all lanes together.
    eye_monitor : bool
        Each receive lane has an eye monitor.
    coefficient_sets : int
        Coefficient sets that a receive lane can save, 0 to 16.
    training : bool
        Reset value: send the training pattern until the own receiver has settled.
    limits : tuple of 5 int
        Reset values of the limits of the waiting states in core clocks.
    attempt_limit : int
        Reset value, 0 to 255.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    profile: Profile = "eth-64b66b"
    modulation: Literal["nrz", "pam4"] = "nrz"
    precoding: bool = False
    fec_interleave: int = 1
    lanes: int = 8
    symbols_per_clock: int = 64
    adc_bits: int = 6
    tx_dac_bits: int = 7
    tx_ffe: tuple[int, ...] = (-4, 55, -4)
    rx_ffe_taps: int = 3
    rx_dfe: bool = True
    phase_steps: int = 64
    marker_rows: int = 1024
    deskew_depth: int = 16
    degradable: bool = False
    eye_monitor: bool = True
    coefficient_sets: int = 4
    training: bool = True
    limits: tuple[int, int, int, int, int] = (3000, 7500, 10500, 3000, 6000)
    attempt_limit: int = 8

    def __post_init__(self) -> None:
        """Check the ranges."""
        _check("lanes", self.lanes, 1, 16)
        if self.symbols_per_clock not in (8, 16, 32, 64, 128):
            raise ValueError(
                f"symbols_per_clock = {self.symbols_per_clock}; allowed: 8, 16, 32, 64, 128"
            )
        if self.fec_interleave not in (1, 2, 4):
            raise ValueError(f"fec_interleave = {self.fec_interleave}; allowed: 1, 2, 4")
        _check("tx_dac_bits", self.tx_dac_bits, 5, 8)
        top = 2 ** (self.tx_dac_bits - 1) - 1
        if len(self.tx_ffe) not in (3, 4):
            raise ValueError(f"tx_ffe has {len(self.tx_ffe)} taps; allowed: 3 or 4")
        for name, tap in zip(("post", "main", "pre", "pre2"), self.tx_ffe[::-1], strict=False):
            _check(f"tx_ffe {name}", tap, -top, top)
        _check("marker_rows", self.marker_rows, 64, 16384)
        if self.marker_rows % self.group_rows:
            raise ValueError(
                f"marker_rows = {self.marker_rows}; allowed: multiples of {self.group_rows}, the "
                "rows of a group of codewords"
            )
        if self.degradable and (self.lanes == 1 or self.profile in ("pcie5", "xsr-raw")):
            raise ValueError(
                f"degradable with lanes = {self.lanes}, profile = {self.profile}; "
                "allowed: 2 lanes or more, not pcie5 or xsr-raw"
            )
        _check("attempt_limit", self.attempt_limit, 0, 255)
        for name, limit in zip(
            ("signal", "cdr", "equalize", "block_lock", "align"), self.limits, strict=True
        ):
            _check(f"limit of {name}", limit, 1, 0xFFFF_FFFF)
        if self.deskew_depth not in (16, 32, 64):
            raise ValueError(f"deskew_depth = {self.deskew_depth}; allowed: 16, 32, 64")
        _ = self.rx_format  # checks the rest

    @property
    def bits(self) -> int:
        """Line bits of a lane a clock."""
        return self.symbols_per_clock * (2 if self.modulation == "pam4" else 1)

    @property
    def fec(self) -> Literal["kp4", "kr4"] | None:
        """Reed-Solomon code of the profile."""
        if self.profile == "100g-kp4":
            return "kp4"
        return "kr4" if self.profile == "100g-kr4" else None

    @property
    def blocks(self) -> int:
        """Blocks of 64 bits of a lane a row."""
        if self.profile == "xsr-raw":
            return max(1, self.bits // 64)
        if self.profile == "eth-64b66b":
            return blocks_together(self.bits)
        return 2 if self.profile == "pcie5" else 4

    @property
    def group_rows(self) -> int:
        """Rows of a group of interleaved codewords; 1 without FEC."""
        if self.fec is None:
            return 1
        return self.fec_interleave * _CODEWORD_ROWS

    @property
    def rx_format(self) -> RxFormat:
        """Number formats of the receive lanes."""
        return RxFormat(
            width=self.symbols_per_clock,
            sample_bits=self.adc_bits,
            modulation=self.modulation,
            ffe_taps=self.rx_ffe_taps,
            dfe=self.rx_dfe,
            phase_steps=self.phase_steps,
            eye=self.eye_monitor,
            sets=self.coefficient_sets,
        )

    @property
    def word_bytes(self) -> int:
        """Bytes of a word of a frame."""
        return 8 * self.blocks * self.lanes

    @classmethod
    def from_design(cls, serdes: design.Serdes) -> Config:
        """Parameters for a design file's SerDes."""
        top = 2 ** (serdes.tx_dac_bits - 1) - 1
        tx_ffe = tuple(round(tap * top) for tap in serdes.tx_ffe)
        clocks = serdes.bring_up_timeout_us * 1e3 * serdes.baud_gbd / serdes.symbols_per_clock
        signal, cdr, equalize, block_lock, align = (round(clocks * share) for share in _SHARES)
        group = serdes.fec_interleave * _CODEWORD_ROWS if serdes.fec else 1
        return cls(
            profile=serdes.profile,
            modulation=serdes.modulation,
            precoding=serdes.precoding,
            fec_interleave=serdes.fec_interleave,
            lanes=serdes.lanes,
            symbols_per_clock=serdes.symbols_per_clock,
            adc_bits=serdes.adc_bits,
            tx_dac_bits=serdes.tx_dac_bits,
            tx_ffe=tx_ffe,
            rx_ffe_taps=serdes.rx_ffe_taps,
            rx_dfe=serdes.rx_dfe,
            phase_steps=serdes.phase_steps_per_ui,
            degradable=serdes.degraded_width,
            eye_monitor=serdes.eye_monitor,
            coefficient_sets=serdes.coefficient_sets,
            training=serdes.training,
            marker_rows=-(-serdes.marker_rows // group) * group,
            limits=(signal, cdr, equalize, block_lock, align),
        )
