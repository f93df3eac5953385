"""Golden model of the exported devices: the same equations, solved by scipy and in closed form.

Ring: coupled-mode theory (B. E. Little et al., J. Lightwave Technol. 15, 998 (1997)). With the
field `s` of the bus (root mW, exp(+j w t) at the carrier), the field `b` that the ring sends back
into it, the photon lifetime `tau`, and `u`, the resonance less the carrier in half widths:

    tau db/dt = -(1 + j u) b - k s        out = gain (s + b)
    u = 2 d / fwhm      d = detuning + shift(v) + heater_pm_per_mw p

`v` is the reverse voltage of the junction, behind the series resistance; the shift follows the
depletion width of an abrupt junction, sqrt(1 + v / built_in). `p` is the heater's power behind its
thermal time constant. At rest `|out / s|^2` is the Lorentzian of `spec.optical_model.Ring`.

Small signals: J. Mueller et al., Sci. Rep. 4, 6310 (2014) discuss the peaking that follows.

Photodiode: responsivity times power behind the transit pole, a current beside a constant
capacitance behind a series resistance. White shot noise of all current; thermal noise of the
series resistance is the simulator's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.optimize import root_scalar

from lightloom.photonics.export.parameters import PhotodiodeParameters, RingParameters

Array = NDArray[np.float64]
ELECTRON_C = 1.602176634e-19
THERMAL_V = 1.380649e-23 * 300.15 / ELECTRON_C
"""kT/q at 27 degrees Celsius, the simulators' nominal temperature."""
FORWARD = 0.5
"""Beyond this part of the built-in voltage forward, the capacitance goes on along its tangent."""
FLOOR = 0.01
"""Least value of 1 + v / built_in in the shift: beyond, the junction is not depleted any more."""


def shift_pm(p: RingParameters, reverse_v: float) -> float:
    """Shift of the resonance from where it is at the bias; tangent there: the efficiency."""
    return p.depletion_pm * (math.sqrt(max(1 + reverse_v / p.built_in_v, FLOOR)) - p.bias_root)


def half_widths(p: RingParameters, reverse_v: float, heat_mw: float = 0.0) -> float:
    """Resonance less carrier in half widths."""
    d = p.detuning_pm + shift_pm(p, reverse_v) + p.heater_pm_per_mw * heat_mw
    return 2.0 * d / p.fwhm_pm


def capacitance_ff(p: RingParameters, reverse_v: float) -> float:
    """Capacitance of the junction, abrupt; its tangent in `v` beyond `FORWARD`."""
    x = -reverse_v / p.built_in_v
    if x < FORWARD:
        return p.capacitance_ff / math.sqrt(1.0 - x)
    return p.capacitance_ff * (1.0 - 1.5 * FORWARD + 0.5 * x) / (1.0 - FORWARD) ** 1.5


def transmission(p: RingParameters, reverse_v: float, heat_mw: float = 0.0) -> complex:
    """Field transmission at rest."""
    u = half_widths(p, reverse_v, heat_mw)
    return p.gain * (1.0 - p.coupling / (1.0 + 1j * u))


def small_signal(
    p: RingParameters, frequencies_hz: Array, reverse_v: float, source_ohm: float = 0.0
) -> NDArray[np.complex128]:
    """Change of transmitted power over change of the driver's voltage, per mW at the input.

    Closed form: the sideband above and the one below the carrier see their own part of the
    resonance, and the junction's RC stands before both.
    """
    s = 2j * np.pi * np.asarray(frequencies_hz)
    tau = p.lifetime_ps * 1e-12
    u = half_widths(p, reverse_v)
    still = -p.coupling / (1.0 + 1j * u)  # the field b for s = 1
    out = 1.0 + still
    slope = p.depletion_pm / (2.0 * p.built_in_v * math.sqrt(1.0 + reverse_v / p.built_in_v))
    du = 2.0 * slope / p.fwhm_pm
    upper = -1j * still * du / (1.0 + 1j * u + s * tau)
    lower = 1j * np.conj(still) * du / (1.0 - 1j * u + s * tau)
    power = p.gain**2 * (np.conj(out) * upper + out * lower)
    rc = (p.resistance_ohm + source_ohm) * capacitance_ff(p, reverse_v) * 1e-15
    return power / (1.0 + s * rc)


