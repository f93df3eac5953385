"""Wire-bond pads at the east edge: rows and columns, each on its net."""

import itertools
from functools import cache

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.engine import pads, wires
from lightloom.photonics.engine import plan as plans
from lightloom.photonics.engine.lane import draw_lane
from lightloom.spec.base import DesignError
from lightloom.spec.design import Engine

COUNT = itertools.count()
EAST_UM = 5000.0
EVERY = [
    {"modulator": "ring"},
    {"modulator": "mzm", "monitors": True},
    {"modulator": "ring", "wavelengths": 4, "receiver": "drop-filter"},
    {"modulator": "eam", "wavelengths": 3, "receiver": "drop-filter"},
]


@cache
def _wired(items):
    plan = plans.plan(Engine(integration="obo", **dict(items)), 1)
    lane = draw_lane(plan, 10.0, 0, f"pads{next(COUNT)}")
    return plan, lane, pads.wire(lane, plan, EAST_UM)


def wired(values):
    return _wired(tuple(values.items()))


@pytest.mark.parametrize("values", EVERY)
def test_pads_are_a_block_of_at_most_four_columns(values):
    plan, lane, made = wired(values)
    columns = sorted({bump.x_um for bump in made.bumps})
    rows = sorted({bump.y_um for bump in made.bumps})
    assert len(columns) <= pads.TIERS
    assert columns[0] > EAST_UM
    for places in (columns, rows):
        assert all(b - a == pytest.approx(plan.pitch_um) for a, b in itertools.pairwise(places))
    assert len({(bump.x_um, bump.y_um) for bump in made.bumps}) == len(made.bumps)
    # Pads of lanes above each other stay apart.
    assert rows[0] - pads.PAD_UM / 2 >= 0.0
    assert rows[-1] + pads.PAD_UM / 2 <= lane.height_um


@pytest.mark.parametrize("values", EVERY)
def test_pads_are_joined_to_what_they_are_named_after(values):
    _, lane, made = wired(values)
    nets = kdb.LayoutToNetlist("lane", tech.DBU_UM)
    layers = {layer: wires.region(lane, layer) for layer in (tech.M1, tech.VIA, tech.M2)}
    for layer, shapes in layers.items():
        nets.register(shapes, str(layer))
        nets.connect(shapes)
    for a, b in ((tech.M1, tech.VIA), (tech.VIA, tech.M2)):
        nets.connect(layers[a], layers[b])
    nets.extract_netlist()

    def net(layer, x, y):
        found = nets.probe_net(layers[layer], kdb.Point(round(x * 1000), round(y * 1000)))
        assert found is not None
        return found.cluster_id

    there = {}
    for bump in made.bumps:
        there.setdefault(bump.net, set()).add(net(tech.M2, bump.x_um, bump.y_um))
    assert all(len(ids) == 1 for name, ids in there.items())
    assert len({next(iter(ids)) for ids in there.values()}) == len(there)
    for contact in (c for window in lane.windows for c in window.contacts):
        assert {net(tech.M1, contact.x_um, contact.y_um)} == there[contact.electrode.net]


def test_long_lines_have_more_resistance_than_bumps():
    values = {"modulator": "ring"}
    plan = plans.plan(Engine(**values), 1)
    near = wires.wire(draw_lane(plan, plan.pitch_um, 0, f"pads{next(COUNT)}"), plan)
    ohm = {bump.name: bump.ohm for bump in near.bumps}
    far = wired(values)[2]
    assert all(bump.ohm > ohm[bump.name] for bump in far.bumps if bump.name in ohm)
    assert far.longest_um > near.longest_um


def test_a_current_that_no_line_under_a_pad_bears_is_refused():
    # 20 V over 50 ohm: 200 mA.
    plan = plans.plan(Engine(integration="obo", modulator="mzm", mzm_v_pi_v=20.0), 1)
    lane = draw_lane(plan, 10.0, 0, f"pads{next(COUNT)}")
    with pytest.raises(DesignError, match=r"net mod@_sig: 200\.0 mA need a line of 200 um on M1"):
        pads.wire(lane, plan, EAST_UM)
