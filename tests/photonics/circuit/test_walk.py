"""Netlists become programs: directions, dark lines, ends, and what is refused."""

import numpy as np
import pytest

from lightloom.photonics.circuit import solver
from lightloom.photonics.circuit.elements import FourPort
from lightloom.photonics.circuit.walk import NotFeedForward, compile
from lightloom.photonics.netlist import Wire
from lightloom.spec.base import DesignError

from .. import toy
from ..toy import CARRIER, LOSSLESS, Builder

AT = np.array([CARRIER])


def power(netlist, inputs, outputs, models=LOSSLESS, phases=()):
    program = compile(netlist, models, inputs, outputs)
    return np.abs(solver.evaluate(program, list(phases), AT, CARRIER)[0]) ** 2


def test_unused_arm_is_dark():
    b = Builder(0)
    b.add("split", "coupler", angle=np.pi / 4)
    b.netlist.ports = {"a": ("split", "o1"), "b": ("split", "o4"), "c": ("split", "o3")}
    assert compile(b.netlist, LOSSLESS, ["a"], ["b", "c"]).lines == 2
    assert power(b.netlist, ["a"], ["b", "c"]) == pytest.approx(np.array([[0.5], [0.5]]))


def tree(leaves, end):
    """A 1-to-4 tree of couplers whose second inputs, and unnamed leaves, end in `end`."""
    b = Builder(1)
    for name in ("root", "up", "down"):
        b.add(name, "coupler", angle=np.pi / 4)
        if end == "sink":
            b.join((b.add(f"t_{name}", "sink"), "o1"), (name, "o2"))
    b.join(("root", "o4"), ("up", "o1"))
    b.join(("root", "o3"), ("down", "o1"))
    b.netlist.ports["in"] = ("root", "o1")
    for k, pin in enumerate([("up", "o4"), ("up", "o3"), ("down", "o4"), ("down", "o3")]):
        if k in leaves:
            b.netlist.ports[f"out{k}"] = pin
        elif end == "sink":
            b.join(pin, (b.add(f"t{k}", "sink"), "o1"))
    return b.netlist


@pytest.mark.parametrize("end", ["sink", "open"])
@pytest.mark.parametrize("leaves", [[0, 1, 2, 3], [2], [0, 3]])
def test_more_outputs_than_inputs_or_fewer(leaves, end):
    names = [f"out{k}" for k in leaves]
    net = tree(leaves, end)
    assert power(net, ["in"], names) == pytest.approx(np.full((len(leaves), 1), 0.25))
    # The other way round, as a combiner; outputs in an order of their own.
    assert power(net, names[::-1], ["in"]) == pytest.approx(np.full((1, len(leaves)), 0.25))


def test_ports_that_are_neither_driven_nor_watched_are_dark():
    net = toy.mzi()
    whole = power(net, ["in0", "in1"], ["out0", "out1"], phases=[0.7])
    assert power(net, ["in1"], ["out0"], phases=[0.7]) == pytest.approx(whole[:1, 1:])
    assert power(net, ["out1"], ["in0", "in1"], phases=[0.7]) == pytest.approx(whole[1:].T)


def test_a_photodiode_can_be_an_output():
    b = Builder(2)
    b.add("tap", "coupler", angle=0.1)
    b.join(("tap", "o3"), (b.add("monitor", "sink"), "o1"))
    b.netlist.ports = {"in": ("tap", "o1"), "out": ("tap", "o4")}
    expected = np.array([[np.sin(0.1) ** 2], [np.cos(0.1) ** 2]])
    assert power(b.netlist, ["in"], ["monitor", "out"]) == pytest.approx(expected)
    assert power(b.netlist, ["in"], ["out"]) == pytest.approx(expected[1:])


@pytest.mark.parametrize("inwards", [True, False])
def test_splitters_divide_and_combine(inwards):
    b = Builder(3)
    b.add("split", "splitter")
    b.netlist.ports = {"a": ("split", "o1"), "b": ("split", "o2"), "c": ("split", "o3")}
    if inwards:
        assert power(b.netlist, ["a"], ["b", "c"]) == pytest.approx(np.array([[0.5], [0.5]]))
    else:  # what does not interfere into the one output radiates
        assert power(b.netlist, ["b", "c"], ["a"]) == pytest.approx(np.array([[0.5, 0.5]]))


