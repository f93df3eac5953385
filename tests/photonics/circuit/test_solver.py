"""The feed-forward solver against closed forms, a plain loop, and SAX."""

import contextlib

import numpy as np
import pytest

from lightloom.photonics.circuit import solver
from lightloom.photonics.circuit.elements import FourPort, Models, TwoPort
from lightloom.spec import benes
from lightloom.spec.base import DesignError

from .. import oracle
from ..toy import (
    CARRIER,
    DEVICES,
    LOSSY,
    N_GROUP,
    Builder,
    C,
    benes_netlist,
    coupler,
    heater_names,
    mzi,
    program,
    wire,
)


@pytest.mark.parametrize("angle", [np.pi / 4, 0.6, 1.1])
def test_mzi_powers_follow_the_closed_form(angle):
    p = program(mzi(angle), 2)
    for phase in np.linspace(0, 2 * np.pi, 9):
        power = np.abs(solver.evaluate(p, [phase], np.array([CARRIER]), CARRIER)[0]) ** 2
        cross = np.sin(2 * angle) ** 2 * np.cos(phase / 2) ** 2
        assert power == pytest.approx(np.array([[1 - cross, cross], [cross, 1 - cross]]), abs=1e-12)


def test_mzi_free_spectral_range_follows_the_group_index():
    imbalance = 100.0
    fsr = C / (N_GROUP * imbalance * 1e-6)
    f = CARRIER + np.linspace(-1.5 * fsr, 1.5 * fsr, 3001)
    flat = Models({**DEVICES, "coupler": lambda p: coupler({"angle": np.pi / 4})}, wire)
    power = np.abs(solver.evaluate(program(mzi(imbalance=imbalance), 2, flat), [0.0], f, CARRIER))
    dips = [i for i in range(1, 3000) if power[i - 1, 0, 0] > power[i, 0, 0] <= power[i + 1, 0, 0]]
    assert np.diff(f[dips]) == pytest.approx(fsr, rel=2e-2)


def test_lossless_network_conserves_power():
    net = benes_netlist(8, 3)
    for instance in net.instances.values():
        instance.parameters.pop("amplitude", None)
    p = program(net, 8)
    f = CARRIER + np.linspace(-2e12, 2e12, 5)
    phases = np.random.default_rng(4).uniform(0, 2 * np.pi, len(p.heaters))
    s = solver.evaluate(p, phases, f, CARRIER)
    unit = np.einsum("fok,fol->fkl", s.conj(), s)
    assert unit == pytest.approx(np.broadcast_to(np.eye(8), unit.shape), abs=1e-12)


def test_network_is_reciprocal():
    net = benes_netlist(8, 5)
    names = [f"in{i}" for i in range(8)], [f"out{i}" for i in range(8)]
    forward = solver.compile(net, LOSSY, *names, heater_names(8))
    backward = solver.compile(net, LOSSY, names[1], names[0], heater_names(8))
    phases = np.random.default_rng(6).uniform(0, 6, 20)
    f = CARRIER + np.linspace(-1e12, 1e12, 3)
    a = solver.evaluate(forward, phases, f, CARRIER)
    b = solver.evaluate(backward, phases, f, CARRIER)
    assert a == pytest.approx(np.swapaxes(b, 1, 2), abs=1e-13)


@pytest.mark.parametrize("ports", [2, 4])
def test_cell_states_route_as_the_network_says(ports):
    p = program(benes_netlist(ports, 7, angle_spread=0.0), ports, heaters=heater_names(ports))
    assert list(p.heaters) == heater_names(ports)
    for code in range(0, 1 << benes.cells(ports), 1 if ports == 2 else 3):
        states = [code >> k & 1 for k in range(benes.cells(ports))]
        phases = [0.0 if cross else np.pi for cross in states]
        s = solver.evaluate(p, phases, np.array([CARRIER]), CARRIER)[0]
        assert np.argmax(np.abs(s), axis=0).tolist() == benes.apply(ports, states)


