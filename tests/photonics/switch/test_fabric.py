"""The switch chip: built for every size, to the closed forms, the same bytes every time."""

import hashlib
import itertools
import random
import subprocess
import sys

import klayout.db as kdb
import pytest

from lightloom.photonics import preview, tech
from lightloom.photonics.cells import heater
from lightloom.photonics.checks import drc, extract, lvs
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec import benes, fabrics
from lightloom.spec.base import DesignError
from lightloom.spec.design import Switch, Technology

SIZES = (2, 4, 8, 16)


def walk(chip, states):
    """Follow the light of every input through the intended netlist with cells bar or cross."""
    netlist = chip.netlist
    peer = {}
    for wire in netlist.nets.values():
        a, b = wire.pins
        peer[a], peer[b] = b, a
    state = dict(zip(chip.plan.cells, states, strict=True))
    chip_port = {pin: name for name, pin in netlist.ports.items()}
    straight = {
        "crossing": {"o1": "o3", "o2": "o4"},
        "edge_coupler": {"o2": "o1", "o1": "o2"},
        "grating_coupler": {"o2": "o1", "o1": "o2"},
        "heater_waveguide": {"o1": "o2"},
        "pin_waveguide": {"o1": "o2"},
    }
    result = {}
    for label in chip.plan.inputs:
        pin = netlist.ports[label]
        while True:
            name, port = pin
            kind = netlist.instances[name].type
            if kind == "terminator":
                break
            if name.endswith(".tap"):
                leaves = (name, "o4")
            elif kind == "coupler2x2":
                # The first coupler of a cell stands for the whole: its state decides the output.
                stage, row = (int(x) for x in name.removesuffix(".in")[1:].split("_"))
                upper = (port == "o2") != bool(state[stage, row])
                leaves = (f"m{stage}_{row}.out", "o3" if upper else "o4")
            else:
                leaves = (name, straight[kind][port])
            if leaves in chip_port:
                result[label] = chip_port[leaves]
                break
            pin = peer[leaves]
    return result


EVERY = [
    (topology, ports)
    for topology in fabrics.TOPOLOGIES
    for ports in (2, 4, 8)
    if (topology, ports) != ("switch-and-select", 8)  # under its own test
]


@pytest.mark.parametrize(("topology", "ports"), EVERY)
def test_every_topology_is_drawn_as_its_plan_says(topology, ports, tmp_path):
    chip = switch_chip(Switch(topology=topology, ports=ports))
    kinds = [instance.type for instance in chip.netlist.instances.values()]
    assert kinds.count("heater_waveguide") == len(chip.plan.cells) == chip.cells
    assert kinds.count("crossing") == chip.plan.crossings
    assert set(chip.netlist.ports) == {*chip.plan.inputs, *chip.plan.outputs}
    assert {s.label for s in chip.heaters} <= set(chip.routing.pads)
    rng = random.Random(f"{topology}{ports}")
    for _ in range(20):
        states = [rng.randint(0, 1) for _ in chip.plan.cells]
        expected = {name: way.output for name, way in fabrics.ways(chip.plan, states).items()}
        assert walk(chip, states) == expected
    check(chip, tmp_path)


def check(chip, tmp_path):
    path = tmp_path / "switch.gds"
    preview.write_layout(chip.component, path)
    extraction = extract.extract_chip(extract.open_chip(path))
    assert [str(f) for f in drc.check_chip(extraction.chip).findings] == []
    assert [str(f) for f in lvs.check_extraction(extraction, chip.netlist).findings] == []


