import numpy as np
import pytest

from lightloom.photonics.circuit import solver, statistics, traffic
from lightloom.photonics.circuit.statistics import figures, spread

from ..switches import CARRIER, drawn


def test_figures_of_fields_by_hand():
    s = np.zeros((2, 3, 3), dtype=complex)
    s[:, [1, 2, 0], [0, 1, 2]] = 0.5  # routed: -6.02 dB
    s[1, 1, 1] = 0.005  # 40 dB below what is routed to output 1
    s[1, 1, 2] = 0.005j  # powers add
    s[0, 0, 0] = 0.05
    loss, crosstalk = figures(s, [[1, 2, 0], [1, 2, -1]])
    assert loss[0] == pytest.approx(np.full(3, 6.0206), abs=1e-4)
    assert crosstalk[0] == pytest.approx(np.array([-100.0, -100.0, -20.0]))
    # The third input of the second setting has no route: it is dark.
    assert crosstalk[1, 0] == pytest.approx(-40.0)
    assert np.isnan([loss[1, 2], crosstalk[1, 2]]).all()
    both = figures(s[1:], [[1, 2, 0]])[1]
    assert both[0, 0] == pytest.approx(-40.0 + 10 * np.log10(2))


def test_spread_leaves_out_what_is_no_number():
    values = np.arange(101.0)
    figures = spread(np.append(values, np.nan))
    assert figures.mean == 50
    assert figures.deviation == pytest.approx(values.std())
    assert (figures.least, figures.most) == (0, 100)
    assert figures.percentiles == pytest.approx((1, 5, 50, 95, 99))
    with pytest.raises(ValueError, match="no samples"):
        spread(np.full(3, np.nan))


@pytest.mark.parametrize("topology", ["benes", "piloss", "switch-and-select"])
def test_statistics_are_those_of_each_permutation(topology, monkeypatch):
    monkeypatch.setattr(statistics, "CHUNK", 7)
    switch = drawn(topology, 4)
    every = traffic.every(switch.program, topology, 4, 1, 1)
    found = statistics.statistics(switch.program, switch.drive, every, CARRIER, CARRIER)
    losses, crosstalks = [], []
    for states, targets in zip(every.states, every.targets, strict=True):
        phases = switch.drive.phases(states[None])[0]
        s = solver.evaluate(switch.program, phases, np.array([CARRIER]), CARRIER)[0]
        power = np.abs(s) ** 2
        for i, o in enumerate(targets):
            losses.append(-10 * np.log10(power[o, i]))
            foreign = power[o].sum() - power[o, i]
            crosstalks.append(10 * np.log10(foreign / power[o, i]))
    assert found.loss_db.ravel() == pytest.approx(np.array(losses), abs=1e-9)
    assert found.crosstalk_db.ravel() == pytest.approx(np.maximum(crosstalks, -100), abs=1e-6)
    assert found.loss.most == found.worst_loss.value_db == pytest.approx(max(losses))
    at = int(np.argmax(losses))
    worst = found.worst_loss
    assert worst.setting == every.names[at // 4]
    assert worst.input == switch.program.inputs[at % 4]
    assert worst.output == switch.program.outputs[every.targets[at // 4, at % 4]]
    assert found.worst_crosstalk.value_db == found.crosstalk.most
    assert found.unseen_percent == 0.0


def test_what_a_sample_has_not_seen():
    switch = drawn("benes", 16)
    some = traffic.every(switch.program, "benes", 16, 59, 3)
    found = statistics.statistics(switch.program, switch.drive, some, CARRIER, CARRIER)
    assert found.loss_db.shape == (59, 16)
    part = found.unseen_percent / 100
    # If more than that part were worse, 59 draws would have met one with 95 %.
    assert (1 - part) ** 59 == pytest.approx(0.05)
    assert 0.04 < part < 0.06