def bandwidth_hz(
    response: Callable[[Array], NDArray[np.complex128]], top_hz: float = 1e13
) -> float:
    """Lowest frequency at which a response has lost half its power (3 dB electrical).

    Raises:
        ValueError: it does not fall that far below `top_hz`.
    """
    still = abs(response(np.array([0.0]))[0])
    grid = np.geomspace(1e6, top_hz, 4001)
    below = np.flatnonzero(np.abs(response(grid)) < still / math.sqrt(2.0))
    if not below.size or not below[0]:
        raise ValueError(f"no bandwidth between {grid[0]:g} and {top_hz:g} Hz")
    first = below[0]

    def excess(frequency: float) -> float:
        return float(abs(response(np.array([frequency]))[0]) / still - 1.0 / math.sqrt(2.0))

    return float(root_scalar(excess, bracket=(grid[first - 1], grid[first])).root)


def ring_transient(
    p: RingParameters,
    times_s: Sequence[float] | Array,
    reverse_v: Callable[[float], float],
    field: Callable[[float], complex] = lambda t: 1.0 + 0j,
    heat_mw: Callable[[float], float] = lambda t: 0.0,
    source_ohm: float = 0.0,
    step_s: float = math.inf,
) -> NDArray[np.complex128]:
    """Field at the output at rising `times_s`, from rest at the first of them.

    Args:
        p: parameters.
        times_s: times in s.
        reverse_v: voltage of the driver from e1 to e2, over the time in s.
        field: field at the input in root mW.
        heat_mw: electrical power in the heater.
        source_ohm: resistance of the driver.
        step_s: longest step; below the shortest feature of the functions.
    """
    times = np.asarray(times_s, dtype=float)
    tau, heat_s = p.lifetime_ps * 1e-12, p.heater_tau_us * 1e-6
    ohm = p.resistance_ohm + source_ohm

    def forward_a(v: float) -> float:
        return p.saturation_a * math.expm1(min(-v / THERMAL_V, 80.0))

    def change(t: float, state: Array) -> Array:
        v, heat, b = state[0], state[1], complex(state[2], state[3])
        u = half_widths(p, v, heat)
        db = (-(1.0 + 1j * u) * b - p.coupling * field(t)) / tau
        dv = ((reverse_v(t) - v) / ohm + forward_a(v)) / (capacitance_ff(p, v) * 1e-15)
        return np.array([dv, (heat_mw(t) - heat) / heat_s, db.real, db.imag])

    start = float(times[0])
    v, heat = reverse_v(start), heat_mw(start)
    still = -p.coupling * field(start) / (1.0 + 1j * half_widths(p, v, heat))
    solved = solve_ivp(
        change,
        (start, float(times[-1])),
        [v, heat, still.real, still.imag],
        method="DOP853",
        t_eval=times,
        rtol=1e-8,
        atol=1e-10,
        max_step=step_s,
    )
    if not solved.success:
        raise ValueError(f"ring transient: {solved.message}")
    bus = np.array([field(float(t)) for t in times])
    return p.gain * (bus + solved.y[2] + 1j * solved.y[3])


def photocurrent_a(p: PhotodiodeParameters, power_mw: float) -> float:
    """Current from e2 to e1 in reverse at rest, light and dark."""
    return 1e-3 * p.responsivity_a_per_w * power_mw + 1e-9 * p.dark_current_na


def photodiode_response(
    p: PhotodiodeParameters, frequencies_hz: Array, load_ohm: float = 0.0
) -> NDArray[np.complex128]:
    """Current into the load over optical power in A/W: transit pole and RC pole."""
    s = 2j * np.pi * np.asarray(frequencies_hz)
    rc = (p.resistance_ohm + load_ohm) * p.capacitance_ff * 1e-15
    return p.responsivity_a_per_w / (1.0 + s * p.transit_ps * 1e-12) / (1.0 + s * rc)


def shot_noise_a2_per_hz(p: PhotodiodeParameters, power_mw: float) -> float:
    """One-sided density of the photodiode's shot noise, all current."""
    return 2.0 * ELECTRON_C * photocurrent_a(p, power_mw)