@pytest.mark.parametrize(
    ("topology", "ports"),
    [("piloss", 16), ("crossbar", 16), ("odd-even", 16), ("ocstrx", 16), ("switch-and-select", 8)],
)
def test_larger_fabrics_are_clean(topology, ports, tmp_path):
    check(switch_chip(Switch(topology=topology, ports=ports)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("topology", "ports"), [("switch-and-select", 16), ("benes", 64), ("odd-even", 32)]
)
def test_the_largest_fabrics_are_clean(topology, ports, tmp_path):
    check(switch_chip(Switch(topology=topology, ports=ports)), tmp_path)


O3, C2, C3 = Technology(metals=3), Technology(band="C"), Technology(band="C", metals=3)
OPTIONS = [
    (Technology(), {"monitors": "port"}),
    (O3, {"monitors": "cell", "phase_shifter": "pin"}),
    (O3, {"coupler": "grating", "fibre_pitch_um": 250, "contacts": "bumps"}),
    (C2, {"monitors": "port", "phase_shifter": "undercut", "match_paths": True}),
    (C3, {"coupler": "grating", "phase_shifter": "pin", "monitors": "cell", "match_paths": True}),
]


@pytest.mark.parametrize("topology", fabrics.TOPOLOGIES)
@pytest.mark.parametrize(("technology", "options"), OPTIONS)
def test_every_option_is_clean(topology, technology, options, tmp_path):
    chip = switch_chip(Switch(topology=topology, ports=4, **options), technology)
    kinds = [instance.type for instance in chip.netlist.instances.values()]
    monitors = {"none": 0, "port": len(chip.netlist.ports), "cell": 2 * chip.cells}
    count = monitors[options.get("monitors", "none")]
    assert len(chip.monitors) == kinds.count("photodiode") == count
    diodes = 2 * chip.cells if options.get("phase_shifter") == "pin" else 0
    assert kinds.count("pin_waveguide") == diodes
    states = [fabrics.CROSS] * len(chip.plan.cells)
    expected = {name: way.output for name, way in fabrics.ways(chip.plan, states).items()}
    assert walk(chip, states) == expected
    check(chip, tmp_path)


@pytest.mark.parametrize("topology", fabrics.TOPOLOGIES)
def test_matched_paths_are_equally_long(topology):
    plain = switch_chip(Switch(topology=topology, ports=4))
    matched = switch_chip(Switch(topology=topology, ports=4, match_paths=True))
    assert plain.path_um[1] - plain.path_um[0] > 20.0
    assert matched.path_um[1] - matched.path_um[0] < 0.02
    assert matched.path_um[0] >= plain.path_um[1]


def test_path_lengths_are_those_of_the_netlist():
    # Every way from in0, whatever the cells do, along wires and devices of the intended netlist.
    chip = switch_chip(Switch(topology="odd-even", ports=3))
    own = {
        "coupler2x2": "path_um",
        "heater_waveguide": "length_um",
        "crossing": "path_um",
    }
    leave = {}
    for wire in chip.netlist.nets.values():
        a, b = wire.pins
        leave[a], leave[b] = (b, wire.length_um), (a, wire.length_um)
    ends = {pin: name for name, pin in chip.netlist.ports.items()}
    ways = []

    def go(pin, length):
        (name, port), instance = pin, chip.netlist.instances[pin[0]]
        if port == "o1" and ends.get((name, "o2"), "").startswith("out"):
            ways.append(length)
            return
        exits = {
            "coupler2x2": ("o3", "o4"),
            "heater_waveguide": ("o2",),
            "edge_coupler": ("o1",),
        }[instance.type]
        through = instance.parameters[own[instance.type]] if instance.type in own else 0.0
        for exit_ in exits:
            other, wire = leave[name, exit_]
            go(other, length + through + wire)

    for port in range(3):
        go((f"ec_in{port}", "o2"), 0.0)
    assert min(ways) == pytest.approx(chip.path_um[0], abs=0.002)
    assert max(ways) == pytest.approx(chip.path_um[1], abs=0.002)


@pytest.mark.parametrize("ports", [*SIZES, 32])
def test_counts_are_the_closed_forms(ports):
    chip = switch_chip(Switch(ports=ports))
    kinds = [instance.type for instance in chip.netlist.instances.values()]
    assert kinds.count("heater_waveguide") == benes.cells(ports) == len(chip.heaters)
    assert kinds.count("coupler2x2") == 2 * benes.cells(ports)
    assert kinds.count("crossing") == benes.crossings(ports) == chip.crossings
    assert kinds.count("edge_coupler") == 2 * ports == len(chip.netlist.ports)
    assert chip.stages == benes.stages(ports)


def test_eight_ports_have_sixteen_crossings():
    assert switch_chip(Switch()).crossings == 16


@pytest.mark.parametrize("ports", SIZES)
def test_the_netlist_routes_as_the_benes_network(ports):
    chip = switch_chip(Switch(ports=ports))
    rng = random.Random(ports)
    for _ in range(20):
        states = [rng.randint(0, 1) for _ in range(benes.cells(ports))]
        expected = {f"in{i}": f"out{o}" for i, o in enumerate(benes.apply(ports, states))}
        assert walk(chip, states) == expected


@pytest.mark.parametrize("ports", SIZES)
def test_the_layout_keeps_the_rules(ports, broken_rules):
    assert broken_rules(switch_chip(Switch(ports=ports)).component) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ports": 2},
        {"ports": 4, "arm_imbalance_um": -7.5},
        {"arm_imbalance_um": 0.3, "coupler_gap_um": 0.251, "phase_shifter": "undercut"},
        {"ports": 4, "coupler_length_um": 33.3333, "heater_length_um": 120.5},
    ],
)
def test_the_layout_is_what_the_netlist_says(changes, tmp_path, broken_rules):
    chip = switch_chip(Switch(**changes))
    path = tmp_path / "switch.gds"
    preview.write_layout(chip.component, path)
    assert [str(f) for f in lvs.check(path, chip.netlist).findings] == []
    assert broken_rules(chip.component) == []


