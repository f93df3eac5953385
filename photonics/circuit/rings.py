"""Rings beside waveguides: the standard closed forms, and the ring devices by them.

A. Yariv, Electron. Lett. 36, 321 (2000); D. G. Rabus, *Integrated Ring Resonators* (2007). With `t`
the field that stays in a guide at a coupler, `-j sqrt(1 - t^2)` what goes over, and `A` the field
transfer of a round trip:

- one bus: `(t - A) / (1 - t A)`; dark at resonance when `t = |A|` (critical coupling);
- two buses: through `(t1 - t2 A) / (1 - t1 t2 A)`, drop `-k1 k2 sqrt(A) / (1 - t1 t2 A)`;
- finesse `pi / (2 asin((1 - r) / (2 sqrt(r))))` with `r = t |A|` or `t1 t2 |A|`; free spectral
  range `c / (group index x round trip)`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit.elements import Field, Frequencies, NPort, Turn
from lightloom.photonics.circuit.guided import delay_ps, guide_loss_db, over_band, propagation
from lightloom.photonics.circuit.passives import Parameters, matrix, shifted
from lightloom.photonics.devices import LIGHT_UM_PER_PS, Numbers

STEPS = 400
"""Of the integral over the opening of a gap; an even number."""


def coupling_angle(
    gap_um: float,
    radius_um: float,
    straight_um: float,
    numbers: Numbers,
    wavelength_nm: float | None = None,
) -> float:
    """Coupling angle in rad of a ring at a straight bus, by the rate at each local gap.

    Both guides are taken as equally fast, which overestimates tight rings.

    Args:
        gap_um: narrowest gap.
        radius_um: of the ring's centre line.
        straight_um: length of the ring's straight part along the bus, 0 for a circle.
        numbers: of the band.
        wavelength_nm: the carrier when absent.
    """
    outer = radius_um + numbers.wire_width_um / 2
    total = 0.0
    # Simpson's rule over one quarter; towards its end the gap is a radius wide and nothing couples.
    for i in range(STEPS + 1):
        weight = 1 if i in (0, STEPS) else 4 if i % 2 else 2
        x = outer * i / STEPS
        opening = outer - math.sqrt(max(outer**2 - x**2, 0.0))
        total += weight * numbers.coupling_rate(gap_um + opening, wavelength_nm)
    bends = 2.0 * total * outer / STEPS / 3.0
    return bends + straight_um * numbers.coupling_rate(gap_um, wavelength_nm)


def all_pass(t: NDArray[np.float64], trip: Field) -> Field:
    """Transfer of a bus beside a ring."""
    return (t - trip) / (1.0 - t * trip)


def add_drop(
    t1: NDArray[np.float64], t2: NDArray[np.float64], half: Field
) -> tuple[Field, Field, Field]:
    """Transfer along the first bus, along the second, and from one to the other.

    `half` is the transfer of half a round trip.
    """
    trip = half**2
    below = 1.0 - t1 * t2 * trip
    drop = -np.sqrt((1.0 - t1**2) * (1.0 - t2**2)) * half / below
    return (t1 - t2 * trip) / below, (t2 - t1 * trip) / below, drop


def finesse(kept: float) -> float:
    """Free spectral range over full width at half depth; `kept` is the field left after a trip."""
    return math.pi / (2.0 * math.asin((1.0 - kept) / (2.0 * math.sqrt(kept))))


def free_spectral_range_ghz(round_um: float, numbers: Numbers) -> float:
    """Of a ring whose centre line is `round_um` long."""
    return 1e3 * LIGHT_UM_PER_PS / (numbers.guide.group_index * round_um)


def doped_loss_db(p_um: float, n_um: float, numbers: Numbers) -> float:
    """What free carriers absorb along a PN junction without voltage, half the core on each side.

    The depletion zone is counted as doped, which overestimates the loss.

    Args:
        p_um: length with the P side.
        n_um: length with the N side.
        numbers: of the band.
    """
    electrons, holes = numbers.pin.absorption_cm2
    per_cm2 = (holes * p_um + electrons * n_um) / 2.0 * 1e-4
    absorbed = numbers.junction.doping_per_cm3 * per_cm2 * numbers.pin.confinement
    return 10.0 * math.log10(math.e) * absorbed


def ring_modulator(parameters: Parameters, numbers: Numbers) -> NPort:
    """All-pass ring without voltage: P along the whole ring, N along the half beyond the bus."""
    radius, gap, path = (parameters[key] for key in ("radius_um", "gap_um", "path_um"))
    length = 2.0 * math.pi * radius
    loss_db = guide_loss_db(length, numbers) + doped_loss_db(length, length / 2, numbers)
    bus_db = guide_loss_db(path, numbers)

    def s(frequencies: Frequencies, turn: Turn | None) -> Field:
        angle = over_band(lambda nm: coupling_angle(gap, radius, 0.0, numbers, nm), frequencies)
        trip = propagation(length, frequencies, loss_db, numbers) * _turned(turn)
        bus = propagation(path, frequencies, bus_db, numbers)
        t = bus * all_pass(np.cos(angle), trip)
        return matrix(2, {(0, 1): t}, t.size)

    return NPort(("o1", "o2"), s, delay_ps(path, numbers), heated=True)


def ring_filter(parameters: Parameters, numbers: Numbers) -> NPort:
    """Racetrack between two buses: o1-o2 and o4-o3 pass, o1-o3 and o4-o2 drop."""
    radius, straight, gap, drop_gap, path = (
        parameters[key] for key in ("radius_um", "straight_um", "gap_um", "drop_gap_um", "path_um")
    )
    length = 2.0 * (math.pi * radius + straight)
    loss_db = guide_loss_db(length, numbers) + numbers.ring_filter.turn_loss_db
    bus_db = guide_loss_db(path, numbers)

    def s(frequencies: Frequencies, turn: Turn | None) -> Field:
        stay = [
            np.cos(
                over_band(
                    lambda nm, g=g: coupling_angle(g, radius, straight, numbers, nm), frequencies
                )
            )
            for g in (gap, drop_gap)
        ]
        trip = propagation(length / 2, frequencies, loss_db / 2, numbers)
        half = trip * _turned(None if turn is None else turn / 2)
        bus = propagation(path, frequencies, bus_db, numbers)
        first, second, drop = (bus * part for part in add_drop(stay[0], stay[1], half))
        pairs = {(0, 1): first, (2, 3): second, (0, 2): drop, (1, 3): drop}
        return matrix(4, pairs, first.size)

    return NPort(("o1", "o2", "o3", "o4"), s, delay_ps(path, numbers), heated=True)


def _turned(turn: Turn | None) -> Field | float:
    return 1.0 if turn is None else shifted(turn)
