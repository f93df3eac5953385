"""TDECQ of PAM4 and TDEC of NRZ: the power that a waveform costs against an ideal one.

The procedure is that of IEEE 802.3 121.8.5 (PAM4) and 95.8.5 (NRZ):

1. The waveform passes the reference receiver, a 4th-order Bessel-Thomson filter, and for PAM4 a
   T-spaced equalizer whose taps sum to 1 and whose largest is one of the first three.
2. Two histograms of the level, 0.04 UI wide and 0.1 UI apart for PAM4, are taken of the eye.
3. Gaussian noise, filtered as the signal is, is added until the larger of the two symbol error
   ratios meets the target. Thresholds lie at the mean power and a third of the outer OMA to either
   side; each may move by 1 % of the OMA. A symbol counts as what its side of a threshold says, as
   the procedure knows no pattern: a symbol that is beyond a threshold without noise is no error.
4. The noise an ideal transmitter of that OMA could bear, `OMA / (2 (levels - 1) Q)`, over the noise
   found, the measuring receiver's own added to it, in optical dB. Taps, the time of the histograms
   and the thresholds are those of the least result.

SECQ is the same figure of the stressed signal at a receiver's input, TECQ that of a transmitter
without the fibre. Read in the manual of an instrument (Keysight FlexDCA): target 4.8e-4, histogram
width 0.04 UI, centres at 0.45 and 0.55 UI. Recalled: the rest, of it all of TDEC. Later editions
limit single taps, which is not done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, special

from lightloom.cosim.measure import levels as level_figures
from lightloom.cosim.measure.waveform import Complex, Real, Response, Waveform, bessel_thomson

GRID = 50
"""Instants of a symbol at which waveforms are looked at."""
BINS = 800
"""Of a histogram, over the range of the waveform."""


@dataclass(frozen=True)
class Method:
    """Numbers of the procedure."""

    levels: int
    bandwidth: float | None
    """Of the receiver, in symbol rates; None: no filter, and noise that is white between taps."""
    taps: int
    target: float
    """Symbol error ratio."""
    spacing_ui: float
    width_ui: float = 0.04
    threshold_move: float = 0.01
    """In OMA, either way."""

    @property
    def q(self) -> float:
        """Distance to a threshold in deviations at which an ideal signal has the target."""
        wrong = 2 * (self.levels - 1) / self.levels  # thresholds that an average symbol touches
        return float(-special.ndtri(self.target / wrong))


TDECQ = Method(levels=4, bandwidth=0.5, taps=5, target=4.8e-4, spacing_ui=0.1)
TDEC = Method(
    levels=2, bandwidth=12.6 / 25.78125, taps=1, target=5e-5, spacing_ui=0.2, threshold_move=0.0
)
"""Recalled from 100GBASE-SR4, its receiver scaled with the symbol rate."""


@dataclass(frozen=True)
class Closure:
    """Result: the penalty and what it was found with."""

    db: float
    """TDECQ, or TDEC; infinite above 20, an eye that is closed without any noise."""
    ceq_db: float
    """Part of it that is the equalizer's gain for noise."""
    noise_mw: float
    """Deviation of the noise that could be added at the equalizer's input."""
    oma_mw: float
    phase_ui: float
    """Middle between the histograms, after the start of a symbol."""
    taps: tuple[float, ...]
    thresholds_mw: tuple[float, ...]


