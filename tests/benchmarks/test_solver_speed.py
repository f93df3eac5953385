"""Speed and memory of the circuit solvers on Benes switches as extracted from their layouts."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from lightloom.photonics.checks import extract
from lightloom.photonics.circuit import guided, scatter
from lightloom.photonics.circuit import solve as circuit
from lightloom.photonics.circuit.elements import TwoPort
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.design import Switch

POINTS = 500
F = np.linspace(guided.frequency_hz(1360), guided.frequency_hz(1260), POINTS)
ALONE = """
import json, sys, time
from pathlib import Path
import numpy as np
from lightloom.flows import sparams
from lightloom.photonics.circuit import guided, scatter, solver
from lightloom.photonics import netlist

ports, points, path = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
net = netlist.read(path)
start = time.perf_counter()
inputs, outputs = [f"in{i}" for i in range(ports)], [f"out{i}" for i in range(ports)]
program = solver.compile(net, scatter.models(), inputs, outputs)
compiled = time.perf_counter()
f = np.linspace(guided.frequency_hz(1360), guided.frequency_hz(1260), points)
phases = np.random.default_rng(1).uniform(0, 6, len(program.heaters))
solver.evaluate(program, phases, f, guided.frequency_hz(1310))
done = time.perf_counter()
found = {"compile": compiled - start, "solve": done - compiled, "mb": sparams.peak_rss_mb()}
print(json.dumps(found))
"""
"""All inputs to all outputs in a process of its own, whose memory is then that of the solver."""


@pytest.fixture(scope="module")
def switch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chips")
    made = {}

    def of(ports):
        if ports not in made:
            path = folder / f"{ports}.gds"
            switch_chip(Switch(ports=ports)).component.write_gds(path)
            netlist = extract.extract(path)
            netlist.write(path.with_suffix(".yml"))
            made[ports] = netlist, path.with_suffix(".yml")
        return made[ports]

    return of


@pytest.mark.parametrize(("ports", "seconds", "mb"), [(8, 1, 200), (32, 2, 200), (64, 15, 400)])
def test_forward_solver_alone(switch, ports, seconds, mb):
    _, path = switch(ports)
    command = [sys.executable, "-c", ALONE, str(ports), str(POINTS), str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(
        f"{ports}x{ports}, {POINTS} wavelengths, forward: {found['solve']:.3f} s and "
        f"{found['compile']:.3f} s for the program, {found['mb']:.0f} MB"
    )
    assert found["compile"] + found["solve"] < seconds
    assert found["mb"] < mb


@pytest.mark.parametrize("ports", [8, 16])
def test_all_solvers_in_one_run(switch, ports):
    """The same chip and wavelengths for each; SAX without the time of its device models."""
    import sax

    netlist, _ = switch(ports)
    inputs, outputs = [f"in{i}" for i in range(ports)], [f"out{i}" for i in range(ports)]

    def timed(function, repeats=3):
        best = float("inf")
        for _ in range(repeats):
            start = time.perf_counter()
            value = function()
            best = min(best, time.perf_counter() - start)
        return best, value

    forward, ours = timed(lambda: circuit.solve(netlist, F, inputs, outputs))
    sparse, _ = timed(lambda: circuit.solve(netlist, F, inputs, outputs, method="sparse"))
    models, instances, connections = {}, {}, {}
    known = scatter.models()

    def place(name, values):
        instances[name] = {"component": f"m_{name}"}
        models[f"m_{name}"] = lambda: values

    for name, one in netlist.instances.items():
        part = known.devices[one.type](one.parameters)
        if isinstance(part, TwoPort):
            t = part.transfer(F)
            place(name, {("o1", "o2"): t, ("o2", "o1"): t})
            continue
        (enters, leaves), m = part.sides[0], part.matrix(F)
        place(
            name, {(a, b): m[:, i, j] for i, b in enumerate(leaves) for j, a in enumerate(enters)}
        )
    for name, wire in netlist.nets.items():
        t = scatter.guide(wire.length_um).transfer(F)
        place(name, {("o1", "o2"): t, ("o2", "o1"): t})
        (a, pa), (b, pb) = wire.pins
        connections |= {f"{a},{pa}": f"{name},o1", f"{name},o2": f"{b},{pb}"}
    chip_ports = {name: f"{a},{b}" for name, (a, b) in netlist.ports.items()}
    call, _ = sax.circuit(
        {"instances": instances, "connections": connections, "ports": chip_ports}, models
    )
    theirs_s, s = timed(lambda: sax.sdict(call()))
    power = np.abs(np.asarray(s["in0", "out0"])) ** 2
    assert np.abs(ours.s[:, 0, 0]) ** 2 == pytest.approx(power, abs=1e-9)
    print(
        f"{ports}x{ports}, {POINTS} wavelengths: forward {forward:.4f} s, sparse {sparse:.3f} s, "
        f"SAX {theirs_s:.2f} s: {theirs_s / forward:.0f} and {theirs_s / sparse:.1f} times as long"
    )
    assert theirs_s > 10 * forward