def plain(program, phases, frequencies):
    """Each step on the light of all inputs, one after the other."""
    state = np.zeros((program.lines, len(program.inputs), frequencies.size), dtype=complex)
    state[range(len(program.inputs)), range(len(program.inputs))] = 1.0
    for element in program.elements:
        turn = None
        if element.heater is not None:
            turn = phases[element.heater] * frequencies / CARRIER
        s = element.scatter.at(frequencies, turn)
        if element.b is None:
            state[element.a] *= s
        else:
            pair = np.einsum("fij,jkf->ikf", s, state[[element.a, element.b]])
            state[element.a], state[element.b] = pair
    return np.moveaxis(state[list(program.output_lines)], -1, 0)


def random_network(seed):
    """Couplers, heaters and ends on random pairs of lines: what no fabric looks like."""
    b = Builder(seed)
    ends = []
    for i in range(5):
        b.netlist.ports[f"in{i}"] = (b.add(f"ein{i}", "edge", amplitude=0.9), "o1")
        ends.append((f"ein{i}", "o2"))
    for k in range(30):
        kind = b.rng.choice(["coupler", "coupler", "heater", "sink", "dark", "splitter"])
        i, j = b.rng.choice(len(ends), 2, replace=False)
        name = f"{kind}{k}"
        if kind == "heater":
            b.join(ends[i], (b.add(name, "heater", length_um=30.0), "o1"))
            ends[i] = (name, "o2")
        elif kind == "sink" and len(ends) > 4:
            b.join(ends.pop(i), (b.add(name, "sink"), "o1"))
        elif kind == "dark":
            ends.append((b.add(name, "sink"), "o1"))
        elif kind == "splitter":
            b.join(ends[i], (b.add(name, "splitter"), "o1"))
            ends[i] = (name, "o2")
            ends.append((name, "o3"))
        else:
            b.add(name, "coupler", angle=b.rng.uniform(0, 3))
            b.join(ends[i], (name, "o1"))
            b.join(ends[j], (name, "o2"))
            ends[i], ends[j] = (name, "o3"), (name, "o4")
    outs = [pin for pin in ends if not pin[0].startswith("dark")]
    for i, k in enumerate(b.rng.permutation(len(outs))):
        b.netlist.ports[f"out{i}"] = outs[k]
    return b.netlist, len(outs)


@pytest.mark.parametrize("seed", range(12))
def test_equals_a_plain_loop(seed, monkeypatch):
    net, outs = random_network(seed)
    names = [f"in{i}" for i in range(5)], [f"out{i}" for i in range(outs)]
    lit = []
    for name in names[1]:
        with contextlib.suppress(DesignError):  # an end of a line that was dark all the way
            solver.compile(net, LOSSY, names[0], [name])
            lit.append(name)
    p = solver.compile(net, LOSSY, names[0], lit)
    phases = np.random.default_rng(seed).uniform(0, 7, len(p.heaters))
    f = CARRIER + np.linspace(-2e12, 2e12, 37)
    expected = plain(p, phases, f)
    assert solver.evaluate(p, phases, f, CARRIER) == pytest.approx(expected, abs=1e-12)
    monkeypatch.setattr(solver, "BLOCK_BYTES", 1)  # in blocks
    assert solver.evaluate(p, phases, f, CARRIER) == pytest.approx(expected, abs=1e-12)
    last = solver.compile(net, LOSSY, names[0], lit[-1:], p.heaters)
    assert solver.evaluate(last, phases, f, CARRIER) == pytest.approx(expected[:, -1:], abs=1e-12)


def test_states_are_the_same_as_one_evaluation_each():
    p = program(benes_netlist(8, 13), 8, LOSSY)
    phases = np.random.default_rng(14).uniform(0, 7, (23, len(p.heaters)))
    at = CARRIER + 1e12
    s = solver.evaluate_states(p, phases, at, CARRIER)
    for row, one in zip(phases, s, strict=True):
        expected = solver.evaluate(p, row, np.array([at]), CARRIER)[0]
        assert one == pytest.approx(expected, abs=1e-12)


