import itertools
import math
from functools import cache

import numpy as np
import pytest

from lightloom.photonics import calibration, optical_model, scatter, solver
from lightloom.photonics.checks import extract
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.engine import engine_chip
from lightloom.photonics.fabric import switch_chip
from lightloom.photonics.netlist import Conductor
from lightloom.spec import benes
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design, Engine, Serdes, Switch
from lightloom.spec.optical_model import Couple, HeaterOp, OpticalModel, PathOp

PORTS = 4
REVERSE = [3, 2, 1, 0]


def design(**switch):
    return Design(name="test", serdes=Serdes(lanes=4), switch=Switch(ports=PORTS, **switch))


@pytest.fixture(scope="module")
def netlist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chips")

    @cache
    def of(**values):
        path = folder / f"{len(list(folder.iterdir()))}.gds"
        if "modulator" in values:
            chip = engine_chip(Engine(**values), 4)
        else:
            chip = switch_chip(Switch(ports=PORTS, **values))
        chip.component.write_gds(path)
        return extract.extract(path)

    return of


def model(netlist, permutation=REVERSE, layout=None, **switch):
    made = design(**switch)
    states = benes.route(permutation)
    chip = netlist(**(layout if layout is not None else {}))
    return optical_model.build(made, chip, netlist(modulator="mzm"), permutation, states)


def test_model_survives_a_file(netlist, tmp_path):
    made = model(netlist)
    made.write(tmp_path / "m.json")
    assert OpticalModel.read(tmp_path / "m.json") == made
    assert sorted(made.source) == sorted(
        {f"{n.chip}.netlist" for n in (netlist(), netlist(modulator="mzm"))}
    )


def test_steps_and_solver_agree_for_any_heat(netlist):
    program = optical_model.fabric_program(netlist(), PORTS)
    fabric = optical_model.fabric(design(), netlist())
    carrier = scatter.frequency_hz(1310.0)
    rng = np.random.default_rng(3)
    for _ in range(5):
        phases = rng.uniform(0, 7, len(fabric.heaters))
        s = solver.evaluate(program, phases, np.array([carrier]), carrier)[0]
        assert optical_model.transfer(fabric, phases) == pytest.approx(s, abs=1e-12)


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(PORTS)))[::5])
def test_every_permutation_reaches_its_outputs(netlist, permutation):
    made = model(netlist, list(permutation))
    assert [(r.input, r.output) for r in made.routes] == list(enumerate(permutation))
    assert all(r.loss_db < 5 for r in made.routes)
    assert all(leak.power_db < -25 for leak in made.crosstalk)


def test_all_cell_states_make_the_permutation_they_should(netlist):
    fabric = optical_model.fabric(design(), netlist())
    codes = calibration.codes(fabric, "nominal")
    for number in range(1 << benes.cells(PORTS)):
        states = [number >> cell & 1 for cell in range(benes.cells(PORTS))]
        chosen = [codes["cross" if s else "bar"][cell] for cell, s in enumerate(states)]
        s = optical_model.transfer(fabric, calibration.phases_rad(fabric, chosen))
        assert np.argmax(np.abs(s), axis=0).tolist() == benes.apply(PORTS, states)


def test_loss_is_the_sum_of_what_the_light_passes(netlist):
    # Bar everywhere: light stays on the side of each cell that it entered.
    chip = netlist()
    program = optical_model.fabric_program(chip, PORTS)
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


def test_group_delay_is_the_optical_length_of_the_path(netlist):
    # lit backwards and forwards, all inputs: the delay of the steps that light passes
    made = model(netlist)
    for route in made.routes:
        transfer = [complex(*z) for z in route.transfer]
        offsets = np.array(made.frequency_offsets_ghz) * 1e9
        slope = np.polyfit(offsets, np.unwrap(np.angle(transfer)), 1)[0]
        assert route.group_delay_ps == pytest.approx(-slope / (2 * math.pi) * 1e12, rel=2e-3)
    paths = [op for op in made.fabric.ops if isinstance(op, PathOp)]
    mean = sum(op.delay_ps for op in paths) / PORTS
    assert np.mean([r.group_delay_ps for r in made.routes]) == pytest.approx(mean, rel=2e-2)


def test_carrier_transfer_is_in_the_routes(netlist):
    made = model(netlist)
    table = calibration.codes(made.fabric, "nominal")
    codes = [table["cross" if s else "bar"][i] for i, s in enumerate(benes.route(REVERSE))]
    s = optical_model.transfer(made.fabric, calibration.phases_rad(made.fabric, codes))
    middle = made.frequency_offsets_ghz.index(0.0)
    for route in made.routes:
        here = complex(*route.transfer[middle])
        assert here == pytest.approx(s[route.output, route.input], abs=1e-9)
        assert route.loss_db == pytest.approx(-20 * math.log10(abs(here)), abs=1e-9)
    for leak in made.crosstalk:
        there = 20 * math.log10(abs(s[leak.output, leak.input]))
        assert leak.power_db == pytest.approx(there, abs=1e-6)


def worst(made):
    return max(leak.power_db for leak in made.crosstalk)


