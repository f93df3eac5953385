"""One period of a repeating pattern as it was sampled: the input of the optical measurements.

It is periodic, so filters and fractions of a sample are exact products in frequency.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Symbols = npt.NDArray[np.intp]
Response = Callable[[Real], Complex]
"""Transfer function of frequency over the symbol rate."""

PRBS13 = (13, 12, 2, 1)
"""Powers of 1 + x + x^2 + x^12 + x^13, IEEE 802.3 94.3.10.8 (recalled)."""
GRAY = (0, 1, 3, 2)
"""Level of the two bits 00, 01, 10, 11."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """Optical power, or any other level, over one period of a pattern.

    Args:
        power: Samples, evenly spaced, a whole number a symbol.
        symbols: Level of each symbol, 0 the lowest.
        levels: Of a symbol: 2 or 4.
    """

    power: Real
    symbols: Symbols
    levels: int

    def __post_init__(self) -> None:
        """Check the lengths."""
        if self.levels not in (2, 4):
            raise ValueError(f"levels = {self.levels}; allowed: 2, 4")
        if not len(self.symbols) or len(self.power) % len(self.symbols):
            raise ValueError(
                f"{len(self.power)} samples of {len(self.symbols)} symbols; "
                f"allowed: a whole number a symbol"
            )
        if self.symbols.min() < 0 or self.symbols.max() >= self.levels:
            raise ValueError(
                f"symbols {self.symbols.min()} to {self.symbols.max()}; "
                f"allowed: 0 to {self.levels - 1}"
            )

    @property
    def samples_per_ui(self) -> int:
        """Samples a symbol."""
        return len(self.power) // len(self.symbols)

    @property
    def mean(self) -> float:
        """Mean power."""
        return float(self.power.mean())

    def aligned(self) -> Waveform:
        """Return it turned by whole samples to where it is most like its symbols, held."""
        held = np.repeat(self.symbols - self.symbols.mean(), self.samples_per_ui)
        spectrum = np.fft.rfft(self.power) * np.conj(np.fft.rfft(held))
        late = int(np.argmax(np.fft.irfft(spectrum, len(held))))
        return Waveform(np.roll(self.power, -late), self.symbols, self.levels)

    def filtered(self, response: Response) -> Waveform:
        """Return what a filter makes of it."""
        count = len(self.power)
        f = np.fft.rfftfreq(count, 1.0 / self.samples_per_ui).astype(np.float64)
        power = np.fft.irfft(np.fft.rfft(self.power) * response(f), count)
        return Waveform(power, self.symbols, self.levels)

    def resampled(self, samples_per_ui: int) -> Waveform:
        """Return it with more samples a symbol, band-limited between those that there are."""
        if samples_per_ui < self.samples_per_ui:
            raise ValueError(
                f"samples_per_ui = {samples_per_ui}; allowed: {self.samples_per_ui} or more"
            )
        count = len(self.symbols) * samples_per_ui
        spectrum = np.fft.rfft(self.power) * (count / len(self.power))
        if len(self.power) % 2 == 0 and count > len(self.power):
            spectrum[-1] /= 2  # half of the highest frequency belongs to its negative
        return Waveform(np.fft.irfft(spectrum, count), self.symbols, self.levels)


def prbs13() -> Symbols:
    """The 8191 bits of PRBS13."""
    state, bits = [1] * 13, []
    for _ in range(2**13 - 1):
        new = sum(state[tap - 1] for tap in PRBS13) % 2
        bits.append(new)
        state = [new, *state[:-1]]
    return np.array(bits, np.intp)


def pattern(levels: int) -> Symbols:
    """PRBS13 for two levels, PRBS13Q (two periods, Gray coded) for four: 8191 symbols."""
    bits = prbs13()
    if levels == 2:
        return bits
    if levels != 4:
        raise ValueError(f"levels = {levels}; allowed: 2, 4")
    pairs = np.tile(bits, 2).reshape(-1, 2)
    return np.array(GRAY, np.intp)[2 * pairs[:, 0] + pairs[:, 1]]


def balanced(levels: int) -> Symbols:
    """`pattern` with one lowest level more: 8192 symbols, all levels as often, fast to transform.

    With two levels it lengthens the longest run of zeros; with four it stands alone.
    """
    symbols = pattern(levels)
    if levels == 2:
        runs = np.lib.stride_tricks.sliding_window_view(np.append(symbols, symbols[:11]), 12)
        return np.insert(symbols, int(runs.sum(axis=1).argmin()), 0)
    place = int(np.flatnonzero((symbols != 0) & (np.roll(symbols, 1) != 0))[0])
    return np.insert(symbols, place, 0)


def bessel_thomson(bandwidth: float) -> Response:
    """Bessel-Thomson filter of 4th order, -3 dB at `bandwidth` symbol rates.

    Source: the reference receiver of IEEE 802.3, `105 / (105 + 105 y + 45 y^2 + 10 y^3 + y^4)`
    with `y = 2.114 j f / bandwidth`.
    """

    def transfer(f: Real) -> Complex:
        y = 2.113917674904216j * np.asarray(f) / bandwidth
        return 105.0 / (105 + 105 * y + 45 * y**2 + 10 * y**3 + y**4)

    return transfer
