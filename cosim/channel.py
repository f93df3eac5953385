"""The electrical path in frequency and in time: package trace, driver, amplifier, equalizer.

A transfer function is a callable of frequency in Hz, convention exp(+j w t), equal to its value at
zero frequency for f = 0.

The analytic package trace is a line of other impedance than its ends: with one-way transmission
`T` and reflection `r` at either end (flat, from the return loss) it passes
`(1 - r^2) T / (1 - r^2 T^2)`, so re-reflections appear and its gain at zero frequency is 1.
`T` is causal in closed form: skin loss is `exp(-a sqrt(s))`, dielectric loss that of a wideband
Debye medium, `exp(-b s ln((w2 + s) / (w1 + s)))`, whose loss grows linearly between `w1` and `w2`.

Source: A. R. Djordjevic et al., IEEE Trans. Electromagn. Compat. 43, 662 (2001).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lightloom.spec import DesignError
from lightloom.spec.design import Package

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Transfer = Callable[[Real], Complex]

NEPER_DB = 20.0 / np.log(10.0)
DEBYE_LOW = 2 * np.pi * 1e4
DEBYE_HIGH = 2 * np.pi * 1e12
PASSIVE_LIMIT = 1.01
"""Greatest singular value of a file's matrix that passes as rounding or calibration residue."""
LEAST_POINTS = 16
MOST_BYTES = 1 << 26
WINDOW_UI = 2048
"""Length of the window in which responses are transformed; the tail of skin loss is long."""
EARLIEST_UI = 32


# -- elements -----------------------------------------------------------------------------------


def pole(bandwidth_hz: float) -> Transfer:
    """One pole, -3 dB at `bandwidth_hz`."""
    return lambda f: np.asarray(1.0 / (1.0 + 1j * f / bandwidth_hz), np.complex128)


def butterworth2(bandwidth_hz: float) -> Transfer:
    """Two-pole Butterworth low pass, -3 dB at `bandwidth_hz`."""

    def transfer(f: Real) -> Complex:
        s = 1j * f / bandwidth_hz
        return 1.0 / (1.0 + np.sqrt(2.0) * s + s * s)

    return transfer


def ctle(boost_db: float, nyquist_hz: float) -> Transfer:
    """One zero and two poles, at Nyquist and at four times it; gain 1 at zero frequency.

    The zero is where it must be for a gain of `boost_db` at Nyquist.
    """
    x = 1.0  # Nyquist over the first pole
    gain = 10 ** (boost_db / 20) * np.sqrt((1 + x**2) * (1 + (x / 4) ** 2))
    zero = nyquist_hz / np.sqrt(gain**2 - 1.0)

    def transfer(f: Real) -> Complex:
        s = 1j * f
        return (1 + s / zero) / ((1 + s / nyquist_hz) * (1 + s / (4 * nyquist_hz)))

    return transfer


def trace(package: Package, nyquist_hz: float) -> Transfer:
    """Return the analytic package trace; raises `DesignError` for a loss that needs more delay."""
    w = 2 * np.pi * nyquist_hz
    skin_neper = package.loss_db * package.skin_fraction / NEPER_DB
    debye_neper = package.loss_db * (1 - package.skin_fraction) / NEPER_DB
    a = skin_neper / np.sqrt(w / 2)
    at_nyquist = np.log((DEBYE_HIGH + 1j * w) / (DEBYE_LOW + 1j * w))
    b = debye_neper / (-w * at_nyquist.imag)
    # what the two losses delay by themselves at Nyquist
    own = skin_neper / w + b * at_nyquist.real
    delay = package.delay_ps * 1e-12 - own
    if delay < 0:
        raise DesignError(
            f"package.delay_ps = {package.delay_ps:g}; allowed: at least {own * 1e12:.1f}, "
            f"which the loss of {package.loss_db:g} dB itself delays"
        )
    r2 = 10 ** (-package.return_loss_db / 10)

    def transfer(f: Real) -> Complex:
        s = 2j * np.pi * np.asarray(f)
        debye = b * s * np.log((DEBYE_HIGH + s) / (DEBYE_LOW + s))
        once = np.exp(-a * np.sqrt(s) - debye - s * delay)
        return (1 - r2) * once / (1 - r2 * once**2)

    return transfer


