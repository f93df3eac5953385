import math
import random
from collections import Counter

import numpy as np
import pytest

from lightloom.photonics import devices, preview
from lightloom.photonics.checks import extract
from lightloom.photonics.circuit import scatter, solver
from lightloom.photonics.circuit.elements import FourPort, Models, TwoPort
from lightloom.photonics.circuit.trace import levels, trace
from lightloom.photonics.netlist import Instance, Netlist, Wire
from lightloom.photonics.pictures import loss_map
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec import routing
from lightloom.spec.design import Design, Serdes, Switch

CARRIER = scatter.frequency_hz(1310.0)


def models(loss_db_per_um=0.0, mix=0.5, gain_db=0.0):
    """Couplers that mix lines, wires and shifters that lose light evenly."""

    def wire(length):
        t = 10 ** (-loss_db_per_um * length / 20)
        return TwoPort(lambda f: np.full(f.size, t, dtype=complex), 0.0)

    t, k = math.sqrt(1 - mix), -1j * math.sqrt(mix)
    one = np.array([[t, k], [k, t]])
    sides = ((("o1", "o2"), ("o4", "o3")), (("o4", "o3"), ("o1", "o2")))
    gain = 10 ** (gain_db / 20)
    return Models(
        devices={
            "coupler2x2": lambda p: FourPort(lambda f: np.repeat(one[None], f.size, 0), 0.0, sides),
            "heater_waveguide": lambda p: TwoPort(
                lambda f: np.full(f.size, gain, dtype=complex), 0.0, heated=True
            ),
            "edge_coupler": lambda p: TwoPort(lambda f: np.ones(f.size, dtype=complex), 0.0),
        },
        wire=wire,
    )


def chain(lengths):
    """An edge coupler, a shifter between two waveguides, an edge coupler."""
    return Netlist(
        "chain",
        ports={"in0": ("a", "o2"), "out0": ("b", "o2")},
        instances={
            "a": Instance("edge_coupler"),
            "h": Instance("heater_waveguide"),
            "b": Instance("edge_coupler"),
        },
        nets={
            "first": Wire([("a", "o1"), ("h", "o1")], lengths[0]),
            "second": Wire([("b", "o1"), ("h", "o2")], lengths[1]),
        },
    )


def run(netlist, given, inputs=("in0",), outputs=("out0",), phases=(0.0,)):
    program = solver.compile(netlist, given, inputs, outputs)
    return program, trace(program, netlist, np.array(phases), CARRIER)


def test_power_along_a_lossless_path_is_constant():
    _, found = run(chain((30.0, 70.0)), models(), phases=(1.2,))
    assert set(found.pins) == {(d, p) for d in "ahb" for p in ("o1", "o2")}
    assert all(power == pytest.approx([1.0]) for power in found.pins.values())
    assert found.wires == {
        "first": (("a", "o1"), ("h", "o1")),
        "second": (("h", "o2"), ("b", "o1")),
    }


def test_loss_is_where_it_happens():
    _, found = run(chain((30.0, 70.0)), models(loss_db_per_um=0.01, gain_db=-2.0))
    levels = {pin: 10 * math.log10(power[0]) for pin, power in found.pins.items()}
    assert levels == pytest.approx(
        {
            ("a", "o2"): 0.0,
            ("a", "o1"): 0.0,
            ("h", "o1"): -0.3,
            ("h", "o2"): -2.3,
            ("b", "o1"): -3.0,
            ("b", "o2"): -3.0,
        }
    )


def test_a_waveguide_without_length_passes_power_on():
    _, found = run(chain((0.0, 70.0)), models(loss_db_per_um=0.01))
    assert found.wires["first"] == (("a", "o1"), ("h", "o1"))
    assert found.pins["h", "o1"] == pytest.approx([1.0])
    assert found.pins["b", "o2"] == pytest.approx([10**-0.07])


def test_a_coupler_shares_power_between_its_ports():
    sides = {
        "ports": {
            "in0": ("c", "o1"), "in1": ("c", "o2"), "out0": ("c", "o4"), "out1": ("c", "o3"),
        },
        "instances": {"c": Instance("coupler2x2")},
    }  # fmt: skip
    for ports, flipped in ((("in0", "in1"), False), (("out0", "out1"), True)):
        other = ("in0", "in1") if flipped else ("out0", "out1")
        program = solver.compile(Netlist("c", **sides), models(mix=0.2), ports, other)
        found = trace(program, Netlist("c", **sides), np.array([]), CARRIER)
        through, across = ("o1", "o2") if flipped else ("o4", "o3")
        assert found.pins["c", through] == pytest.approx([0.8, 0.2])
        assert found.pins["c", across] == pytest.approx([0.2, 0.8])


def test_what_does_not_belong_together_is_refused():
    program, _ = run(chain((30.0, 70.0)), models())
    with pytest.raises(ValueError, match="2 phases; allowed: 1"):
        trace(program, chain((30.0, 70.0)), np.zeros(2), CARRIER)
    other = chain((30.0, 70.0))
    other.ports["in0"], other.ports["out0"] = other.ports["out0"], other.ports["in0"]
    with pytest.raises(ValueError, match="is not where line 0 of the program is"):
        trace(program, other, np.zeros(1), CARRIER)


CHIPS = {
    "benes": Switch(ports=8),
    "crossbar": Switch(topology="crossbar", ports=4),
    "piloss": Switch(topology="piloss", ports=4),
    "odd-even": Switch(topology="odd-even", ports=4),
    "switch-and-select": Switch(topology="switch-and-select", ports=4),
    "monitors": Switch(ports=4, monitors="cell", phase_shifter="pin"),
}


