"""Parameters of the SerDes RTL."""

from __future__ import annotations

from dataclasses import dataclass

from lightloom.rtl.pma.formats import RxFormat
from lightloom.spec import design

__all__ = ["Config"]

_SHARES = (0.1, 0.25, 0.35, 0.1, 0.2)
"""Parts of the bring-up limit for SIGNAL, CDR, EQUALIZE, BLOCK_LOCK, ALIGN; they sum to 1."""


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} = {value}; allowed: {low} to {high}")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the SerDes is generated for.

    Parameters
    ----------
    lanes : int
        1, 2, 4 or 8.
    symbols_per_clock : int
        16, 32 or 64.
    adc_bits, tx_dac_bits : int
        Sampler, 4 to 8, and transmit DAC, 5 to 8.
    tx_ffe : tuple of 3 int
        Reset values of the pre, main and post cursor in DAC steps.
    rx_ffe_taps, rx_dfe, phase_steps
        As `pma.formats.RxFormat`.
    marker_rows : int
        Rows from one alignment marker to the next, 64 to 16384.
    deskew_depth : int
        Blocks of a deskew buffer: 16, 32 or 64.
    limits : tuple of 5 int
        Reset values of the limits of the waiting states in core clocks.
    attempt_limit : int
        Reset value, 0 to 255.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    lanes: int = 8
    symbols_per_clock: int = 64
    adc_bits: int = 6
    tx_dac_bits: int = 7
    tx_ffe: tuple[int, int, int] = (-4, 55, -4)
    rx_ffe_taps: int = 3
    rx_dfe: bool = True
    phase_steps: int = 64
    marker_rows: int = 1024
    deskew_depth: int = 16
    limits: tuple[int, int, int, int, int] = (3000, 7500, 10500, 3000, 6000)
    attempt_limit: int = 8

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.lanes not in (1, 2, 4, 8):
            raise ValueError(f"lanes = {self.lanes}; allowed: 1, 2, 4, 8")
        if self.symbols_per_clock not in (16, 32, 64):
            raise ValueError(
                f"symbols_per_clock = {self.symbols_per_clock}; allowed: 16, 32, 64"
            )
        _check("tx_dac_bits", self.tx_dac_bits, 5, 8)
        top = 2 ** (self.tx_dac_bits - 1) - 1
        for name, tap in zip(("pre", "main", "post"), self.tx_ffe, strict=True):
            _check(f"tx_ffe {name}", tap, -top, top)
        _check("marker_rows", self.marker_rows, 64, 16384)
        _check("attempt_limit", self.attempt_limit, 0, 255)
        for name, limit in zip(
            ("signal", "cdr", "equalize", "block_lock", "align"), self.limits, strict=True
        ):
            _check(f"limit of {name}", limit, 1, 0xFFFF_FFFF)
        if self.deskew_depth not in (16, 32, 64):
            raise ValueError(f"deskew_depth = {self.deskew_depth}; allowed: 16, 32, 64")
        _ = self.rx_format  # checks the rest

    @property
    def rx_format(self) -> RxFormat:
        """Number formats of the receive lanes."""
        return RxFormat(
            width=self.symbols_per_clock,
            sample_bits=self.adc_bits,
            ffe_taps=self.rx_ffe_taps,
            dfe=self.rx_dfe,
            phase_steps=self.phase_steps,
        )

    @property
    def word_bytes(self) -> int:
        """Bytes of a word of a frame."""
        return 8 * self.lanes

    @classmethod
    def from_design(cls, serdes: design.Serdes) -> Config:
        """Parameters for a design file's SerDes."""
        top = 2 ** (serdes.tx_dac_bits - 1) - 1
        pre, main, post = (round(tap * top) for tap in serdes.tx_ffe)
        clocks = serdes.bring_up_timeout_us * 1e3 * serdes.baud_gbd / serdes.symbols_per_clock
        signal, cdr, equalize, block_lock, align = (round(clocks * share) for share in _SHARES)
        return cls(
            lanes=serdes.lanes,
            symbols_per_clock=serdes.symbols_per_clock,
            adc_bits=serdes.adc_bits,
            tx_dac_bits=serdes.tx_dac_bits,
            tx_ffe=(pre, main, post),
            rx_ffe_taps=serdes.rx_ffe_taps,
            rx_dfe=serdes.rx_dfe,
            phase_steps=serdes.phase_steps_per_ui,
            marker_rows=serdes.marker_rows,
            limits=(signal, cdr, equalize, block_lock, align),
        )