# -- Touchstone -----------------------------------------------------------------------------------


def touchstone(path: Path, nyquist_hz: float) -> Transfer:
    """Forward transfer of a Touchstone file: S21 of a two-port, Sdd21 of a four-port.

    A four-port's two lines are found by their coupling: ports 1 and 2 face 3 and 4, or 1 and 3 face
    2 and 4. Between points magnitude in dB and unwrapped phase are linear; towards zero the
    magnitude follows the root of frequency and the phase goes to zero; above the last point the
    file's own slope and delay go on. Raises `DesignError` for a file that cannot be used.
    """
    network = _read(path)
    name = f"package.touchstone = {path}"
    f = np.asarray(network.f, float)
    if f[-1] < nyquist_hz:
        raise DesignError(
            f"{name}: ends at {f[-1] * 1e-9:g} GHz; allowed: at least the Nyquist frequency, "
            f"{nyquist_hz * 1e-9:g} GHz"
        )
    if len(f) < LEAST_POINTS:
        raise DesignError(f"{name}: {len(f)} frequency points; allowed: at least {LEAST_POINTS}")
    largest = np.linalg.svd(np.asarray(network.s), compute_uv=False).max()
    if largest > PASSIVE_LIMIT:
        raise DesignError(
            f"{name}: not passive, greatest singular value {largest:.3f}; "
            f"allowed: at most {PASSIVE_LIMIT:g}"
        )
    return _extend(name, f, _forward(name, network))


def _read(path: Path) -> Any:
    import skrf

    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise DesignError(
            f"package.touchstone = {path}: {path.stat().st_size} bytes; "
            f"allowed: at most {MOST_BYTES}"
        )
    name = f"package.touchstone = {path}"
    try:
        file: Any = io.StringIO(path.read_text())
        file.name = path.name  # its ending says how many ports
        network: Any = skrf.Network(file)
        network.renormalize(50.0)
    except FileNotFoundError:
        raise DesignError(f"{name}: no such file") from None
    except Exception as error:  # the reader raises whatever its parsing runs into
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DesignError(f"{name}: not readable as Touchstone: {first}") from None
    if network.nports not in (2, 4):
        raise DesignError(f"{name}: {network.nports} ports; allowed: 2 or 4")
    if not np.all(np.isfinite(network.s)):
        raise DesignError(f"{name}: holds values that are not finite")
    return network


def _forward(name: str, network: Any) -> Complex:
    if network.nports == 2:
        return np.asarray(network.s[:, 1, 0])
    s = np.abs(network.s[0])
    facing_third, facing_second = (s[2, 0] * s[3, 1]) ** 0.5, (s[1, 0] * s[3, 2]) ** 0.5
    if max(facing_third, facing_second) < 4 * min(facing_third, facing_second):
        raise DesignError(
            f"{name}: no clear pair of lines at {network.f[0] * 1e-9:g} GHz: |S31| {s[2, 0]:.2f}, "
            f"|S21| {s[1, 0]:.2f}; allowed: one above 4 times the other"
        )
    order = [0, 1, 2, 3] if facing_third > facing_second else [0, 2, 1, 3]
    mixed = network.subnetwork(order)
    mixed.se2gmm(p=2)
    return np.asarray(mixed.s[:, 1, 0])


