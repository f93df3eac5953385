"""Lanes: where their ends are, how they are turned, that they are devices and waveguides only."""

import itertools

import pytest

from lightloom.photonics import tech
from lightloom.photonics.engine import plan as plans
from lightloom.photonics.engine.lane import TRUNK_UM, draw_lane, draw_trunk, trunk_height
from lightloom.photonics.engine.pen import EAST, WEST
from lightloom.spec.design import Engine

COUNT = itertools.count()
STEP = 50.0
KINDS = [
    {"modulator": "ring"},
    {"modulator": "mzm", "monitors": True},
    {"modulator": "ring", "wavelengths": 3, "receiver": "drop-filter", "monitors": True},
    {"modulator": "eam", "wavelengths": 3, "receiver": "drop-filter"},
    {"modulator": "mzm", "wavelengths": 2, "receiver": "drop-filter", "monitors": True},
]


def lane(values, shared, spare=0):
    plan = plans.plan(Engine(laser_inputs=1, **values), 2 if shared else 1)
    return plan, draw_lane(plan, STEP, spare, f"lane{next(COUNT)}")


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("values", KINDS)
def test_light_comes_from_the_laser_and_goes_west(values, shared):
    _, one = lane(values, shared)
    assert (one.light.x_um, one.light.heading) == ((one.width_um, EAST) if shared else (0.0, WEST))
    for pen in (one.tx, one.rx):
        assert (pen.x_um, pen.heading) == (0.0, WEST)
    # From north to south as the fibres: laser, transmit, receive.
    assert one.light.y_um > one.tx.y_um or shared
    assert one.tx.y_um > one.rx.y_um > 0


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("values", KINDS)
def test_a_lane_is_whole_and_within_its_place(values, shared, regions, broken_rules):
    _, one = lane(values, shared)
    component = one.assembly.component
    assert broken_rules(component) == []
    assert one.height_um % STEP == 0
    devices = regions(component)[tech.DEVREC].bbox()
    assert devices.bottom >= 0
    assert devices.top * tech.DBU_UM <= one.need_um <= one.height_um
    assert devices.right * tech.DBU_UM <= one.width_um
    # As many ends of devices as there are ends of wires, but for the three that lead out.
    ends = sum(len(wire.pins) for wire in one.assembly.netlist.nets.values()) + 3
    optical = {"photodiode": 1, "terminator": 1, "ring_filter": 4, "coupler2x2": 4}
    pins = sum(optical.get(i.type, 2) for i in one.assembly.netlist.instances.values())
    assert ends == pins


@pytest.mark.parametrize("values", KINDS)
def test_spare_steps_widen_columns_and_then_lanes(values):
    one, other = (lane(values, False, spare)[1] for spare in (0, 3))
    assert other.width_um > one.width_um
    assert other.height_um >= one.height_um
    assert other.need_um >= one.need_um


def test_only_shared_lasers_with_monitors_have_a_part_of_their_own():
    alone = plans.plan(Engine(monitors=True), 2)
    plain = plans.plan(Engine(laser_inputs=1), 2)
    tapped = plans.plan(Engine(laser_inputs=1, monitors=True), 2)
    assert draw_trunk(alone, STEP, 0, f"trunk{next(COUNT)}") is None
    assert draw_trunk(plain, STEP, 0, f"trunk{next(COUNT)}") is None
    trunk = draw_trunk(tapped, STEP, 0, f"trunk{next(COUNT)}")
    assert trunk is not None
    assert (trunk.light.x_um, trunk.light.y_um, trunk.light.heading) == (0.0, TRUNK_UM, WEST)
    assert (trunk.tx.y_um, trunk.tx.heading) == (TRUNK_UM, EAST)
    assert trunk.height_um == trunk_height(tapped, STEP)
    kinds = sorted(i.type for i in trunk.assembly.netlist.instances.values())
    assert kinds == ["coupler2x2", "photodiode", "terminator"]
