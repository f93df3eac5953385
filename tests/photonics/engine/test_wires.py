"""Lines of whole lanes: bumps beside devices, currents within limits, returns by a circuit."""

import itertools
from functools import cache

import klayout.db as kdb
import numpy as np
import pytest

from lightloom.photonics import tech
from lightloom.photonics.engine import plan as plans
from lightloom.photonics.engine import wires
from lightloom.photonics.engine.integration import bump_um
from lightloom.photonics.engine.lane import draw_lane
from lightloom.photonics.engine.parts import GROUND, Rail
from lightloom.photonics.switch.channel import RoutingError
from lightloom.spec.base import DesignError
from lightloom.spec.design import Engine

COUNT = itertools.count()
EVERY = [
    {"modulator": "ring"},
    {"modulator": "mzm"},
    {"modulator": "eam", "integration": "3d"},
    {"modulator": "ring", "wavelengths": 3, "receiver": "drop-filter", "integration": "npo"},
    {"modulator": "mzm", "wavelengths": 2, "receiver": "drop-filter", "monitors": True},
]


def wired(values):
    """Plan, lane and lines of a lane with its own laser."""
    return _wired(tuple(values.items()))


@cache
def _wired(items):
    plan = plans.plan(Engine(**dict(items)), 1)
    for spare in range(24):
        lane = draw_lane(plan, plan.pitch_um, spare, f"wires{next(COUNT)}")
        try:
            return plan, lane, wires.wire(lane, plan)
        except RoutingError:
            continue
    raise AssertionError("no lane")


@pytest.mark.parametrize("values", EVERY)
def test_every_signal_has_a_bump_and_returns_share_some(values):
    plan, lane, made = wired(values)
    names = [bump.name for bump in made.bumps]
    assert len(set(names)) == len(names)
    contacts = [contact for window in lane.windows for contact in window.contacts]
    signals = [c.electrode.bump for c in contacts if not c.grounded]
    assert sorted(signals) == sorted(b.name for b in made.bumps if b.net != GROUND)
    assert len({c.electrode.net for c in contacts if not c.grounded}) == plan.signals()
    returns = sum(contact.grounded for contact in contacts)
    grounds = sum(bump.net == GROUND for bump in made.bumps)
    assert (0 < grounds <= returns) if returns else not grounds
    assert all(bump.ohm > 0 for bump in made.bumps)
    assert made.longest_um > 0


@pytest.mark.parametrize("values", EVERY)
def test_bumps_stand_above_devices_only_where_they_may(values):
    plan, lane, made = wired(values)
    devices = wires.region(lane, tech.DEVREC)
    half = bump_um(plan.pitch_um) / 2
    over = 0
    for bump in made.bumps:
        box = kdb.DBox(bump.x_um - half, bump.y_um - half, bump.x_um + half, bump.y_um + half)
        over += not (kdb.Region(box.to_itype(tech.DBU_UM)) & devices).is_empty()
    assert plan.integration.over_devices or not over


def test_bumps_above_devices_have_shorter_lines():
    shortest = {way: wired({"modulator": "ring", "integration": way})[2] for way in ("cpo", "3d")}
    assert shortest["3d"].longest_um < shortest["cpo"].longest_um
    total = {way: sum(b.ohm for b in made.bumps) for way, made in shortest.items()}
    assert total["3d"] < total["cpo"]


@pytest.mark.parametrize("values", EVERY)
def test_no_line_bears_more_than_it_may(values):
    _, lane, made = wired(values)
    noted = lane.assembly.netlist.electrical
    for bump in made.bumps:
        if bump.net != GROUND:
            width = noted[bump.net].width_um
            assert bump.ma <= width * tech.CURRENT_MA_PER_UM[tech.M2] + 1e-9
    # The return of all heaters of a lane is that of its ground bumps.
    contacts = [contact for window in lane.windows for contact in window.contacts]
    back = sum(c.electrode.ma for c in contacts if c.grounded)
    assert sum(b.ma for b in made.bumps if b.net == GROUND) == pytest.approx(back)


@cache
def _lines():
    """Lines of a lane of three wavelengths, and its rail."""
    values = {"modulator": "ring", "wavelengths": 3, "receiver": "drop-filter"}
    plan = plans.plan(Engine(**values), 1)
    lane = draw_lane(plan, plan.pitch_um, 0, f"wires{next(COUNT)}")
    landing = bump_um(plan.pitch_um) + wires.LANDING_UM
    search = wires.Escape(wires.region(lane, tech.M1), landing, plan.pitch_um)
    (rail,) = lane.rails
    search.rail(GROUND, rail.x1, rail.x2, rail.y, rail.width)
    grid = wires._Grid(lane, plan, landing)
    for number, window in enumerate(lane.windows):
        wires._solve(search, grid, lane, window, number)
    return lane, rail, search.lines


def test_a_rail_that_would_bear_too_much_is_refused():
    lane, rail, lines = _lines()
    thin = Rail(rail.x1, rail.x2, rail.y, 2.0)
    with pytest.raises(DesignError, match=r"net gnd: \d+\.\d mA in a rail of 2 um on M1; allowed"):
        wires.mesh(thin, lines, lane)


@pytest.mark.parametrize("seed", range(2))
def test_the_mesh_is_nodal_analysis(seed):
    print("seed", seed)
    rng = np.random.default_rng(seed)
    lane, rail, lines = _lines()
    rail = rail._replace(width=float(rng.integers(20, 40)))
    sheet = tech.SHEET_OHM[tech.M1] / rail.width
    sinks = [(line.at_um, line.ohm) for line in lines if line.terminal.rail_um is not None]
    sources = [
        (line.at_um, line.ohm)
        for line in lines
        if line.terminal.net == GROUND and line.terminal.rail_um is None
    ]
    worst = 0.0
    for x, ohm in sources:
        # One ampere in at x: the voltage there, by relaxation of a chain of nodes.
        nodes = sorted({at for at, _ in sinks} | {x})
        g = np.zeros((len(nodes), len(nodes)))
        for k, (a, b) in enumerate(itertools.pairwise(nodes)):
            piece = 1 / (sheet * (b - a))
            g[k : k + 2, k : k + 2] += piece * np.array([[1, -1], [-1, 1]])
        for at, r in sinks:
            g[nodes.index(at), nodes.index(at)] += 1 / r
        current = np.zeros(len(nodes))
        current[nodes.index(x)] = 1.0
        volts = np.zeros(len(nodes))
        for _ in range(20_000):  # Gauss-Seidel
            for k in range(len(nodes)):
                volts[k] += (current[k] - g[k] @ volts) / g[k, k]
        worst = max(worst, ohm + volts[nodes.index(x)])
    assert wires.mesh(rail, lines, lane) == pytest.approx(worst, rel=1e-3)
