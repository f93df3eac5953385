"""The choice of solver, and both solvers on a switch as extracted from its layout, against SAX."""

import numpy as np
import pytest

from lightloom.photonics import layout
from lightloom.photonics.checks import extract
from lightloom.photonics.circuit import guided, scatter
from lightloom.photonics.circuit import solve as circuit
from lightloom.photonics.circuit.elements import TwoPort
from lightloom.photonics.circuit.walk import NotFeedForward
from lightloom.photonics.netlist import Instance
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design, Switch

from .. import oracle

PORTS = 8
CARRIER = guided.frequency_hz(1310.0)
F = np.array([guided.frequency_hz(nm) for nm in (1300.0, 1310.0, 1317.3)])
INPUTS, OUTPUTS = [f"in{i}" for i in range(PORTS)], [f"out{i}" for i in range(PORTS)]


@pytest.fixture(scope="module")
def switch(tmp_path_factory):
    path = tmp_path_factory.mktemp("chip") / "switch.gds"
    switch_chip(Switch(ports=PORTS)).component.write_gds(path)
    return extract.extract(path)


@pytest.fixture(scope="module")
def phases(switch):
    rng = np.random.default_rng(21)
    heaters = [n for n, one in switch.instances.items() if one.type == "heater_waveguide"]
    assert len(heaters) == 20
    return {name: float(rng.uniform(0, 2 * np.pi)) for name in heaters}


def against_sax(switch, found, device):
    s = oracle.sax_circuit(switch, device, lambda um: scatter.guide(um).transfer(F), F.size)
    theirs = np.array([[np.abs(s(i, o)) ** 2 for i in found.inputs] for o in found.outputs])
    assert found.power == pytest.approx(np.moveaxis(theirs, -1, 0), abs=1e-9)
    assert found.power.max() > 0.05


def test_sparse_equals_sax_on_the_extracted_switch(switch, phases):
    ports = [*INPUTS, *OUTPUTS]
    found = circuit.solve(switch, F, ports, ports, phases, CARRIER, "sparse")
    assert (found.method, found.reason) == ("sparse", "asked for")
    parts = scatter.parts()

    def whole(name):
        one = switch.instances[name]
        made = parts.devices[one.type](one.parameters)
        s = made.matrix(F, phases[name] * F / CARRIER if name in phases else None)
        return {
            (p, q): s[:, j, i] for i, p in enumerate(made.ports) for j, q in enumerate(made.ports)
        }

    against_sax(switch, found, whole)


def test_forward_equals_sax_on_the_extracted_switch(switch, phases):
    found = circuit.solve(switch, F, INPUTS, OUTPUTS, phases)
    assert (found.method, found.reason) == ("forward", "light runs one way")
    models = scatter.models()

    def forwards(name):
        one = switch.instances[name]
        part = models.devices[one.type](one.parameters)
        if isinstance(part, TwoPort):
            t = part.at(F, phases[name] * F / CARRIER if name in phases else None)
            return {("o1", "o2"): t, ("o2", "o1"): t}
        # By the contract of the solver, only one way: in this layout from o1 and o2 on.
        (enters, leaves), m = part.sides[0], part.matrix(F)
        return {
            (into, out): m[:, i, j] for i, out in enumerate(leaves) for j, into in enumerate(enters)
        }

    against_sax(switch, found, forwards)


def test_what_crossings_throw_back_is_below_their_crosstalk(switch, phases):
    forward = circuit.solve(switch, F, INPUTS, OUTPUTS, phases, method="forward")
    whole = circuit.solve(switch, F, INPUTS, OUTPUTS, phases, method="sparse")
    difference = np.abs(forward.s - whole.s).max()
    assert 1e-6 < difference < 1e-2  # -40 dB is 1e-2 in amplitude


def test_light_that_comes_back_takes_the_sparse_solver(switch):
    # An output led back to an input: a loop through the whole switch.
    net = type(switch)("loop", {**switch.ports}, switch.instances, {**switch.nets})
    ends = [net.ports.pop(name) for name in ("in7", "out0")]
    net.nets["back"] = type(next(iter(switch.nets.values())))(ends, 50.0)
    found = circuit.solve(net, F, INPUTS[:7], OUTPUTS[1:])
    assert found.method == "sparse"
    assert "there is a loop" in found.reason
    assert np.linalg.svd(found.s, compute_uv=False).max() <= 1.0
    with pytest.raises(NotFeedForward, match="there is a loop"):
        circuit.solve(net, F, INPUTS[:7], OUTPUTS[1:], method="forward")


def test_a_reflection_takes_the_sparse_solver(switch):
    found = circuit.solve(switch, F, ["in0"], ["in0"])
    assert found.method == "sparse"
    assert "light meets head on" in found.reason
    assert 0 < found.power.max() < 1e-2


def test_phases_are_those_of_phase_shifters(switch):
    for method in ("auto", "sparse"):
        with pytest.raises(DesignError, match="ec_none has no phase; allowed: "):
            circuit.solve(switch, F, INPUTS, OUTPUTS, {"ec_none": 1.0}, method=method)
    plain = type(switch)("plain", {"a": ("e", "o1"), "b": ("e", "o2")})
    plain.instances["e"] = Instance("edge_coupler", {"length_um": 200.0})
    with pytest.raises(DesignError, match="e has no phase; allowed: none"):
        circuit.solve(plain, F, ["a"], ["b"], {"e": 1.0})


def test_the_band_of_the_netlist_counts():
    net = circuit.Netlist("c", {"a": ("h", "o1"), "b": ("h", "o2")}, band="C")
    net.instances["h"] = Instance("heater_waveguide", {"length_um": 200.0})
    f = np.array([guided.frequency_hz(1550.0)])
    for method in ("forward", "sparse"):
        found = circuit.solve(net, f, ["a"], ["b"], {"h": 0.5}, method=method)
        expected = scatter.smatrix(
            "heater_waveguide", {"length_um": 200.0}, f, scatter.BANDS["C"], np.array([0.5])
        )
        assert found.s[:, 0, 0] == pytest.approx(expected[:, 1, 0], abs=1e-12)


def test_a_wavelength_multiplexed_engine_by_both_solvers(tmp_path):
    engine = {"modulator": "ring", "wavelengths": 4, "receiver": "drop-filter", "lanes": 1}
    design = Design.model_validate(
        {"name": "wdm", "engine": engine, "switch": {"topology": "none"}}
    )
    net = layout.run("engine", design, tmp_path).extracted
    f = CARRIER + np.linspace(-0.9e12, 0.4e12, 1301)
    diodes = [n for n, one in net.instances.items() if one.type == "photodiode"]
    forward = circuit.solve(net, f, ["rx0"], diodes)
    assert forward.method == "forward"
    whole = circuit.solve(net, f, ["rx0"], diodes, method="sparse")
    assert forward.power == pytest.approx(whole.power, abs=5e-3)  # terminators, diodes, facet
    assert np.abs(forward.s - whole.s).max() > 1e-6
    # Every diode gets a wavelength of its own, and the bus is empty behind the last filter.
    peaks = np.sort(f[np.argmax(forward.power[:, :, 0], axis=0)])
    assert len(diodes) == 4
    assert np.diff(peaks).min() > 50e9
    assert forward.power.max(axis=0).min() > 0.3
    assert forward.power.sum(axis=1).max() < 1.0
