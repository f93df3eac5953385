"""One lane of an engine: its modulators, its way to the fibre, its receiver.

A lane with a laser input of its own takes light from the west and sends it back west further
south. One behind a splitter takes light from the east, where the splitters are, and its modulators
stand the other way round. Either way its waveguides cross nothing. From south to north: receiver,
way back, ground rail, modulators.
"""

from __future__ import annotations

from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.engine import parts
from lightloom.photonics.engine.parts import CLEAR_UM, Lane, Window
from lightloom.photonics.engine.plan import EnginePlan
from lightloom.photonics.engine.room import COLUMNS_A_ROW, EDGE_UM, Room, laser_tap, tap_top
from lightloom.photonics.engine.series import series
from lightloom.photonics.engine.stack import stack

TRUNK_UM = 20.0
"""From the south edge of a shared laser's strip to its waveguide."""


def draw_lane(plan: EnginePlan, step: float, spare: int, name: str) -> Lane:
    """Draw a lane as a chip of its own, without electrical lines.

    Args:
        plan: of the engine.
        step: grid of columns and heights in um.
        spare: steps that each column is wider than its devices.
        name: of the cell.
    """
    room = Room(plan, step, spare)
    assembly = Assembly(name, plan.numbers)
    lane = stack(assembly, room) if plan.muxed else series(assembly, room)
    used = {w.rail_y for w in lane.windows if any(contact.grounded for contact in w.contacts)}
    lane.rails = [rail for rail in lane.rails if rail.y in used]
    return lane


def trunk_height(plan: EnginePlan, step: float) -> float:
    """Height of the strip of a laser that lanes share."""
    above = tap_top(plan) + EDGE_UM if plan.monitors else TRUNK_UM
    return parts.up(TRUNK_UM + above, step)


def draw_trunk(plan: EnginePlan, step: float, spare: int, name: str) -> Lane | None:
    """Draw the tap of a laser that lanes share; None where there is none.

    Light comes from the west and goes on east. Arguments as for `draw_lane`.
    """
    if plan.split == 1 or not plan.monitors:
        return None
    assembly = Assembly(name, plan.numbers)
    width = draw.on_grid(parts.up(parts.tap_length(plan) + CLEAR_UM, step) + spare * step)
    height = draw.on_grid(trunk_height(plan, step) + spare // COLUMNS_A_ROW * step)
    window = Window(0.0, width, 0.0, height, None)
    light, onward = laser_tap(assembly, plan, TRUNK_UM, window)
    light.forward_to(0.0)
    return Lane(assembly, light, onward, None, width, height, height, [window], [])