def test_driven_devices_take_their_own_response():
    def lossy_shifter(p):
        return TwoPort(
            lambda f: np.ones(f.size, dtype=complex),
            0.0,
            heated=True,
            driven=lambda f, turn: np.exp(-1j * turn - 0.1 * turn) * np.ones(f.size),
        )

    def turning_coupler(p):
        def driven(f, turn):
            angle = p["angle"] + np.broadcast_to(turn, np.broadcast(f, turn).shape)
            bar, cross = np.cos(angle), -1j * np.sin(angle)
            return np.moveaxis(np.array([[bar, cross], [cross, bar]]), -1, 0)

        part = coupler(p)
        return FourPort(part.matrix, 0.0, part.sides, heated=True, driven=driven)

    models = Models({**DEVICES, "heater": lossy_shifter, "coupler": turning_coupler}, wire)
    p = solver.compile(mzi(), models, ["in0"], ["out0", "out1"], ["h", "left", "right"])
    phases = np.array([[0.4, 0.1, -0.2], [1.3, 0.0, 0.5]])
    s = solver.evaluate_states(p, phases, CARRIER, CARRIER)
    assert s == pytest.approx(
        np.stack([plain(p, row, np.array([CARRIER]))[0] for row in phases]), abs=1e-12
    )
    for row, one in zip(phases, s, strict=True):
        found = solver.evaluate(p, row, np.array([CARRIER]), CARRIER)[0]
        assert found == pytest.approx(one, abs=1e-12)
        assert found == pytest.approx(plain(p, row, np.array([CARRIER]))[0], abs=1e-12)
    dark = np.abs(s[0]) ** 2
    assert dark.sum() < 1.0  # the shifter absorbs when driven


def test_equals_sax_on_8x8():
    ports = 8
    net = benes_netlist(ports, 11)
    p = program(net, ports, LOSSY, heater_names(ports))
    phases = np.random.default_rng(12).uniform(0, 2 * np.pi, len(p.heaters))
    f = CARRIER + np.array([-1e12, 0.0, 0.7e12])
    ours = np.abs(solver.evaluate(p, phases, f, CARRIER)) ** 2
    turns = {name: phases[k] * f / CARRIER for k, name in enumerate(p.heaters)}

    def forwards(name):
        # Only what the solver under test has by contract: light that runs from inputs to outputs.
        instance = net.instances[name]
        scatter = DEVICES[instance.type](instance.parameters)
        if isinstance(scatter, TwoPort):
            t = scatter.at(f, turns.get(name))
            return {("o1", "o2"): t, ("o2", "o1"): t}
        sides = scatter.sides[-1:] if instance.type == "crossing" else scatter.sides[:1]
        m = scatter.matrix(f)
        return {
            (enters, leaves): m[:, i, j]
            for side in sides
            for i, leaves in enumerate(side[1])
            for j, enters in enumerate(side[0])
        }

    s = oracle.sax_circuit(net, forwards, lambda um: wire(um, 3.0).transfer(f), f.size)
    theirs = np.array(
        [[np.abs(s(f"in{i}", f"out{o}")) ** 2 for i in range(ports)] for o in range(ports)]
    )
    assert ours == pytest.approx(np.moveaxis(theirs, -1, 0), abs=1e-9)


def test_number_of_phases_is_checked():
    with pytest.raises(ValueError, match="3 heater phases; allowed: 1"):
        solver.evaluate(program(mzi(), 2), [0, 0, 0], np.array([CARRIER]), CARRIER)
    with pytest.raises(ValueError, match="2 heater phases; allowed: 1"):
        solver.evaluate_states(program(mzi(), 2), np.zeros((5, 2)), CARRIER, CARRIER)
    with pytest.raises(ValueError, match="1 heater phases; allowed: 1"):
        solver.evaluate_states(program(mzi(), 2), np.zeros(1), CARRIER, CARRIER)