def test_coupler_gap_in_the_layout_moves_the_crosstalk(netlist):
    # Couplers away from half leave light where a cell in the bar state should have none.
    states = [worst(model(netlist, layout={"coupler_gap_um": gap})) for gap in (0.2, 0.205, 0.21)]
    assert states[0] < states[1] - 3 < states[2] - 6


def test_arm_imbalance_misroutes_until_it_is_calibrated(netlist):
    layout = {"arm_imbalance_um": 0.2}
    wrong = model(netlist, layout=layout)
    right = model(netlist, layout=layout, calibration="measured")
    even = model(netlist)
    assert max(r.loss_db for r in wrong.routes) > max(r.loss_db for r in even.routes) + 3
    assert worst(right) < -30
    assert max(r.loss_db for r in right.routes) < max(r.loss_db for r in even.routes) + 1


def test_static_phase_of_a_cell_is_that_of_its_extra_length(netlist):
    imbalance = 0.12
    fabric = optical_model.fabric(design(), netlist(arm_imbalance_um=imbalance))
    turn = -2 * math.pi * O_BAND.guide.index * imbalance / 1.31
    found = calibration.static_phases(fabric)
    # the detour is drawn on the grid: its length is known to some nanometres
    assert np.exp(1j * found) == pytest.approx(np.full(6, np.exp(1j * turn)), abs=0.05)
    assert calibration.static_phases(optical_model.fabric(design(), netlist())) == pytest.approx(
        np.zeros(6), abs=1e-6
    )


def test_swapped_pads_swap_heaters(netlist):
    chip = netlist()
    fabric = optical_model.fabric(design(), chip)
    changed = dict(chip.electrical)
    changed["h0_0"] = Conductor(chip.electrical["h0_1"].pins, ["h0_0"])
    changed["h0_1"] = Conductor(chip.electrical["h0_0"].pins, ["h0_1"])
    other = optical_model.fabric(
        design(), type(chip)(chip.chip, chip.ports, chip.instances, chip.nets, changed)
    )
    assert [h.y_um for h in fabric.heaters[:2]] == [h.y_um for h in other.heaters[1::-1]]


def test_heaters_follow_the_layout(netlist):
    plain = optical_model.fabric(design(), netlist()).heaters
    long = optical_model.fabric(design(), netlist(heater_length_um=300.0)).heaters
    hung = optical_model.fabric(design(), netlist(heater_undercut=True)).heaters
    assert long[0].resistance_ohm == pytest.approx(1.5 * plain[0].resistance_ohm, rel=1e-6)
    assert hung[0].p_pi_mw < 0.2 * plain[0].p_pi_mw
    assert hung[0].tau_us == O_BAND.heater_tau_us(True)
    assert [(h.stage, h.row) for h in plain] == [(s, r) for s in range(3) for r in range(2)]


def test_thermal_crosstalk_is_differential_and_falls_with_distance(netlist):
    fabric = optical_model.fabric(design(), netlist())
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
    fabric = optical_model.fabric(design(), netlist())
    kinds = [type(op) for op in fabric.ops]
    crossings = sum(i.type == "crossing" for i in netlist().instances.values())
    assert kinds.count(Couple) == 2 * benes.cells(PORTS) + crossings
    assert kinds.count(HeaterOp) == benes.cells(PORTS)
    assert kinds.count(PathOp) <= 2 * kinds.count(Couple) + PORTS


@pytest.mark.parametrize("modulator", ["mzm", "ring", "eam"])
def test_engine_losses_are_those_of_its_waveguides(netlist, modulator):
    chip = netlist(modulator=modulator)
    made = Design(name="x", serdes=Serdes(lanes=4), engine=Engine(modulator=modulator))
    lanes = optical_model.engine_lanes(made, chip)
    assert [lane.lane for lane in lanes] == [0, 1, 2, 3]
    facet = O_BAND.edge_coupler.loss_db
    for lane in lanes:
        wire = next(
            w
            for w in chip.nets.values()
            if {chip.ports[f"rx{lane.lane}"][0]} & {name for name, _ in w.pins}
        )
        loss = facet + wire.length_um * 1e-4 * O_BAND.guide.loss_db_per_cm
        assert lane.fibre_to_detector_db == pytest.approx(loss, abs=1e-9)
        assert facet < lane.modulator_to_fibre_db < facet + 2
        assert lane.transmit_delay_ps > lane.receive_delay_ps > 0


def test_no_switch(netlist):
    made = Design(name="x", serdes=Serdes(lanes=4), switch=Switch(topology="none"))
    built = optical_model.build(made, None, netlist(modulator="mzm"), range(4), ())
    assert built.fabric is None
    assert built.routes == ()


def test_wrong_arguments(netlist):
    chip, engine = netlist(), netlist(modulator="mzm")
    with pytest.raises(ValueError, match=r"cell states do not make permutation \[0, 1, 2, 3\]"):
        optical_model.build(design(), chip, engine, [0, 1, 2, 3], benes.route(REVERSE))
    with pytest.raises(ValueError, match="switch = None; allowed: a netlist"):
        optical_model.build(design(), None, engine, REVERSE, benes.route(REVERSE))
    with pytest.raises(DesignError, match="no heater on a pad h0_2"):
        optical_model.fabric_program(chip, 8)
    with pytest.raises(DesignError, match="has no optical port laser0"):
        optical_model.engine_lanes(design(), chip)
