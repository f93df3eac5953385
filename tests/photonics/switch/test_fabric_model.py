"""The fabric as steps: equal to the solver, whatever the cells do, in every topology."""

import math

import numpy as np
import pytest

from lightloom.photonics.circuit import scatter, solver
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.netlist import Conductor
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.spec import benes, fabrics, routing
from lightloom.spec.design import Design, Serdes, Switch
from lightloom.spec.optical_model import Couple, HeaterOp, PathOp

PORTS = 4


def design(**switch):
    return Design(name="test", serdes=Serdes(lanes=4), switch=Switch(ports=PORTS, **switch))


def test_steps_and_solver_agree_for_any_heat(netlist):
    program = fabric_model.program(netlist(), design().switch)
    fabric = fabric_model.fabric(design(), netlist())
    carrier = scatter.frequency_hz(1310.0)
    rng = np.random.default_rng(3)
    for _ in range(5):
        phases = rng.uniform(0, 7, len(fabric.heaters))
        s = solver.evaluate(program, phases, np.array([carrier]), carrier)[0]
        assert fabric_model.transfer(fabric, phases) == pytest.approx(s, abs=1e-12)


def test_all_cell_states_make_the_permutation_they_should(netlist):
    fabric = fabric_model.fabric(design(), netlist())
    codes = calibration.codes(fabric, "nominal")
    for number in range(1 << benes.cells(PORTS)):
        states = [number >> cell & 1 for cell in range(benes.cells(PORTS))]
        chosen = [codes["cross" if s else "bar"][cell] for cell, s in enumerate(states)]
        s = fabric_model.transfer(fabric, calibration.phases_rad(fabric, chosen))
        assert np.argmax(np.abs(s), axis=0).tolist() == benes.apply(PORTS, states)


def test_loss_is_the_sum_of_what_the_light_passes(netlist):
    # Bar everywhere: light stays on the side of each cell that it entered.
    chip = netlist()
    program = fabric_model.program(chip, design().switch)
    carrier = scatter.frequency_hz(1310.0)
    s = solver.evaluate(program, np.full(6, math.pi), np.array([carrier]), carrier)[0]
    # in0 passes the upper arms of m0_0, m1_0 and m2_0 and meets no crossing on its way.
    coupler, heater = (
        next(i.parameters for i in chip.instances.values() if i.type == kind)
        for kind in ("coupler2x2", "heater_waveguide")
    )
    path = 2 * coupler["path_um"] + heater["length_um"] + 20.0
    # Half the light of a cell goes through its heater.
    excess = 2 * O_BAND.coupler.excess_loss_db + O_BAND.heater.loss_db / 2
    cells = 3 * (scatter.guide_loss_db(path) + excess)
    leads = [w for w in chip.nets.values() if w.y_um > 55 and w.length_um != 10.0]
    wires = scatter.guide_loss_db(sum(w.length_um for w in leads if len(w.pins) == 2))
    expected = 2 * O_BAND.edge_coupler.loss_db + cells + wires
    assert -20 * math.log10(abs(s[0, 0])) == pytest.approx(expected, abs=1e-4)


def test_static_phase_of_a_cell_is_that_of_its_extra_length(netlist):
    imbalance = 0.12
    fabric = fabric_model.fabric(design(), netlist(arm_imbalance_um=imbalance))
    turn = -2 * math.pi * O_BAND.guide.index * imbalance / 1.31
    found = calibration.static_phases(fabric)
    # the detour is drawn on the grid: its length is known to some nanometres
    assert np.exp(1j * found) == pytest.approx(np.full(6, np.exp(1j * turn)), abs=0.05)
    assert calibration.static_phases(fabric_model.fabric(design(), netlist())) == pytest.approx(
        np.zeros(6), abs=1e-6
    )


def test_swapped_pads_swap_heaters(netlist):
    chip = netlist()
    fabric = fabric_model.fabric(design(), chip)
    changed = dict(chip.electrical)
    changed["h0_0"] = Conductor(chip.electrical["h0_1"].pins, ["h0_0"])
    changed["h0_1"] = Conductor(chip.electrical["h0_0"].pins, ["h0_1"])
    other = fabric_model.fabric(
        design(), type(chip)(chip.chip, chip.ports, chip.instances, chip.nets, changed)
    )
    assert [h.y_um for h in fabric.heaters[:2]] == [h.y_um for h in other.heaters[1::-1]]


