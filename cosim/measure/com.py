"""Channel operating margin: the signal that an electrical channel leaves, over what disturbs it.

IEEE 802.3 Annex 93A.1.7, as an open implementation (PyChOpMarg) has it, checked against that one:

- available signal `A_s = R_LM h(t_s) / (L - 1)`, with the pulse response `h` of the equalized
  channel at the sampling instant `t_s` and L levels;
- interference: intersymbol interference behind the decision feedback, crosstalk of each aggressor
  at its own worst phase, and dual-Dirac jitter through the slope of the pulse, each a sum of
  independent random symbols; Gaussian transmitter noise, random jitter and receiver noise;
- `A_ni` is passed by the interference with probability `DER_0`, on one side;
- `COM = 20 log10(A_s / A_ni)`; specifications ask for 3 dB.

Equalizers are given: the transmitter's and the continuous-time one are in the pulse, the feedback
takes what it can of the first post-cursors. Source of the equations: read in that implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from lightloom.cosim.measure.waveform import Complex, Real, Response

LEAST_SAMPLE = 1e-3
"""Samples below this part of the available signal are left out, as in 93A.1.7.1."""
CELLS = 1000
"""Of the amplitude grid, in one available signal."""


@dataclass(frozen=True)
class Parameters:
    """What the annex calls COM parameters; defaults are those of 100GBASE-CR1 (recalled)."""

    levels: int = 4
    error_ratio: float = 1e-4
    """DER_0."""
    level_mismatch: float = 0.95
    """R_LM."""
    transmitter_snr_db: float = 33.0
    dual_dirac_ui: float = 0.02
    """A_DD, half of the lines' distance."""
    random_jitter_ui: float = 0.01
    noise_v: float = 0.0
    """Deviation of the receiver's noise at the slicer."""
    feedback_limits: tuple[float, ...] = ()
    """Largest magnitude of each decision-feedback tap, in parts of the cursor."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.levels < 2:
            raise ValueError(f"levels = {self.levels}; allowed: 2 or more")
        if not 0 < self.error_ratio < 0.5:
            raise ValueError(f"error_ratio = {self.error_ratio:g}; allowed: above 0, below 0.5")
        for name in ("dual_dirac_ui", "random_jitter_ui", "noise_v"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} = {getattr(self, name):g}; allowed: 0 or more")


@dataclass(frozen=True)
class Com:
    """The margin and its parts in V; the parts are deviations, the margin uses their tails."""

    db: float
    signal_v: float
    interference_v: float
    cursor: int
    """Sample of the pulse that is the sampling instant."""
    feedback: tuple[float, ...]
    isi_v: float
    crosstalk_v: float
    jitter_v: float
    """Both kinds."""
    noise_v: float
    """Of transmitter and receiver."""


def receiver_filter(bandwidth: float = 0.75) -> Response:
    """Butterworth filter of 4th order (93A-20), -3 dB at `bandwidth` symbol rates."""

    def transfer(f: Real) -> Complex:
        x = np.asarray(f) / bandwidth
        return 1 / (1 - 3.414214 * x**2 + x**4 + 2.613126j * (x - x**3))

    return transfer


def cursor_of(pulse: Real, samples_per_ui: int, limit: float) -> int:
    """Sampling instant (93A-25): equal pre-cursor and, behind the feedback, first post-cursor.

    Of several within a symbol of the peak the last one before it, else the nearest to equality.
    """
    n = samples_per_ui
    peak = int(np.argmax(pulse))
    at = np.arange(max(n, peak - n), min(len(pulse) - n, peak + n))
    at = at[pulse[at] > 0]
    if not len(at):
        raise ValueError(
            f"peak at sample {peak} of {len(pulse)}; "
            f"allowed: a positive one, a symbol or more from the ends"
        )
    first = np.clip(pulse[at + n] / pulse[at], -limit, limit)
    away = np.abs(pulse[at - n] - pulse[at + n] + first * pulse[at])
    equal = at[away < 1e-3 * pulse[peak]]
    before = equal[equal <= peak]
    if len(before):
        return int(before[-1])
    return int(equal[0]) if len(equal) else int(at[away.argmin()])


def measure(
    pulse: Real,
    samples_per_ui: int,
    parameters: Parameters,
    aggressors: Sequence[Real] = (),
    cursor: int | None = None,
) -> Com:
    """COM of a pulse response in V, and of crosstalk pulses on the same grid.

    `cursor` is the sampling instant, found as 93A has it when not given. Raises `ValueError` for a
    pulse without a usable peak.
    """
    p, n = parameters, samples_per_ui
    limits = np.array(p.feedback_limits)
    if cursor is None:
        cursor = cursor_of(pulse, n, p.feedback_limits[0] if p.feedback_limits else 0.0)
    height = float(pulse[cursor])
    signal = p.level_mismatch * height / (p.levels - 1)
    power = (p.levels + 1) / (3 * (p.levels - 1))  # mean square of a symbol between -1 and 1
    padded = np.pad(pulse, n)
    own = padded[cursor % n :: n][: len(padded) // n - 1].copy()
    at = cursor // n + 1
    own[at] = 0.0
    following = own[at + 1 : at + 1 + len(limits)] / height
    taps = np.clip(following, -limits[: len(following)], limits[: len(following)])
    own[at + 1 : at + 1 + len(taps)] -= taps * height
    # the slope at every sample, over two grid steps
    place = np.arange(cursor % n + n, len(padded) - 1, n) - n
    wide = np.pad(padded, 1)
    slope = (wide[place + 2] - wide[place]) * n / 2

    worst = [_worst_phase(one, n) for one in aggressors]
    variance = (
        height**2 * 10 ** (-p.transmitter_snr_db / 10)
        + p.random_jitter_ui**2 * power * float(slope @ slope)
        + p.noise_v**2
    )
    disturbances = [own, *worst, p.dual_dirac_ui * slope]
    density, step = _density(disturbances, p.levels, signal)
    interference = _exceeded(density, step, float(np.sqrt(variance)), p.error_ratio)
    jitter = (p.dual_dirac_ui**2 + p.random_jitter_ui**2) * power * float(slope @ slope)
    crosstalk = power * sum(float(one @ one) for one in worst)
    noise = height**2 * 10 ** (-p.transmitter_snr_db / 10) + p.noise_v**2
    return Com(
        db=float(20 * np.log10(signal / interference)),
        signal_v=signal,
        interference_v=interference,
        cursor=cursor,
        feedback=tuple(taps.tolist()),
        isi_v=float(np.sqrt(power * float(own @ own))),
        crosstalk_v=float(np.sqrt(crosstalk)),
        jitter_v=float(np.sqrt(jitter)),
        noise_v=float(np.sqrt(noise)),
    )


def _worst_phase(pulse: Real, n: int) -> Real:
    """Samples of a crosstalk pulse at the phase where they have most power (93A-33)."""
    whole = np.pad(pulse, (0, -len(pulse) % n)).reshape(-1, n)
    return whole[:, int(np.argmax((whole**2).sum(axis=0)))]


def _density(groups: Sequence[Real], levels: int, signal: float) -> tuple[Real, float]:
    """Probability of each sum of samples times symbols, on a grid about 0, and the grid's step."""
    samples = np.concatenate([one[np.abs(one) > LEAST_SAMPLE * signal] for one in groups])
    step = signal / CELLS
    symbols = np.linspace(-1.0, 1.0, levels)
    half = int(np.ceil(np.abs(samples).sum() / step)) + len(samples) + 1
    density = np.zeros(2 * half + 1)
    density[half] = 1.0
    reach = 0
    for sample in samples:
        moves = np.rint(sample * symbols / step).astype(int)
        inner = density[half - reach : half + reach + 1].copy() / levels
        density[half - reach : half + reach + 1] = 0.0
        for move in moves:
            density[half - reach + move : half + reach + 1 + move] += inner
        reach += int(np.abs(moves).max())
    return density, step


def _exceeded(density: Real, step: float, deviation: float, probability: float) -> float:
    """Amplitude that the sum with a Gaussian is above with `probability`."""
    amplitude = (np.arange(len(density)) - len(density) // 2) * step
    used = density > 0
    density, amplitude = density[used], amplitude[used]
    deviation = max(deviation, step / 10)
    low, high = 0.0, float(amplitude.max()) + 40 * deviation
    for _ in range(50):
        middle = (low + high) / 2
        if float(density @ special.ndtr((amplitude - middle) / deviation)) > probability:
            low = middle
        else:
            high = middle
    return high
