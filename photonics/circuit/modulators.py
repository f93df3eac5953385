"""Scattering of Mach-Zehnder and absorption modulators without voltage, and of photodiodes."""

from __future__ import annotations

import math

from lightloom.photonics.circuit.elements import NPort
from lightloom.photonics.circuit.guided import amplitude, guide_loss_db
from lightloom.photonics.circuit.passives import Parameters, end, line, shifted
from lightloom.photonics.circuit.rings import doped_loss_db
from lightloom.photonics.devices import Numbers

OXIDE_INDEX = 1.447
"""Malitson, J. Opt. Soc. Am. 55, 1205 (1965), at 1.31 um; 1.444 at 1.55 um."""


def mzm(parameters: Parameters, numbers: Numbers) -> NPort:
    """Balanced arms with junctions between two splitters; the bias heater turns one arm.

    What does not interfere into the output is radiated by the second splitter. The splitters are
    taken as equal halves.
    """
    path, length = parameters["path_um"], parameters["length_um"]
    loss_db = (
        guide_loss_db(path, numbers)
        + 2 * numbers.splitter.loss_db
        + doped_loss_db(length, length, numbers)
    )
    return line(path, loss_db, numbers, lambda _, turn: (1.0 + shifted(turn)) / 2.0)


def eam(parameters: Parameters, numbers: Numbers) -> NPort:
    """Germanium absorber without voltage."""
    part = numbers.eam
    loss_db = part.loss_db_per_um * parameters["length_um"] + 2 * part.taper_loss_db
    return line(parameters["path_um"], loss_db, numbers)


def photodiode(parameters: Parameters, numbers: Numbers) -> NPort:
    """Absorbing germanium: what comes back is from where it begins, and from the end of the core.

    Light that is not absorbed meets the oxide there; both parts are added as if in phase.
    """
    part = numbers.photodiode
    absorbed_db = 2 * part.absorption_db_per_um * parameters["length_um"]
    index = numbers.guide.index
    far = (index - OXIDE_INDEX) / (index + OXIDE_INDEX) * amplitude(absorbed_db)
    back = min(1.0, amplitude(part.return_loss_db) + far)
    return end(0.0, -20 * math.log10(back), numbers)
