"""The engine chip: lanes, fibres and a bump for every electrode."""

import csv
import itertools

import klayout.db as kdb
import pytest

from lightloom.photonics import preview, tech
from lightloom.photonics.checks import lvs
from lightloom.photonics.engine import FIBRE_UM, engine_chip
from lightloom.spec.base import DesignError
from lightloom.spec.design import Engine

KINDS = {"mzm": "mzm", "ring": "ring_modulator", "eam": "eam"}


@pytest.fixture(params=KINDS)
def chip(request):
    return engine_chip(Engine(modulator=request.param), 8)


def test_the_layout_keeps_the_rules(chip, broken_rules):
    assert broken_rules(chip.component) == []


def test_the_layout_is_what_the_netlist_says(chip, tmp_path):
    path = tmp_path / "engine.gds"
    preview.write_layout(chip.component, path)
    assert [str(f) for f in lvs.check(path, chip.netlist).findings] == []


def test_each_lane_has_its_devices_and_fibres(chip):
    kinds = [instance.type for instance in chip.netlist.instances.values()]
    assert kinds.count(KINDS[chip.modulator]) == 8
    assert kinds.count("photodiode") == 8
    assert kinds.count("edge_coupler") == 24
    names = {f"{kind}{lane}" for kind in ("laser", "tx", "rx") for lane in range(8)}
    assert set(chip.netlist.ports) == names


def test_light_goes_from_laser_to_modulator_to_fibre(chip):
    wires = {frozenset(wire.pins) for wire in chip.netlist.nets.values()}
    for lane in range(8):
        for pair in (
            ((f"ec_laser{lane}", "o1"), (f"mod{lane}", "o1")),
            ((f"mod{lane}", "o2"), (f"ec_tx{lane}", "o1")),
            ((f"ec_rx{lane}", "o1"), (f"pd{lane}", "o1")),
        ):
            assert frozenset(pair) in wires
    assert len(wires) == 24


def test_fibres_are_one_array_on_the_west_edge(chip, texts):
    places = dict(texts(chip.component, tech.LABEL))
    points = [places[f"{kind}{lane}"] for lane in range(8) for kind in ("laser", "tx", "rx")]
    assert {p.x for p in points} == {0}
    steps = {a.y - b.y for a, b in itertools.pairwise(points)}
    assert steps == {round(FIBRE_UM / tech.DBU_UM)}


def test_every_electrode_has_its_own_bump(chip, regions):
    shapes = regions(chip.component)
    nets = kdb.LayoutToNetlist("chip", tech.DBU_UM)
    layers = {layer: shapes[layer].dup() for layer in (tech.M1, tech.VIA, tech.M2, tech.BUMP)}
    for layer, region in layers.items():
        nets.register(region, str(layer))
        nets.connect(region)
    for a, b in ((tech.M1, tech.VIA), (tech.VIA, tech.M2), (tech.M2, tech.BUMP)):
        nets.connect(layers[a], layers[b])
    nets.extract_netlist()
    found = {}
    for bump in chip.bumps:
        at = kdb.Point(round(bump.x_um / tech.DBU_UM), round(bump.y_um / tech.DBU_UM))
        net = nets.probe_net(layers[tech.BUMP], at)
        assert net is not None
        found.setdefault(net.cluster_id, set()).add(bump.net)
    # One net of metal has bumps of one name, and each name is on one net.
    assert all(len(names) == 1 for names in found.values())
    assert len(found) == len({bump.net for bump in chip.bumps})
    assert shapes[tech.BUMP].count() == len(chip.bumps)
    electrical = chip.netlist.electrical
    assert {bump.net for bump in chip.bumps} == set(electrical)
    assert {b.name for b in chip.bumps} == {p for c in electrical.values() for p in c.pads}
    pins = {pin for conductor in electrical.values() for pin in conductor.pins}
    for lane in range(8):
        for device in (f"mod{lane}", f"pd{lane}"):
            kind = chip.netlist.instances[device].type
            count = {"mzm": 6, "ring_modulator": 4, "eam": 2, "photodiode": 2}[kind]
            assert sum(name == device for name, _ in pins) == count
    assert set(chip.line_ohm) == {bump.name for bump in chip.bumps}


def test_bump_map_reads_back(chip, tmp_path):
    path = tmp_path / "bumps.csv"
    chip.write_bumps(path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) == len(chip.bumps)
    assert len({row["name"] for row in rows}) == len(rows)
    for row, bump in zip(rows, chip.bumps, strict=True):
        assert (row["name"], row["net"]) == (bump.name, bump.net)
        assert (float(row["x_um"]), float(row["y_um"])) == pytest.approx((bump.x_um, bump.y_um))


@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_other_numbers_of_lanes_build(lanes, broken_rules):
    chip = engine_chip(Engine(), lanes)
    assert broken_rules(chip.component) == []
    assert len(chip.netlist.ports) == 3 * lanes


def test_modulator_length_follows_the_drive_asked_for():
    length = {
        v: engine_chip(Engine(mzm_v_pi_v=v), 1).netlist.instances["mod0"].parameters["length_um"]
        for v in (3.0, 6.0)
    }
    assert length == {3.0: 2750.0, 6.0: 1375.0}


def test_equal_engines_are_one_object():
    assert engine_chip(Engine(laser_power_dbm=3.0), 8) is engine_chip(Engine(), 8)
    assert engine_chip(Engine(modulator="eam"), 8) is not engine_chip(Engine(), 8)


@pytest.mark.parametrize("lanes", [0, 65])
def test_impossible_numbers_of_lanes_are_refused(lanes):
    with pytest.raises(DesignError, match=rf"serdes\.lanes = {lanes}; allowed: .* 1 to 64 lanes"):
        engine_chip(Engine(), lanes)