class _Receiver:
    """The filtered waveform and the noise of the same filter."""

    def __init__(self, w: Waveform, method: Method, noise_mw: float) -> None:
        self.method, self.own_noise = method, noise_mw
        response: Response = bessel_thomson(method.bandwidth) if method.bandwidth else _flat
        w = w.filtered(response) if method.bandwidth else w
        w = w.aligned()
        self.oma = level_figures.measure(w).oma_mw
        self.mean = w.mean
        self.symbols = w.symbols
        if self.oma <= 0:
            raise ValueError(f"OMA = {self.oma:g} mW; allowed: above 0, levels in rising power")
        if method.bandwidth:
            self._fine = w.resampled(GRID).power.reshape(-1, GRID)
        else:  # held between its samples
            at = np.arange(GRID) * w.samples_per_ui // GRID
            self._fine = w.power.reshape(len(w.symbols), -1)[:, at]
        self.correlation = _correlation(method)
        self.ideal = self.oma / (2 * (method.levels - 1) * method.q)
        half = method.levels // 2
        steps = np.arange(1 - half, half, dtype=np.float64)
        self.nominal: Real = self.mean + self.oma / (method.levels - 1) * steps

    def column(self, instant: int) -> Real:
        """Level of every symbol at an instant of the grid, which may lie in a neighbour."""
        return np.roll(self._fine[:, instant % GRID], -(instant // GRID))

    def windows(self, instant: int, main: int) -> Real:
        """Inputs of each tap in the left and right window, `[tap, window, sample]`."""
        half = self.method.width_ui / 2
        sides = []
        for centre in (-self.method.spacing_ui / 2, self.method.spacing_ui / 2):
            at = [round((centre + d) * GRID) for d in (-half, 0.0, half)]
            columns = [self.column(instant + a) for a in at]
            sides.append(np.stack([self._delayed(c, main) for c in columns], axis=-1))
        return np.stack([s.reshape(self.method.taps, -1) for s in sides], axis=1)

    def _delayed(self, column: Real, main: int) -> Real:
        return np.stack([np.roll(column, k - main) for k in range(self.method.taps)])

    def least_squares(self, instant: int, main: int, noise: float) -> Real:
        """Taps of least mean square error with that noise, their sum 1."""
        x = self._delayed(self.column(instant), main) - self.mean
        wanted = (self.symbols / (self.method.levels - 1) - 0.5) * self.oma
        count = self.method.taps
        system = np.ones((count + 1, count + 1))
        system[:count, :count] = x @ x.T / x.shape[1] + noise**2 * self.correlation
        system[count, count] = 0.0
        right = np.append(x @ wanted / x.shape[1], 1.0)
        return np.asarray(np.linalg.solve(system, right)[:count], np.float64)

    def bearable(self, x: Real, taps: Real) -> tuple[float, Real]:
        """Noise at the equalizer's input that meets the target, and the thresholds of least errors.

        The noise is 0 when the eye is closed.
        """
        gain = float(np.sqrt(taps @ self.correlation @ taps))
        y = np.asarray(np.tensordot(taps, x, 1), np.float64)
        low, high = float(y.min()), float(y.max())
        step = (high - low) / BINS
        centres: Real = low + (np.arange(BINS, dtype=np.float64) + 0.5) * step
        places = np.minimum(((y - low) / step).astype(np.intp), BINS - 1)
        density: Real = np.stack([np.bincount(p, minlength=BINS) / p.size for p in places])
        used = density.any(axis=0)
        centres, density = centres[used], density[:, used]
        thresholds = self.nominal
        noise = self._solve(centres, density, thresholds, gain)
        move = self.method.threshold_move * self.oma
        if move and noise:
            offsets = np.linspace(-move, move, 9)
            moved = self.nominal[:, None] + offsets
            away = np.abs(centres[:, None, None] - moved) / (gain * noise)
            errors = np.tensordot(density, special.ndtr(-away), 1).sum(axis=0)
            thresholds = self.nominal + offsets[errors.argmin(axis=1)]
            noise = self._solve(centres, density, thresholds, gain)
        return noise, thresholds

    def _solve(self, centres: Real, density: Real, thresholds: Real, gain: float) -> float:
        away = -np.abs(centres[:, None] - thresholds)
        target = self.method.target

        def excess(log_noise: float) -> float:
            errors = density @ special.ndtr(away / (gain * np.exp(log_noise))).sum(axis=1)
            return float(np.log(max(float(errors.max()), 1e-300) / target))

        low, high = np.log(self.ideal * 1e-2), np.log(self.ideal * 3)
        if excess(low) > 0:
            return 0.0
        root: Any = optimize.brentq(excess, low, high, xtol=1e-5)
        return float(np.exp(root))

    def penalty(self, noise: float) -> float:
        """In optical dB, for noise that could be added beside the receiver's own."""
        total = float(np.hypot(noise, self.own_noise))
        return float(10 * np.log10(self.ideal / total)) if total else float("inf")


def _flat(f: Real) -> Complex:
    return np.ones_like(f, dtype=complex)


def _correlation(method: Method) -> Real:
    """Of the receiver's noise between taps, `[tap, tap]`, 1 on the diagonal."""
    count = method.taps
    if not method.bandwidth:
        return np.eye(count)
    f = np.linspace(0.0, 8 * method.bandwidth, 8001)
    power = np.abs(bessel_thomson(method.bandwidth)(f)) ** 2
    lags = np.array([float((power * np.cos(2 * np.pi * f * k)).sum()) for k in range(count)])
    # the trapezoid's ends: half of the first, nothing worth of the last
    lags = (lags - power[0] / 2) / (power.sum() - power[0] / 2)
    return lags[np.abs(np.subtract.outer(np.arange(count), np.arange(count)))]


def measure(
    w: Waveform,
    method: Method = TDECQ,
    *,
    taps: Sequence[float] | None = None,
    main: int = 0,
    phase_ui: float | None = None,
    receiver_noise_mw: float = 0.0,
    refine: int = 150,
) -> Closure:
    """Measure one period of a pattern.

    Args:
        w: The waveform; it is aligned here.
        taps: An equalizer to measure with, its `main` tap counted from 0; by default the best.
        phase_ui: Middle between the histograms, to 1/50 UI; by default the best.
        receiver_noise_mw: Deviation of noise that the measuring receiver added to the waveform.
        refine: Trials by which the taps of least squares are improved.

    Raises:
        ValueError: Other levels than the method's, taps whose sum is not 1, or no OMA.
    """
    if w.levels != method.levels:
        raise ValueError(f"levels = {w.levels}; allowed: {method.levels}")
    if receiver_noise_mw < 0:
        raise ValueError(f"receiver_noise_mw = {receiver_noise_mw:g}; allowed: 0 or more")
    if taps is not None and (len(taps) != method.taps or abs(sum(taps) - 1) > 1e-6):
        raise ValueError(f"taps = {tuple(taps)}; allowed: {method.taps} whose sum is 1")
    r = _Receiver(w, method, receiver_noise_mw)
    mains = [main] if taps is not None else range(min(3, method.taps))
    middle = GRID // 2 if phase_ui is None else round(phase_ui * GRID)
    found = max((_at(r, middle, m, taps) for m in mains), key=lambda f: f.noise)
    if phase_ui is None:
        # from the middle outwards: of equals the first is taken
        tried = (_at(r, middle + d, found.main, taps) for d in (5, -5, 10, -10))
        found = max([found, *tried], key=lambda f: f.noise)
        for step in (2, 1):
            near = [_at(r, found.instant + d, found.main, taps) for d in (-step, step)]
            found = max([found, *near], key=lambda f: f.noise)
    if taps is None and method.taps > 1 and refine and found.noise:
        found = _refined(r, found, refine)
    gain = float(np.sqrt(found.taps @ r.correlation @ found.taps))
    return Closure(
        db=r.penalty(found.noise),
        ceq_db=float(10 * np.log10(gain)),
        noise_mw=found.noise,
        oma_mw=r.oma,
        phase_ui=found.instant / GRID,
        taps=tuple(found.taps.tolist()),
        thresholds_mw=tuple(found.thresholds.tolist()),
    )


@dataclass(frozen=True, eq=False)
class _Trial:
    noise: float
    instant: int
    main: int
    taps: Real
    thresholds: Real


def _at(r: _Receiver, instant: int, main: int, given: Sequence[float] | None) -> _Trial:
    x = r.windows(instant, main)
    if given is not None or r.method.taps == 1:
        taps = np.asarray(given if given is not None else [1.0], float)
    else:
        taps = r.least_squares(instant, main, 0.8 * r.ideal)
    noise, thresholds = r.bearable(x, taps)
    return _Trial(noise, instant, main, taps, thresholds)


def _refined(r: _Receiver, start: _Trial, trials: int) -> _Trial:
    """Improve the taps by direct search; the main one makes their sum 1."""
    x = r.windows(start.instant, start.main)
    side = [k for k in range(r.method.taps) if k != start.main]

    def whole(values: Real) -> Real:
        taps = np.empty(r.method.taps)
        taps[side] = values
        taps[start.main] = 1.0 - values.sum()
        return taps

    def cost(values: Real) -> float:
        taps = whole(values)
        if np.argmax(np.abs(taps)) != start.main:
            return 0.0
        return -r.bearable(x, taps)[0] / r.ideal

    first = start.taps[side]
    simplex = np.vstack([first, first + 0.03 * np.eye(len(side))])
    options = {"maxfev": trials, "initial_simplex": simplex, "xatol": 1e-4, "fatol": 1e-5}
    best = optimize.minimize(cost, first, method="Nelder-Mead", options=options).x
    taps = whole(best)
    noise, thresholds = r.bearable(x, taps)
    if noise <= start.noise:
        return start
    return _Trial(noise, start.instant, start.main, taps, thresholds)
