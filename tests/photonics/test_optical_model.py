import itertools
import math

import numpy as np
import pytest

from lightloom.photonics import optical_model
from lightloom.photonics.devices import O_BAND
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.spec import benes, routing
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design, Engine, Serdes, Switch
from lightloom.spec.optical_model import OpticalModel, PathOp

PORTS = 4
REVERSE = [3, 2, 1, 0]


def design(**switch):
    return Design(name="test", serdes=Serdes(lanes=4), switch=Switch(ports=PORTS, **switch))


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


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(PORTS)))[::5])
def test_every_permutation_reaches_its_outputs(netlist, permutation):
    made = model(netlist, list(permutation))
    assert [(r.input, r.output) for r in made.routes] == list(enumerate(permutation))
    assert all(r.loss_db < 5 for r in made.routes)
    assert all(leak.power_db < -25 for leak in made.crosstalk)


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
    s = fabric_model.transfer(made.fabric, calibration.phases_rad(made.fabric, codes))
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
    with pytest.raises(DesignError, match="no phase shifter on a pad h0_2"):
        fabric_model.program(chip, Switch(ports=8))
    with pytest.raises(DesignError, match="has no optical port laser0"):
        optical_model.engine_lanes(design(), chip)


@pytest.mark.parametrize("path", ["primary", "backup", "loopback"])
def test_a_transceiver_has_the_routes_of_its_path(netlist, path):
    switch = {"topology": "ocstrx", "path": path}
    made = design(**switch)
    chip = netlist(topology="ocstrx")
    built = optical_model.build(made, chip, netlist(modulator="mzm"), (), routing.states(made))
    names = built.fabric.inputs, built.fabric.outputs
    found = {names[0][r.input]: names[1][r.output] for r in built.routes}
    assert found == routing.targets(made)
    sent = {"primary": "p_out0", "backup": "b_out0", "loopback": "rx2"}
    assert found["tx0"] == sent[path]
    assert built.permutation == ()
