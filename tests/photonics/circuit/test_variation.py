"""Chips of a process against closed forms, single evaluations, and the drawn chip."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lightloom.photonics.circuit import scatter, solver, traffic, variation
from lightloom.photonics.circuit.elements import FourPort, TwoPort
from lightloom.photonics.circuit.process import Process, Wafer
from lightloom.photonics.circuit.statistics import spread
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.spec import fabrics

from ..switches import CARRIER, drawn
from .test_process import STILL

AT = np.array([CARRIER])


def vary(switch, states, count=200, seed=1, process=None, fabric=None):
    setting = traffic.of_states(switch.program, switch.topology, switch.ports, [states])
    return variation.vary(
        Wafer(switch.program, switch.netlist, process or Process()),
        fabric or switch.fabric,
        switch.table,
        states,
        setting.targets[0].tolist(),
        count,
        seed,
        CARRIER,
        CARRIER,
    )


@pytest.mark.parametrize("state", [fabrics.BAR, fabrics.CROSS])
def test_extinction_of_a_cell_follows_its_phase_error(state):
    # One cell with equal couplers: of a phase error d, sin^2(d/2) of the light goes wrong.
    switch = drawn("benes", 2)
    process = STILL.model_copy(update={"coherence_um": 3000.0})
    found = vary(switch, [state], process=process)
    cross = state == fabrics.CROSS
    static = calibration.static_phases(switch.fabric)[0]
    own = (switch.drive.cross_rad if cross else switch.drive.bar_rad)[0]
    error = own + found.phase_error_rad[:, 0] - static - (0.0 if cross else math.pi)
    clear = np.abs(np.sin(error / 2)) > 0.1
    assert clear.sum() > 100
    expected = 10 * np.log10(np.tan(error / 2) ** 2)
    for i in range(2):
        assert found.crosstalk_before_db[clear, i] == pytest.approx(expected[clear], abs=0.1)
    # Loss is that of the cell as drawn, and what goes wrong.
    drawn_loss = vary(switch, [state], 1, process=STILL).loss_before_db[0]
    wrong = -20 * np.log10(np.abs(np.cos(error[clear] / 2)))
    assert found.loss_before_db[clear] == pytest.approx(drawn_loss + wrong[:, None], abs=0.1)
    # Codes that null it leave what the DAC's step and the couplers leave.
    assert found.crosstalk_after_db.max() < -25


def rebuilt(wafer, chips, k):
    """Program of one chip, each device made anew."""
    numbers, elements = wafer.numbers, []
    for row, element in enumerate(wafer.program.elements):
        phase, second = chips.phase_rad[row, k], chips.second_rad[row, k]
        old = element.scatter
        if isinstance(old, TwoPort):

            def line(f, turn=None, old=old, phase=phase):
                return old.at(f, turn) * np.exp(-1j * phase)

            part = TwoPort(line, old.delay_ps, old.ports, old.heated, line if old.heated else None)
        else:
            assert isinstance(old, FourPort)
            one = wafer.netlist.instances[element.device]
            given, changed = dict(one.parameters), numbers
            if one.type == "coupler2x2":
                # The coupler whose straight part makes the angle that much larger.
                angle = numbers.coupling_angle(given["gap_um"], given["length_um"])
                more = angle * chips.rate[row, k] / numbers.coupling_rate(given["gap_um"])
                given["length_um"] += more
            else:
                assert one.type == "crossing"
                loss = numbers.crossing.loss_db + chips.loss_db[row, k]
                # Crosstalk and what goes through lose alike.
                leak = numbers.crossing.crosstalk_db - chips.loss_db[row, k]
                crossing = numbers.crossing.model_copy(
                    update={"loss_db": loss, "crosstalk_db": leak}
                )
                changed = numbers.model_copy(update={"crossing": crossing})
            fresh = scatter.models(changed).devices[one.type](given)
            turns = np.exp(-1j * np.array([phase, second]))

            def square(f, fresh=fresh, turns=turns):
                return fresh.matrix(f) * turns

            part = FourPort(square, old.delay_ps, old.sides)
        elements.append(replace(element, scatter=part))
    return replace(wafer.program, elements=tuple(elements))


@pytest.mark.parametrize(("topology", "shifter"), [("benes", "heater"), ("benes", "pin")])
def test_chips_are_those_whose_devices_are_made_anew(topology, shifter):
    switch = drawn(topology, 4, phase_shifter=shifter)
    wafer = Wafer(switch.program, switch.netlist, Process().scaled(3.0))
    chips = wafer.draw(7, 0, 4, CARRIER)
    phases = np.random.default_rng(8).uniform(0, 6, (len(switch.program.heaters), 4))
    found = variation.evaluate(wafer, chips, phases, CARRIER, CARRIER)
    errors = variation.phase_errors(wafer, chips)
    nominal = calibration.static_phases(switch.fabric)
    for k in range(4):
        program = rebuilt(wafer, chips, k)
        expected = solver.evaluate(program, phases[:, k], AT, CARRIER)[0]
        assert found[k] == pytest.approx(expected, abs=1e-9)
        model = fabric_model.fabric(switch.design, switch.netlist, program)
        off = nominal - calibration.static_phases(model) - errors[:, k]
        # The model counts from coupler to coupler; the second coupler's own walk comes on top.
        second = _second_coupler(wafer, chips, k)
        turns = (off + second) / (2 * math.pi)
        assert turns == pytest.approx(np.round(turns), abs=1e-9)


def _second_coupler(wafer, chips, k):
    """Walk of heated over other line at the input of the coupler behind each heater."""
    result = np.zeros(len(wafer.program.heaters))
    for row, element in enumerate(wafer.program.elements):
        if element.heater is None:
            continue
        for later in range(row + 1, len(wafer.program.elements)):
            other = wafer.program.elements[later]
            if other.b is not None and element.a in (other.a, other.b):
                difference = chips.phase_rad[later, k] - chips.second_rad[later, k]
                result[element.heater] = difference if element.a == other.a else -difference
                break
    return result


def test_without_deviations_chips_are_as_drawn():
    switch = drawn("piloss", 4)
    states = fabrics.route("piloss", 4, [2, 0, 3, 1])
    setting = traffic.of_states(switch.program, "piloss", 4, [states])
    found = vary(switch, states, 3, process=STILL)
    s = solver.evaluate_states(
        switch.program, switch.drive.phases(setting.states), CARRIER, CARRIER
    )
    loss, crosstalk = variation.figures(s, setting.targets)
    assert found.loss_before_db == pytest.approx(np.repeat(loss, 3, axis=0), abs=1e-3)
    assert found.crosstalk_before_db == pytest.approx(np.repeat(crosstalk, 3, axis=0), abs=0.5)


def test_calibration_recovers_most_of_what_the_process_took():
    switch = drawn("benes", 8)
    states = fabrics.route("benes", 8, [7, 6, 5, 4, 3, 2, 1, 0])
    found = vary(switch, states, 100)
    before, after = spread(found.crosstalk_before_db), spread(found.crosstalk_after_db)
    assert after.percentiles[2] < before.percentiles[2] - 10
    assert spread(found.loss_after_db).most < spread(found.loss_before_db).most - 2
    assert found.phase_error_rad.shape == (100, 20)
    fine = switch.fabric.model_copy(update={"dac_bits": 14})
    exact = vary(switch, states, 100, process=Process(coupler_sigma=0.0, width_sigma_nm=0.0,
                 thickness_sigma_nm=0.0, crossing_sigma_db=0.0), fabric=fine)  # fmt: skip
    one = vary(switch, states, 1, process=STILL)
    # What is left is the heat of the other heaters, whose powers differ from chip to chip.
    assert np.median(exact.loss_after_db, axis=0) == pytest.approx(one.loss_after_db[0], abs=0.1)


def test_phase_errors_scale_with_the_process():
    switch = drawn("benes", 4)
    one, two = (
        vary(switch, [0] * 6, 20, process=process) for process in (Process(), Process().scaled(2))
    )
    assert two.phase_error_rad == pytest.approx(2 * one.phase_error_rad, rel=1e-9)
    assert spread(two.crosstalk_before_db).mean > spread(one.crosstalk_before_db).mean


def test_the_spread_of_phase_errors_is_that_of_the_arms():
    switch = drawn("benes", 2)
    process = STILL.model_copy(update={"coherence_um": 4170.0})
    found = vary(switch, [0], 3000, process=process)
    # Both arms of 220 um, and the second coupler on both lines.
    wafer = Wafer(switch.program, switch.netlist, process)
    couplers = [k for k, e in enumerate(switch.program.elements) if e.b is not None]
    inside = [
        wafer.length_um[k] * (2 if k == couplers[1] else 1)
        for k in range(couplers[0] + 1, couplers[1] + 1)
    ]
    expected = math.sqrt(2 * sum(inside) / 4170.0)
    assert found.phase_error_rad.std() == pytest.approx(expected, rel=0.05)


def test_chips_repeat_whatever_their_number(monkeypatch):
    switch = drawn("benes", 4)
    all_ = vary(switch, [1] * 6, 9, seed=5)
    monkeypatch.setattr(variation, "CHUNK", 2)
    some = vary(switch, [1] * 6, 5, seed=5)
    for name in ("loss_before_db", "crosstalk_after_db", "phase_error_rad"):
        assert getattr(some, name) == pytest.approx(getattr(all_, name)[:5], abs=1e-9)
    other = vary(switch, [1] * 6, 5, seed=6)
    assert (other.phase_error_rad != some.phase_error_rad).all()


def test_dark_inputs_have_no_figures():
    switch = drawn("ocstrx", 2)
    found = vary(switch, fabrics.route_path(2, "primary"), 3)
    dark = np.array(found.targets) < 0
    assert dark.any()
    assert np.isnan(found.loss_after_db[:, dark]).all()
    assert not np.isnan(found.loss_after_db[:, ~dark]).any()


def test_wrong_numbers_are_refused():
    switch = drawn("benes", 2)
    with pytest.raises(ValueError, match="count = 0; allowed: 1 or more"):
        vary(switch, [0], 0)
    wafer = Wafer(switch.program, switch.netlist, Process())
    with pytest.raises(ValueError, match="2 cell states; allowed: 1"):
        variation.vary(wafer, switch.fabric, switch.table, [0, 1], [0, 1], 1, 1, CARRIER, CARRIER)


def test_heaters_turn_more_or_less_and_calibration_knows():
    switch = drawn("benes", 2)
    process = STILL.model_copy(update={"heater_sigma": 0.1})
    found = vary(switch, [fabrics.BAR], process=process)
    wafer = Wafer(switch.program, switch.netlist, process)
    strength = 1 + wafer.draw(1, 0, 200, CARRIER).heater[0]
    static = calibration.static_phases(switch.fabric)[0]
    error = switch.drive.bar_rad[0] * strength - static - math.pi
    clear = np.abs(np.sin(error / 2)) > 0.1
    assert clear.sum() > 50
    expected = 10 * np.log10(np.tan(error[clear] / 2) ** 2)
    assert found.crosstalk_before_db[clear, 0] == pytest.approx(expected, abs=0.3)
    assert found.crosstalk_after_db.max() < -35