def crossed(lines, leak_db=-20.0):
    """A dark line, ended at both sides, across a lit line `lines` times, in that line's order."""
    b = Builder(4)
    end = (b.add("first", "sink"), "o1")
    light = (b.add("ein", "edge"), "o2")
    b.netlist.ports["in"] = ("ein", "o1")
    for k in range(lines):
        name = b.add(f"x{k}", "crossing", leak_db=leak_db)
        b.join(light, (name, "o1"))
        b.join(end, (name, "o2"))
        light, end = (name, "o3"), (name, "o4")
    b.join(end, (b.add("last", "sink"), "o1"))
    b.join(light, (b.add("eout", "edge"), "o1"))
    b.netlist.ports["out"] = ("eout", "o2")
    return b.netlist


def test_a_dark_line_between_two_ends_follows_the_light():
    for count in (1, 2, 3):
        program = compile(crossed(count), LOSSLESS, ["in"], ["out"])
        assert [e.device for e in program.elements if isinstance(e.scatter, FourPort)] == [
            f"x{k}" for k in range(count)
        ]
    assert power(crossed(1), ["in"], ["out"])[0, 0] == pytest.approx(0.99)
    # What leaked at the first comes back at the second: at most twice the leak in amplitude.
    assert power(crossed(2), ["in"], ["out"])[0, 0] == pytest.approx(0.99**2, abs=0.02)


def test_darkness_makes_no_steps():
    b = Builder(5)
    b.add("dead", "coupler", angle=0.3)
    b.add("live", "coupler", angle=np.pi / 4)
    b.add("spot", "sink")
    b.join(("dead", "o4"), ("live", "o2"))
    b.join(("dead", "o3"), ("spot", "o1"))
    b.netlist.ports = {"in": ("live", "o1"), "out": ("live", "o4")}
    program = compile(b.netlist, LOSSLESS, ["in"], ["out"])
    assert [element.device for element in program.elements] == ["live"]


def test_heaters_are_numbered_as_asked_then_as_met():
    net = toy.benes_netlist(4, 0)
    names = [f"in{i}" for i in range(4)], [f"out{i}" for i in range(4)]
    free = compile(net, LOSSLESS, *names).heaters
    assert sorted(free) == sorted(toy.heater_names(4))
    fixed = compile(net, LOSSLESS, *names, ["s2_1h"])
    assert fixed.heaters == ("s2_1h", *(name for name in free if name != "s2_1h"))
    for element in fixed.elements:
        if element.heater is not None:
            assert fixed.heaters[element.heater] == element.device


def cut(net):
    net.nets["w0"].pins.pop()


def unknown(net):
    net.instances["h"].type = "laser"


def no_angle(net):
    net.instances["left"].parameters.clear()


def no_length(net):
    net.nets["w1"].length_um = None


def no_port(net):
    net.ports["in0"] = ("left", "o9")


def ring(net):
    # The right output comes back into the left coupler.
    net.ports.pop("out1")
    net.ports.pop("in1")
    net.nets["back"] = Wire([("right", "o4"), ("left", "o1")], 10.0)


def no_light(net):
    net.nets.clear()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (cut, "light from left,o3 ends in the loose end of w0"),
        (unknown, "light reaches h of type laser; allowed: coupler, crossing, edge, heater, sink"),
        (no_angle, "left has no parameter angle"),
        (no_length, "wire w1 has no length"),
        (no_port, "left has no port o9; allowed: o1, o2, o4, o3"),
        (ring, "cannot be simulated forwards: left has light at o2 only: there is a loop"),
        (no_light, "no light reaches out0"),
        (lambda net: net.ports.pop("in0"), "has no optical port in0"),
        (lambda net: net.ports.pop("out0"), "has no optical port out0"),
    ],
)
def test_netlist_that_cannot_be_simulated_says_why(harm, message):
    net = toy.mzi()
    harm(net)
    with pytest.raises(DesignError, match=message):
        compile(net, LOSSLESS, ["in0"], ["out0"])


@pytest.mark.parametrize(
    ("inputs", "outputs", "where"),
    [(["in0", "in1", "out0"], ["out1"], "in right, at o3"), (["in0"], ["in1"], "in left, at o2")],
)
def test_light_from_both_sides_is_refused(inputs, outputs, where):
    with pytest.raises(NotFeedForward, match=f"light meets head on {where}"):
        compile(toy.mzi(), LOSSLESS, inputs, outputs)


def test_light_from_both_ends_of_a_line_is_refused():
    b = Builder(6)
    b.add("e", "edge")
    b.netlist.ports = {"a": ("e", "o1"), "b": ("e", "o2")}
    with pytest.raises(NotFeedForward, match="light meets head on at e,o2"):
        compile(b.netlist, LOSSLESS, ["a", "b"], [])
