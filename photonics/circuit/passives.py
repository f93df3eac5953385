"""Scattering of couplers, crossings, splitters, phase shifters, fibre couplers and ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit.elements import Field, Frequencies, NPort, Turn
from lightloom.photonics.circuit.guided import (
    LIGHT_M_PER_S,
    amplitude,
    delay_ps,
    guide_loss_db,
    over_band,
    propagation,
)
from lightloom.photonics.devices import Numbers

Parameters = Mapping[str, float]


def matrix(size: int, entries: Mapping[tuple[int, int], Field | complex], points: int) -> Field:
    """Reciprocal S-matrix `(f, n, n)` from its entries above and on the diagonal."""
    s = np.zeros((points, size, size), dtype=complex)
    for (i, j), value in entries.items():
        s[:, i, j] = s[:, j, i] = value
    return s


def line(
    length_um: float, loss_db: float, numbers: Numbers, driven: Callable[..., Field] | None = None
) -> NPort:
    """A matched two-port as long as a strip; `driven(f, turn)` is the factor of a phase shifter."""

    def s(frequencies: Frequencies, turn: Turn | None) -> Field:
        t = propagation(length_um, frequencies, loss_db, numbers)
        if driven is not None and turn is not None:
            t = t * driven(frequencies, turn)
        return matrix(2, {(0, 1): t}, t.size)

    return NPort(("o1", "o2"), s, delay_ps(length_um, numbers), heated=driven is not None)


def mirrored(
    length_um: float,
    lead_db: float,
    return_loss_db: float,
    loss_db: Callable[[Frequencies], NDArray[np.float64]],
    numbers: Numbers,
) -> NPort:
    """A waveguide from `o1`, a weak mirror at its end, and what is lost behind it up to `o2`.

    The mirror itself loses nothing, so that the whole is passive for any numbers.

    Args:
        length_um: of the waveguide.
        lead_db: loss of the waveguide.
        return_loss_db: of the mirror.
        loss_db: of the whole device, what the mirror holds back included.
        numbers: of the band.
    """
    r = amplitude(return_loss_db)
    through = math.sqrt(1.0 - r * r)

    def s(frequencies: Frequencies, _: Turn | None) -> Field:
        lead = propagation(length_um, frequencies, lead_db, numbers)
        after = np.minimum(1.0, 10 ** (-(loss_db(frequencies) - lead_db) / 20) / through)
        entries = {(0, 0): r * lead**2, (0, 1): through * after * lead, (1, 1): -r * after**2}
        return matrix(2, entries, lead.size)

    return NPort(("o1", "o2"), s, delay_ps(length_um, numbers))


def coupler2x2(parameters: Parameters, numbers: Numbers) -> NPort:
    """Directional coupler: o1-o4 and o2-o3 are the waveguides."""
    gap, length, path = (parameters[key] for key in ("gap_um", "length_um", "path_um"))
    loss_db = guide_loss_db(path, numbers) + numbers.coupler.excess_loss_db

    def s(frequencies: Frequencies, _: Turn | None) -> Field:
        angle = over_band(lambda nm: numbers.coupling_angle(gap, length, nm), frequencies)
        common = propagation(path, frequencies, loss_db, numbers)
        bar, cross = np.cos(angle) * common, -1j * np.sin(angle) * common
        return matrix(4, {(0, 3): bar, (1, 2): bar, (0, 2): cross, (1, 3): cross}, angle.size)

    return NPort(("o1", "o2", "o3", "o4"), s, delay_ps(path, numbers))


def crossing(parameters: Parameters, numbers: Numbers) -> NPort:
    """Crossing of four equal arms; o1-o3 and o2-o4 are through.

    A crossing with that symmetry which loses nothing has crosstalk in quadrature to the light that
    goes through, and a reflection: cos^2(x), j sin(x) cos(x) into each side arm and -sin^2(x) back.
    Here all three are that, times the square root of what is not lost.
    """
    path = parameters["path_um"]
    angle, excess_db = crossing_of(numbers)
    kept, loss_db = amplitude(excess_db), guide_loss_db(path, numbers)

    def s(frequencies: Frequencies, _: Turn | None) -> Field:
        common = kept * propagation(path, frequencies, loss_db, numbers)
        straight, back = math.cos(angle) ** 2 * common, -(math.sin(angle) ** 2) * common
        side = 1j * math.sin(angle) * math.cos(angle) * common
        entries = {(i, i): back for i in range(4)}
        entries |= {(0, 2): straight, (1, 3): straight}
        entries |= {pair: side for pair in ((0, 1), (1, 2), (2, 3), (0, 3))}
        return matrix(4, entries, common.size)

    return NPort(("o1", "o2", "o3", "o4"), s, delay_ps(path, numbers))


def crossing_of(numbers: Numbers) -> tuple[float, float]:
    """Angle x of a crossing, and what it loses of all light, in dB."""
    part = numbers.crossing
    through, leak = amplitude(part.loss_db), 10 ** (part.crosstalk_db / 20)
    angle = math.atan2(leak, through)
    # A loss too small for the crosstalk is not one: through light cannot be more than is left.
    return angle, max(0.0, -20 * math.log10(through / math.cos(angle) ** 2))


def splitter1x2(parameters: Parameters, numbers: Numbers) -> NPort:
    """Splitter o1 to o2 and o3; backwards, what does not interfere into o1 is radiated."""
    path, part = parameters["path_um"], numbers.splitter
    ratio = 10 ** (part.imbalance_db / 20)
    second = 1.0 / math.hypot(1.0, ratio)
    loss_db = part.loss_db + guide_loss_db(path, numbers)

    def s(frequencies: Frequencies, _: Turn | None) -> Field:
        common = propagation(path, frequencies, loss_db, numbers)
        return matrix(3, {(0, 1): ratio * second * common, (0, 2): second * common}, common.size)

    return NPort(("o1", "o2", "o3"), s, delay_ps(path, numbers))


def heater_waveguide(parameters: Parameters, numbers: Numbers) -> NPort:
    """Strip under a heater."""
    length = parameters["length_um"]
    loss_db = numbers.heater.loss_db + guide_loss_db(length, numbers)
    return line(length, loss_db, numbers, lambda _, turn: shifted(turn))


def shifted(turn: Turn) -> Field:
    """Field behind a phase shifter."""
    field: Field = np.exp(-1j * turn)
    return field


def pin_waveguide(parameters: Parameters, numbers: Numbers) -> NPort:
    """Rib with a PIN diode: the carriers that turn the phase also absorb."""
    path, diode = parameters["path_um"], parameters["length_um"]
    loss_db = numbers.pin.loss_db + guide_loss_db(path, numbers)

    def driven(frequencies: Frequencies, turn: Turn) -> Field:
        absorbed = pin_absorption_db(numbers, diode, frequencies, turn)
        return shifted(turn) * 10 ** (-absorbed / 20)

    return line(path, loss_db, numbers, driven)


def pin_absorption_db(
    numbers: Numbers, length_um: float, frequencies: Frequencies, turn: Turn
) -> NDArray[np.float64]:
    """`Pin.driven_loss_db` for arrays."""
    part = numbers.pin
    fill = 2 * np.pi * np.asarray(frequencies) * length_um * 1e-6 * part.confinement
    change = np.abs(turn) * LIGHT_M_PER_S / fill
    (a, p), (b, q) = part.electrons_index, part.holes_index
    with np.errstate(divide="ignore"):
        wanted = np.log(change)
    # Newton in the logarithms, where the sum of two powers is nearly a line.
    log = np.where(change > 0, (wanted - math.log(b)) / q, 0.0)
    for _ in range(8):
        first, second = a * np.exp(p * log), b * np.exp(q * log)
        slope = (p * first + q * second) / (first + second)
        log = np.where(change > 0, log - (np.log(first + second) - wanted) / slope, 0.0)
    per_cm = np.exp(log) * sum(part.absorption_cm2) * part.confinement
    return np.where(change > 0, 10 * math.log10(math.e) * per_cm * length_um * 1e-4, 0.0)


def edge_coupler(parameters: Parameters, numbers: Numbers) -> NPort:
    """Inverse taper; its loss includes the taper, its phase is that of a strip as long."""
    part, length = numbers.edge_coupler, parameters["length_um"]
    # The loss is in the taper: what the facet sends back meets it twice.
    held_back_db = -10 * math.log10(1.0 - amplitude(part.return_loss_db) ** 2)
    return mirrored(
        length,
        max(0.0, part.loss_db - held_back_db),
        part.return_loss_db,
        lambda frequencies: np.full(frequencies.shape, part.loss_db),
        numbers,
    )


def grating_coupler(parameters: Parameters, numbers: Numbers) -> NPort:
    """Grating: a parabola in dB over wavelength; the period moves its middle in proportion."""
    part, length = numbers.grating_coupler, parameters["length_um"]
    middle_nm = numbers.carrier_nm * parameters["period_um"] / part.period_um

    def loss_db(frequencies: Frequencies) -> NDArray[np.float64]:
        off_nm = LIGHT_M_PER_S / frequencies * 1e9 - middle_nm
        return part.loss_db + (off_nm / (part.bandwidth_nm / 2)) ** 2

    lead_db = guide_loss_db(length, numbers)
    return mirrored(length, lead_db, part.return_loss_db, loss_db, numbers)


def terminator(parameters: Parameters, numbers: Numbers) -> NPort:
    """Absorbing end."""
    return end(parameters["length_um"], numbers.terminator.return_loss_db, numbers)


def end(length_um: float, return_loss_db: float, numbers: Numbers) -> NPort:
    """A one-port that sends little back, from its far end."""

    def s(frequencies: Frequencies, _: Turn | None) -> Field:
        back = propagation(2 * length_um, frequencies, return_loss_db, numbers)
        return matrix(1, {(0, 0): back}, back.size)

    return NPort(("o1",), s, delay_ps(length_um, numbers))