@pytest.fixture(scope="module", params=CHIPS)
def fabric(request):
    """A chip as its generator meant it, its program and random phases."""
    netlist = switch_chip(CHIPS[request.param]).netlist
    ports = CHIPS[request.param].ports
    inputs, outputs = [f"in{i}" for i in range(ports)], [f"out{i}" for i in range(ports)]
    numbers = scatter.models(devices.O_BAND)
    program = solver.compile(netlist, numbers, inputs, outputs)
    seed = random.getrandbits(32)
    print(f"seed {seed}")
    phases = np.random.default_rng(seed).uniform(0.0, np.pi, len(program.heaters))
    return netlist, program, phases, trace(program, netlist, phases, CARRIER)


def test_what_arrives_is_what_the_solver_finds(fabric):
    netlist, program, phases, found = fabric
    s = solver.evaluate(program, phases, np.array([CARRIER]), CARRIER)[0]
    assert found.received == pytest.approx(np.abs(s) ** 2, rel=1e-9, abs=1e-15)
    for k, name in enumerate(program.outputs):
        assert found.pins[netlist.ports[name]] == pytest.approx(found.received[k], rel=1e-12)
    for i, name in enumerate(program.inputs):
        assert found.pins[netlist.ports[name]][i] == 1.0


def test_no_light_is_made_on_the_way(fabric):
    netlist, _, _, found = fabric
    for name, (start, end) in found.wires.items():
        assert set(netlist.nets[name].pins) == {start, end}
        assert (found.pins[end] <= found.pins[start] * (1 + 1e-12)).all()
    # Into each device at least as much as out of it, of every input's light.
    comes = {end for _, end in found.wires.values()} | {netlist.ports[n] for n in found.inputs}
    totals = {}
    for pin, power in found.pins.items():
        entry = totals.setdefault(pin[0], [0.0, 0.0])
        entry[pin not in comes] = entry[pin not in comes] + power
    types = Counter(netlist.instances[name].type for name in totals)
    assert types["coupler2x2"] > 8
    for name, (into, out) in totals.items():
        assert (np.asarray(out) <= np.asarray(into) * (1 + 1e-9) + 1e-15).all(), name


def test_levels_of_a_chain():
    _, found = run(chain((30.0, 70.0)), models(loss_db_per_um=0.01, gain_db=-2.0))
    told = levels(found, {"in0": "out0"})
    assert told.loss_db == pytest.approx({"out0": 3.0})
    assert told.origin == {"out0": "in0"}
    assert set(told.paths.values()) == {frozenset({"in0"})}
    assert told.signal["h", "o2"] == pytest.approx(-2.3)
    assert told.crosstalk == {}
    assert told.crosstalk_db["out0"] < -150


def test_levels_of_two_inputs_in_one_coupler():
    ports = {"in0": ("c", "o1"), "in1": ("c", "o2"), "out0": ("c", "o4"), "out1": ("c", "o3")}
    netlist = Netlist("c", ports=ports, instances={"c": Instance("coupler2x2")})
    program = solver.compile(netlist, models(mix=0.01), ("in0", "in1"), ("out0", "out1"))
    found = trace(program, netlist, np.array([]), CARRIER)
    told = levels(found, {"in0": "out0", "in1": "out1"})
    assert told.paths == {ports[n]: frozenset({f"in{n[-1]}"}) for n in ports}
    assert told.signal["c", "o4"] == pytest.approx(10 * math.log10(0.99))
    assert told.crosstalk["c", "o4"] == pytest.approx(-20.0)
    assert told.crosstalk_db == pytest.approx(
        {"out0": 10 * math.log10(1 / 99), "out1": -19.956}, abs=1e-3
    )
    # An input that is not routed is dark: it adds no crosstalk.
    alone = levels(found, {"in0": "out0"})
    assert alone.crosstalk_db["out0"] < -150
    assert alone.crosstalk == {("c", "o3"): pytest.approx(-20.0)}


def test_signals_are_followed_through_a_fabric_and_nowhere_else(tmp_path):
    switch = Switch(ports=8, monitors="cell")
    preview.write_layout(switch_chip(switch).component, tmp_path / "switch.gds")
    netlist = extract.extract(tmp_path / "switch.gds")
    design = Design(name="x", switch=switch, serdes=Serdes(lanes=8))
    found = loss_map.follow(design, netlist)
    told = levels(found, routing.targets(design))
    assert told.origin == {f"out{7 - i}": f"in{i}" for i in range(8)}
    for output, name in told.origin.items():
        i, k = found.inputs.index(name), found.outputs.index(output)
        assert told.loss_db[output] == pytest.approx(-10 * math.log10(found.received[k, i]))
        path = {pin for pin, names in told.paths.items() if name in names}
        assert {netlist.ports[name], netlist.ports[output]} <= path
        # Through one cell in each of the five stages.
        heaters = {pin[0] for pin in path if netlist.instances[pin[0]].type == "heater_waveguide"}
        assert len({netlist.instances[heater].x_um for heater in heaters}) == len(heaters) == 5
        # Monotone: no pin has more of it than the sum of those that it comes from.
        for pin in path:
            came = [found.pins[one][i] for one in found.before.get(pin, ())]
            assert found.pins[pin][i] <= (sum(came) if came else 1.0) * (1 + 1e-9)
    taps = [pin for pin in found.pins if netlist.instances[pin[0]].type == "photodiode"]
    assert len(taps) == 40
    assert not set(taps) & set(told.paths)
    assert set(taps) <= set(told.crosstalk)