def test_parameters_reach_the_netlist():
    chip = switch_chip(Switch(ports=4, coupler_gap_um=0.23, heater_length_um=150.0))
    coupler = chip.netlist.instances["m0_0.in"].parameters
    assert coupler["gap_um"] == 0.23
    assert coupler["length_um"] == O_BAND.half_length(0.2)
    phase = chip.netlist.instances["m1_0.heater"].parameters
    assert phase["heater_length_um"] == 150.0
    assert phase["length_um"] == heater.total_length(150.0)
    assert phase["undercut"] == 0.0


def test_heaters_are_in_the_order_of_the_cells():
    labels = [site.label for site in switch_chip(Switch()).heaters]
    assert labels == [f"h{stage}_{row}" for stage in range(5) for row in range(4)]
    electrical = switch_chip(Switch()).netlist.electrical
    for label in labels:
        assert electrical[label].pads == [label]
        assert electrical[label].pins == [(f"m{label[1:]}.heater", "e1")]
    assert len(electrical["gnd"].pins) == 20


def test_fibres_are_at_pitch_on_both_edges(texts):
    chip = switch_chip(Switch())
    places = dict(texts(chip.component, tech.LABEL))
    for side, x in (("in", 0.0), ("out", chip.size_um[0])):
        points = [places[f"{side}{i}"] for i in range(8)]
        assert {p.x for p in points} == {round(x / tech.DBU_UM)}
        steps = {a.y - b.y for a, b in itertools.pairwise(points)}
        assert steps == {round(127.0 / tech.DBU_UM)}


def test_devices_are_where_the_netlist_says(regions):
    chip = switch_chip(Switch())
    outlines = regions(chip.component)[tech.DEVREC]
    centres = {(b.center().x, b.center().y) for b in (p.bbox() for p in outlines.each())}
    stated = {
        (round(i.x_um / tech.DBU_UM), round(i.y_um / tech.DBU_UM))
        for i in chip.netlist.instances.values()
    }
    # Merged outlines would be fewer: devices neither overlap nor touch.
    assert len(centres) == len(chip.netlist.instances)
    assert all(min(abs(x - a) + abs(y - b) for a, b in centres) <= 1 for x, y in stated)


def test_equal_designs_are_one_object_and_other_keys_do_not_matter():
    chip = switch_chip(Switch())
    assert switch_chip(Switch(permutation="identity", dac_bits=12)) is chip
    assert switch_chip(Switch(coupler_gap_um=0.21)) is not chip
    assert switch_chip(Switch(coupler_gap_um=0.21)).netlist.chip != chip.netlist.chip


def test_another_process_writes_the_same_bytes(tmp_path):
    # The other process builds other chips first: cells of one design must not leak into another.
    code = (
        "import sys; from pathlib import Path\n"
        "from lightloom.photonics import preview\n"
        "from lightloom.photonics.switch.fabric import switch_chip\n"
        "from lightloom.spec.design import Switch\n"
        "switch_chip(Switch(ports=4, coupler_gap_um=0.3)); switch_chip(Switch(ports=2))\n"
        "for name in ('a.gds', 'a.oas'):\n"
        "    preview.write_layout(switch_chip(Switch()).component, Path(sys.argv[1]) / name)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    for suffix in ("gds", "oas"):
        path = tmp_path / f"b.{suffix}"
        preview.write_layout(switch_chip(Switch()).component, path)
        first, second = (
            hashlib.sha256(p.read_bytes()).hexdigest() for p in (path, tmp_path / f"a.{suffix}")
        )
        assert first == second


def test_only_this_chip_is_in_its_file(tmp_path):
    switch_chip(Switch(ports=4))
    path = tmp_path / "b.gds"
    preview.write_layout(switch_chip(Switch()).component, path)
    layout = kdb.Layout()
    layout.read(str(path))
    assert [cell.name for cell in layout.top_cells()] == [switch_chip(Switch()).netlist.chip]


def test_a_size_that_only_the_controller_has_is_refused_at_once():
    with pytest.raises(
        DesignError, match=r"switch\.ports = 128 has no layout; allowed: 2 to 64; the controller"
    ):
        switch_chip(Switch(ports=128))


def test_a_missing_topology_is_refused():
    with pytest.raises(DesignError, match=r"switch\.topology = 'none'; a chip exists for benes, "):
        switch_chip(Switch(topology="none"))