def _extend(name: str, f: Real, h: Complex) -> Transfer:
    positive = f > 0
    f, h = f[positive], h[positive]
    magnitude = np.maximum(np.abs(h), 1e-12)
    if np.diff(f).max() > 1.0 / 6.0 / _delay(f, h):
        raise DesignError(
            f"{name}: {np.diff(f).max() * 1e-6:g} MHz between points is too coarse for a delay of "
            f"{_delay(f, h) * 1e12:.0f} ps; allowed: at most "
            f"{1e-6 / 6 / _delay(f, h):.0f} MHz"
        )
    phase = np.unwrap(np.asarray(np.angle(h), float))
    # the branch that goes through zero, or half a turn, at zero frequency
    at_zero = phase[0] - f[0] * (phase[1] - phase[0]) / (f[1] - f[0])
    phase = phase - np.pi * np.round(at_zero / np.pi)
    sign = -1.0 if round(at_zero / np.pi) % 2 else 1.0
    decibel = 20 * np.log10(magnitude)
    root = np.sqrt(f)
    low = decibel[0] - root[0] * (decibel[3] - decibel[0]) / (root[3] - root[0])
    top = len(f) - max(4, len(f) // 4)
    slope_db = min(0.0, float(np.polyfit(f[top:], decibel[top:], 1)[0]))
    slope_phase = float(np.polyfit(f[top:], phase[top:], 1)[0])
    points = np.concatenate([[0.0], f])
    decibels = np.concatenate([[min(low, 0.0)], decibel])
    phases = np.concatenate([[0.0], phase])

    def transfer(at: Real) -> Complex:
        at = np.asarray(at, float)
        over = np.maximum(at - f[-1], 0.0)
        level = np.interp(at, points, decibels) + slope_db * over
        angle = np.interp(at, points, phases) + slope_phase * over
        return sign * 10 ** (level / 20) * np.exp(1j * angle)

    return transfer


def _delay(f: Real, h: Complex) -> float:
    """Mean group delay, the phase step of most points being less than half a turn."""
    step = np.asarray(np.angle(h[1:] / h[:-1]), float)
    step = np.where(step > 1.0, step - 2 * np.pi, step)
    return max(float(np.median(-step / (2 * np.pi * np.diff(f)))), 1e-12)


def package(package: Package, nyquist_hz: float) -> Transfer:
    """Transfer of the package channel that the design asks for."""
    if package.touchstone is not None:
        return touchstone(Path(package.touchstone), nyquist_hz)
    return trace(package, nyquist_hz)


# -- time -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Response:
    """A causal response on a fine grid, its bulk delay taken off."""

    values: Real
    per_ui: int
    delay_ui: float
    """Time of `values[0]`."""
    lost: float
    """Part of the response's integral that was cut off at the end."""

    @property
    def symbols(self) -> int:
        """Length in symbols."""
        return len(self.values) // self.per_ui


def held(transfer: Transfer, hold_ui: float, ui_s: float, per_ui: int, longest_ui: int) -> Response:
    """Response to a level of 1 that is held for `hold_ui` symbols.

    The window is long against any ringing. The response starts where it passes 1e-4 of its peak,
    at most `EARLIEST_UI` before it, and is cut where it stays below 5e-4, at the latest after
    `longest_ui` symbols.
    """
    count = WINDOW_UI * per_ui
    f = np.fft.rfftfreq(count, ui_s / per_ui).astype(np.float64)
    w = 2j * np.pi * f * hold_ui * ui_s
    hold = np.ones_like(w)
    hold[1:] = -np.expm1(-w[1:]) / w[1:]
    response = np.fft.irfft(transfer(f) * hold, count) * hold_ui * per_ui
    # what lies before time zero is at the window's end
    response = np.roll(response, count // 8)
    size = np.abs(response)
    top = int(np.argmax(size))
    start = max(0, top - EARLIEST_UI * per_ui)
    first = start + int(np.argmax(size[start : top + 1] > 1e-4 * size[top]))
    after = size[top : top + longest_ui * per_ui]
    last = top + int(np.flatnonzero(after > 5e-4 * size[top])[-1])
    symbols = min(max(1, -(-(last + 1 - first) // per_ui)), longest_ui)
    values = response[first : first + symbols * per_ui]
    whole = float(response.sum())
    return Response(
        values=values,
        per_ui=per_ui,
        delay_ui=first / per_ui - WINDOW_UI // 8,
        lost=abs(whole - float(values.sum())) / abs(whole),
    )
