"""Lines along the waveguides of a chip against the lengths and places that extraction measured."""

import math

import klayout.db as kdb
import numpy as np
import pytest

from lightloom.photonics import tech
from lightloom.photonics.checks import extract
from lightloom.photonics.checks.chip import open_chip
from lightloom.photonics.netlist import Instance, Netlist, Wire
from lightloom.photonics.pictures.strokes import POINTS, strokes

CHIPS = ["benes4", "crossbar8", "bumps8", "ring2"]


@pytest.fixture(scope="module")
def drawn(chip_file):
    made = {}

    def draw(name):
        if name not in made:
            path = chip_file(name)[0]
            netlist = extract.extract(path)
            made[name] = netlist, strokes(open_chip(path), netlist)
        return made[name]

    return draw


def length(points):
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


@pytest.mark.parametrize("name", CHIPS)
def test_every_waveguide_is_a_line_from_pin_to_pin(drawn, name):
    netlist, shape = drawn(name)
    lines = {frozenset((s.start, s.end)): s for s in shape.strokes if s.start != s.end}
    joined = [wire for wire in netlist.nets.values() if len(wire.pins) == 2]
    assert len(lines) == len(joined) > 3
    for wire in joined:
        line = lines[frozenset(wire.pins)]
        assert len(line.points) <= POINTS + 2
        for pin, at in ((line.start, line.points[0]), (line.end, line.points[-1])):
            assert at == pytest.approx(shape.pins[pin], abs=1e-9)
        # One side of the strip, with at most POINTS corners.
        assert length(line.points) == pytest.approx(wire.length_um, rel=0.004, abs=0.5)


@pytest.mark.parametrize("name", CHIPS)
def test_pins_of_devices_have_lines(drawn, name):
    netlist, shape = drawn(name)
    inside = {}
    for stroke in shape.strokes:
        if stroke.start == stroke.end:
            inside.setdefault(stroke.start, []).append(stroke.points)
    through = {"coupler2x2": "path_um", "crossing": "path_um", "heater_waveguide": "length_um"}
    for device, instance in netlist.instances.items():
        pins = [pin for pin in shape.pins if pin[0] == device]
        assert pins, device
        if instance.type not in through:
            assert any(pin in inside for pin in pins), device
            continue
        for pin in pins:
            assert len(inside[pin]) == 1
            ends = inside[pin][0][[0, -1]] - np.array(shape.pins[pin])
            assert np.hypot(*ends.T).min() < 1e-9
        total = sum(length(inside[pin][0]) for pin in pins)
        one = instance.parameters[through[instance.type]]
        assert total == pytest.approx(one * len(pins) / 2, rel=0.02), device


def test_halves_of_a_device_meet_in_its_middle(drawn):
    netlist, shape = drawn("benes4")
    name = next(n for n, i in netlist.instances.items() if i.type == "heater_waveguide")
    halves = {s.start: s.points for s in shape.strokes if s.start[0] == name == s.end[0]}
    west, east = halves[name, "o1"], halves[name, "o2"]
    assert west[0] == pytest.approx(shape.pins[name, "o1"])
    assert east[-1] == pytest.approx(shape.pins[name, "o2"])
    assert west[-1] == pytest.approx(east[0])


def test_die_is_that_of_the_chip(drawn, chip_file):
    _, shape = drawn("benes4")
    assert (shape.die.width(), shape.die.height()) == pytest.approx(chip_file("benes4")[1].size_um)
    everything = np.concatenate([s.points for s in shape.strokes])
    assert shape.die.left - tech.DBU_UM <= everything[:, 0].min()
    assert everything[:, 0].max() <= shape.die.right + tech.DBU_UM
    assert math.isfinite(everything.sum())


def test_two_waveguides_about_one_centre(tmp_path):
    layout = kdb.Layout()
    top = layout.create_cell("nested")
    ends = {"a": (-5, 0), "b": (5, 0), "c": (-20, 10), "d": (20, -10)}
    for x, y in ends.values():
        side = -4 if x < 0 else 4
        top.shapes(layout.layer(*tech.DEVREC)).insert(kdb.DBox(x, y - 2, x + side, y + 2))
        top.shapes(layout.layer(*tech.PIN)).insert(kdb.DText("o1", kdb.DTrans(kdb.DVector(x, y))))
    guides = top.shapes(layout.layer(*tech.WG))
    guides.insert(kdb.DBox(-5, -0.2, 5, 0.2))
    guides.insert(kdb.DBox(-20, 9.8, 20, 10.2))
    guides.insert(kdb.DBox(19.6, -10.2, 20, 10.2))
    layout.write(str(tmp_path / "nested.gds"))
    netlist = Netlist(
        "nested",
        instances={
            name: Instance("edge_coupler", x_um=x + (-2 if x < 0 else 2), y_um=y)
            for name, (x, y) in ends.items()
        },
        nets={
            "long": Wire([("c", "o1"), ("d", "o1")], length_um=60.0, x_um=0.0, y_um=0.0),
            "short": Wire([("a", "o1"), ("b", "o1")], length_um=10.0, x_um=0.0, y_um=0.0),
        },
    )
    lines = {
        s.start[0]: s.points for s in strokes(open_chip(tmp_path / "nested.gds"), netlist).strokes
    }
    assert length(lines["a"]) == pytest.approx(10.0, abs=0.5)
    assert length(lines["c"]) == pytest.approx(60.0, abs=1.0)