def test_heaters_follow_the_layout(netlist):
    plain = fabric_model.fabric(design(), netlist()).heaters
    long = fabric_model.fabric(design(), netlist(heater_length_um=300.0)).heaters
    hung = fabric_model.fabric(design(), netlist(phase_shifter="undercut")).heaters
    assert long[0].resistance_ohm == pytest.approx(1.5 * plain[0].resistance_ohm, rel=1e-6)
    assert hung[0].p_pi_mw < 0.2 * plain[0].p_pi_mw
    assert hung[0].tau_us == O_BAND.heater_tau_us(True)
    assert [(h.stage, h.row) for h in plain] == [(s, r) for s in range(3) for r in range(2)]


def test_thermal_crosstalk_is_differential_and_falls_with_distance(netlist):
    fabric = fabric_model.fabric(design(), netlist())
    matrix = np.array(fabric.thermal_crosstalk)
    assert np.diag(matrix) == pytest.approx(np.ones(6))
    reach = O_BAND.thermal_crosstalk
    own = 1 - reach(40.0)
    # Heater 0 is 80 um above heater 1; the other arm of each cell is 40 um below its heated one.
    assert matrix[1, 0] == pytest.approx((reach(80.0) - reach(120.0)) / own)
    assert matrix[0, 1] == pytest.approx((reach(80.0) - reach(40.0)) / own)
    assert np.abs(matrix[:2, 2:]).max() < 1e-3
    assert fabric.heaters[0].p_pi_mw == pytest.approx(O_BAND.heater_p_pi_mw(False) / own)


def test_steps_are_few_and_in_order(netlist):
    fabric = fabric_model.fabric(design(), netlist())
    kinds = [type(op) for op in fabric.ops]
    crossings = sum(i.type == "crossing" for i in netlist().instances.values())
    assert kinds.count(Couple) == 2 * benes.cells(PORTS) + crossings
    assert kinds.count(HeaterOp) == benes.cells(PORTS)
    assert kinds.count(PathOp) <= 2 * kinds.count(Couple) + PORTS


TOPOLOGIES = [
    {"topology": topology, **options}
    for topology in fabrics.TOPOLOGIES
    for options in ({}, {"monitors": "port"}, {"monitors": "cell", "phase_shifter": "pin"})
]


@pytest.mark.parametrize("switch", TOPOLOGIES, ids=lambda s: "-".join(s.values()))
def test_every_topology_leads_light_where_it_is_sent(netlist, switch):
    made, chip = design(**switch), netlist(**switch)
    program = fabric_model.program(chip, made.switch)
    fabric = fabric_model.fabric(made, chip, program)
    assert fabric.inputs == tuple(fabrics.plan(made.switch.topology, PORTS).inputs)
    codes = calibration.codes(fabric, "nominal")
    states = routing.states(made)
    chosen = [codes["cross" if s else "bar"][cell] for cell, s in enumerate(states)]
    phases = calibration.phases_rad(fabric, chosen)
    s = fabric_model.transfer(fabric, phases)
    carrier = scatter.frequency_hz(1310.0)
    solved = solver.evaluate(program, phases, np.array([carrier]), carrier)[0]
    # A diode absorbs in proportion to its phase here; the solver has the whole formula.
    assert s == pytest.approx(solved, abs=1e-12 if made.switch.phase_shifter != "pin" else 5e-3)
    for source, target in routing.targets(made).items():
        column = np.abs(s[:, fabric.inputs.index(source)])
        assert fabric.outputs[int(np.argmax(column))] == target
    assert (np.linalg.svd(s, compute_uv=False) < 1.0).all()


def test_a_driven_diode_absorbs(netlist):
    switch = {"topology": "crossbar", "phase_shifter": "pin"}
    made, chip = design(**switch), netlist(**switch)
    fabric = fabric_model.fabric(made, chip)
    heater = fabric.heaters[0]
    assert heater.driven_loss_db == pytest.approx(
        O_BAND.pin.driven_loss_db(math.pi, 300.0, 1310.0), rel=1e-5
    )
    assert heater.tau_us == O_BAND.pin.tau_us
    assert np.array(fabric.thermal_crosstalk) == pytest.approx(np.eye(16))
