"""The engine chip: lanes, fibres and a bump for every electrode."""

import csv
import dataclasses
import itertools
import random
from collections import Counter

import klayout.db as kdb
import pytest

from lightloom.photonics import preview, tech
from lightloom.photonics.checks import drc, extract, lvs
from lightloom.photonics.engine import model as engine_model
from lightloom.photonics.engine.chip import FIBRE_UM, engine_chip
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


GRID = [
    (1, {"modulator": "ring", "integration": "3d"}),
    (3, {"modulator": "eam", "laser_inputs": 3, "monitors": True}),
    (4, {"modulator": "mzm", "laser_inputs": 1, "integration": "npo"}),
    (4, {"modulator": "ring", "receiver": "drop-filter", "integration": "obo"}),
    (2, {"modulator": "ring", "wavelengths": 8, "receiver": "drop-filter", "monitors": True}),
    (2, {"modulator": "mzm", "wavelengths": 2, "receiver": "drop-filter"}),
    (4, {"modulator": "eam", "wavelengths": 4, "receiver": "drop-filter", "laser_inputs": 2}),
    (8, {"modulator": "ring", "wavelengths": 4, "receiver": "drop-filter", "integration": "3d"}),
]


def clean(chip, tmp_path):
    path = tmp_path / "engine.gds"
    preview.write_layout(chip.component, path)
    extraction = extract.extract_chip(extract.open_chip(path))
    assert [str(f) for f in drc.check_chip(extraction.chip).findings] == []
    assert [str(f) for f in lvs.check_extraction(extraction, chip.netlist).findings] == []


@pytest.mark.parametrize("band", ["O", "C"])
@pytest.mark.parametrize(("lanes", "values"), GRID)
def test_engines_of_every_kind_are_clean_and_counted(lanes, values, band, tmp_path):
    first = 1310.0 if band == "O" else 1535.0
    chip = engine_chip(Engine(wavelength_nm=first, **values), lanes, band)
    types = Counter(instance.type for instance in chip.netlist.instances.values())
    assert {**chip.plan.counts(), "crossing": chip.crossings} == {
        "crossing": 0,
        **types,
    }
    clean(chip, tmp_path)


LARGEST = [
    {"modulator": "ring"},
    {"modulator": "ring", "integration": "3d", "monitors": True, "laser_inputs": 2},
    {"modulator": "mzm", "integration": "3d", "bump_pitch_um": 50.0, "laser_inputs": 4},
    {"modulator": "eam", "integration": "3d", "bump_pitch_um": 50.0, "laser_inputs": 1},
]


def largest(**values):
    values = {"wavelengths": 16, "receiver": "drop-filter", **values}
    return engine_chip(Engine(wavelength_spacing_ghz=100.0, **values), 16)


@pytest.mark.slow
@pytest.mark.parametrize("values", LARGEST)
def test_the_largest_engine_is_clean(values, tmp_path):
    chip = largest(**values)
    assert chip.cells == 256
    types = Counter(instance.type for instance in chip.netlist.instances.values())
    assert types == chip.plan.counts()
    clean(chip, tmp_path)


@pytest.mark.slow
def test_engines_that_differ_in_rate_share_a_layout():
    slow, fast = (engine_chip(Engine(modulator="ring"), 3, gbps=rate) for rate in (25.0, 50.0))
    assert slow.component is fast.component
    assert fast.figures()["tbps_each_way"] == 2 * slow.figures()["tbps_each_way"] == 0.15


def test_an_engine_larger_than_a_reticle_is_refused():
    for _ in range(2):  # the second time as the first, though its lanes have been drawn
        with pytest.raises(DesignError, match=r"engine\.lanes = 16, .* mm; allowed: 26 x 33 mm"):
            largest(modulator="mzm")


