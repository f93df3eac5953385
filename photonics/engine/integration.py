"""Where the engine sits: what each way of integration means for contacts, laser and copper."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lightloom.photonics import tech
from lightloom.spec.base import DesignError

_WIDTH_UM, BUMP_SPACE_UM = (
    next(rule.value_um for rule in tech.RULES if rule.name == name)
    for name in ("BUMP.width", "BUMP.space")
)
BUMP_MIN_UM = float(math.ceil(_WIDTH_UM / (2.0 * math.sin(math.pi / 8.0))))
"""Least size across flats: an octagon is narrower than that between sides at right angles."""
LANDING_UM = 8.0
"""What the metal under a bump is wider than the bump, `pads.bump`."""
BUMP_MAX_UM = 80.0
"""Solder bumps: larger ones bring nothing."""
PITCH_MIN_UM = BUMP_MIN_UM + BUMP_SPACE_UM
PITCH_MAX_UM = 250.0


@dataclass(frozen=True)
class Integration:
    """One way to join the engine's photonic die, its electrical die and the xPU.

    Pitches and lengths are demonstration values within the class named beside each.
    """

    name: Literal["obo", "npo", "cpo", "3d"]
    contacts: Literal["pads", "bumps"]
    """Wire-bond pads along the east edge, or flip-chip bumps on one grid over the whole die."""
    pitch_um: float
    over_devices: bool
    """Bumps may stand above devices. Solder on them would strain the silicon and detune it."""
    copper_mm: float
    """Copper between the xPU and the engine that this integration is for."""
    laser: str
    what: str


INTEGRATIONS: Mapping[str, Integration] = {
    one.name: one
    for one in (
        Integration(
            "obo",
            "pads",
            100.0,  # 80 um pads, wire-bond class
            False,
            150.0,  # across a board, some 15 cm
            "in the module of the engine",
            "on the board: wire bonds between the dies of a module",
        ),
        Integration(
            "npo",
            "bumps",
            130.0,  # C4 solder bumps, 130-150 um class
            False,
            50.0,  # across a high-grade substrate, some 5 cm
            "external, by fibre",
            "near the package: solder bumps",
        ),
        Integration(
            "cpo",
            "bumps",
            50.0,  # micro-bumps, 40-55 um class
            False,
            10.0,  # `Package` of the design file: 60 ps at 6 ps/mm
            "external, by fibre",
            "in the package: micro-bumps beside the devices",
        ),
        Integration(
            "3d",
            "bumps",
            40.0,  # the least that the rules of BUMP allow; 40-55 um class
            True,
            1.0,  # through the electrical die and its bumps
            "external, by fibre",
            "under the electrical die: bumps above the devices",
        ),
    )
}
"""The ways by the value of `engine.integration`."""


def pitch_um(integration: Integration, asked_um: float) -> float:
    """Bump or pad pitch on the grid; `asked_um` of 0 takes that of the integration.

    Raises:
        DesignError: the pitch cannot be drawn.
    """
    if not asked_um:
        return integration.pitch_um
    least = integration.pitch_um if integration.contacts == "pads" else PITCH_MIN_UM
    if not least <= asked_um <= PITCH_MAX_UM:
        raise DesignError(
            f"engine.bump_pitch_um = {asked_um:g} with engine.integration = "
            f"{integration.name!r}; allowed: 0, {least:g} to {PITCH_MAX_UM:g}"
        )
    # Even steps: half a pitch is on the grid too.
    return round(asked_um * 500.0) / 500.0


def bump_um(pitch: float) -> float:
    """Size of the bumps of a pitch: half of it, within what can be drawn."""
    return round(min(max(pitch / 2.0, BUMP_MIN_UM), pitch - BUMP_SPACE_UM, BUMP_MAX_UM), 3)
