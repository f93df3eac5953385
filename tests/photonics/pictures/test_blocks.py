import numpy as np
import pytest

from lightloom.photonics.circuit import solver
from lightloom.photonics.circuit.elements import FourPort, Models
from lightloom.photonics.pictures.blocks import blocks

from .. import toy
from ..switches import CARRIER, drawn


def run(program, parts, phases):
    """The blocks on the light of all inputs, one after the other."""
    at = np.array([CARRIER])
    state = np.zeros((program.lines, len(program.inputs)), dtype=complex)
    state[range(len(program.inputs)), range(len(program.inputs))] = 1.0
    for block in parts:
        lines = [block.a] if block.b is None else [block.a, block.b]
        matrix = block.matrix(
            lambda e: e.scatter.at(at, None if e.heater is None else phases[[e.heater]])[0]
        )
        state[lines] = matrix @ state[lines]
    return state[list(program.output_lines)]


@pytest.mark.parametrize(
    ("topology", "ports"), [("benes", 4), ("piloss", 4), ("switch-and-select", 4), ("ocstrx", 2)]
)
def test_blocks_one_after_the_other_are_the_program(topology, ports):
    program = drawn(topology, ports).program
    parts = blocks(program)
    assert sorted(id(e) for block in parts for e in block.elements) == sorted(
        map(id, program.elements)
    )
    phases = np.random.default_rng(1).uniform(0, 7, len(program.heaters))
    expected = solver.evaluate(program, phases, np.array([CARRIER]), CARRIER)[0]
    assert run(program, parts, phases) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("topology", "ports"), [("benes", 8), ("piloss", 4), ("ocstrx", 2)])
def test_every_cell_is_in_one_block_with_both_its_couplers(topology, ports):
    program = drawn(topology, ports).program
    driven = [block for block in blocks(program) if block.heaters]
    assert sorted(h for block in driven for h in block.heaters) == list(range(len(program.heaters)))
    for block in driven:
        assert len(block.heaters) == 1
        assert sum(e.b is not None for e in block.elements) >= 2


def test_lines_may_be_named_in_any_order():
    b = toy.Builder(0)
    for k in range(3):
        b.add(f"c{k}", "coupler", angle=0.4 + k)
    b.join(("c0", "o3"), ("c1", "o1"))
    b.join(("c0", "o4"), ("c1", "o2"))
    b.join(("c1", "o3"), ("c2", "o2"))
    b.join(("c1", "o4"), ("c2", "o1"))
    b.netlist.ports = {"in0": ("c0", "o1"), "in1": ("c0", "o2")}
    b.netlist.ports |= {"out0": ("c2", "o3"), "out1": ("c2", "o4")}

    def lopsided(p):
        part = toy.coupler(p)
        weights = np.array([[0.9, 0.7], [0.7, 0.5]])
        return FourPort(lambda f: part.matrix(f) * weights, 0.0, part.sides)

    models = Models({**toy.DEVICES, "coupler": lopsided}, toy.wire)
    program = toy.program(b.netlist, 2, models)
    (block,) = blocks(program)
    assert len({(e.a, e.b) for e in block.elements if e.b is not None}) == 2
    found = run(program, [block], np.zeros(0))
    expected = solver.evaluate(program, [], np.array([CARRIER]), CARRIER)[0]
    assert found == pytest.approx(expected, abs=1e-12)