def random_engine(rng):
    """Any engine that the keys allow, small enough to be drawn quickly."""
    lanes, wavelengths = rng.choice([1, 2, 3, 4, 6, 8]), rng.choice([1, 1, 2, 3, 4, 6])
    band, way = rng.choice("OOC"), rng.choice(["obo", "npo", "cpo", "3d"])
    splits = [
        k
        for k in range(1, lanes + 1)
        if lanes % k == 0 and (lanes // k) & -(lanes // k) == lanes // k
    ]
    receiver = "drop-filter" if wavelengths > 1 else rng.choice(["direct", "drop-filter"])
    engine = Engine(
        modulator=rng.choice(["ring", "mzm", "eam"]),
        wavelengths=wavelengths,
        wavelength_nm=1310.0 if band == "O" else 1535.0,
        wavelength_spacing_ghz=rng.choice([50.0, 100.0, 200.0, 400.0]),
        receiver=receiver,
        laser_inputs=rng.choice(splits),
        monitors=rng.random() < 0.4,
        integration=way,
        bump_pitch_um=rng.choice([0.0, 0.0, 0.0, 45.0, 63.001]) if way != "obo" else 0.0,
        mzm_v_pi_v=rng.choice([2.0, 3.0, 5.0]),
    )
    return engine, lanes, band


def draw_and_check(seed, tmp_path):
    print("seed", seed)
    engine, lanes, band = random_engine(random.Random(seed))
    chip = engine_chip(engine, lanes, band)
    types = Counter(instance.type for instance in chip.netlist.instances.values())
    assert types == chip.plan.counts()
    assert len({bump.name for bump in chip.bumps}) == len(chip.bumps)
    clean(chip, tmp_path)
    assert len(engine_model.channels(chip.plan, chip.netlist, lanes=1)) == engine.wavelengths


@pytest.mark.parametrize("seed", range(3))
def test_any_engine_is_clean(seed, tmp_path):
    draw_and_check(seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 60))
def test_many_engines_are_clean(seed, tmp_path):
    draw_and_check(seed, tmp_path)


def test_densities_are_rate_over_edge_and_area():
    chip = engine_chip(Engine(modulator="ring"), 4, "O", 100.0)
    figures = chip.figures()
    assert figures["tbps_each_way"] == pytest.approx(0.4)
    assert figures["fibres"] == 12
    assert figures["fibres_per_mm"] == pytest.approx(7.874)
    width, height = chip.size_um
    assert figures["area_tbps_per_mm2"] == pytest.approx(0.4 / (width * height * 1e-6), rel=1e-4)
    edge = chip.fibre_edge_um / 1000
    assert edge >= 12 * 0.127
    assert figures["shoreline_tbps_per_mm"] == pytest.approx(0.4 / edge, rel=1e-4)


def test_faults_in_an_engine_are_found(tmp_path):
    chip = engine_chip(Engine(modulator="ring", laser_inputs=1), 2)
    path = tmp_path / "engine.gds"
    preview.write_layout(chip.component, path)
    intended = chip.netlist
    kept = {k: v for k, v in intended.instances.items() if v.type != "splitter1x2"}
    nets = {k: w for k, w in intended.nets.items() if {name for name, _ in w.pins} <= set(kept)}
    lost = dataclasses.replace(intended, instances=kept, nets=nets)
    assert any("splitter1x2" in str(f) for f in lvs.check(path, lost).findings)
    names = [net for net in intended.electrical if net.startswith("pd")][:2]
    swapped = dict(intended.electrical)
    first, second = (swapped[name] for name in names)
    swapped[names[0]] = dataclasses.replace(first, pads=second.pads)
    swapped[names[1]] = dataclasses.replace(second, pads=first.pads)
    other = dataclasses.replace(intended, electrical=swapped)
    found = [f.rule for f in lvs.check(path, other).findings]
    assert "SWAPPED" in found


def test_the_electrical_die_has_the_mirrored_map():
    chip = engine_chip(Engine(modulator="ring"), 2)
    width = chip.size_um[0]
    there = {bump.name: bump for bump in chip.eic_bumps()}
    assert len(there) == len(chip.bumps)
    for bump in chip.bumps:
        assert there[bump.name].x_um == pytest.approx(width - bump.x_um, abs=1e-3)
        assert there[bump.name].y_um == bump.y_um


@pytest.mark.parametrize("integration", ["npo", "cpo", "3d"])
def test_bumps_are_on_one_grid(integration):
    chip = engine_chip(Engine(modulator="ring", integration=integration), 2)
    pitch = chip.plan.pitch_um
    first = chip.bumps[0]
    for bump in chip.bumps:
        for a, b in ((bump.x_um, first.x_um), (bump.y_um, first.y_um)):
            steps = (a - b) / pitch
            assert steps == pytest.approx(round(steps), abs=1e-3)


@pytest.mark.parametrize("lanes", [0, 17])
def test_impossible_numbers_of_lanes_are_refused(lanes):
    with pytest.raises(DesignError, match=rf"engine\.lanes = {lanes}; allowed: 1 to 16"):
        engine_chip(Engine(), lanes)
