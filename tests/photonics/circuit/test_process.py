import math

import numpy as np
import pytest
from pydantic import ValidationError

from lightloom.photonics.circuit import guided
from lightloom.photonics.circuit.process import Process, Wafer
from lightloom.photonics.devices import BANDS, O_BAND
from lightloom.spec.base import DesignError

from .. import effective_index as eim
from ..switches import CARRIER, drawn

STILL = Process(
    width_sigma_nm=0,
    thickness_sigma_nm=0,
    coherence_um=1e9,
    coherence_rib_um=1e9,
    coupler_sigma=0,
    crossing_sigma_db=0,
    heater_sigma=0,
)


@pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)
def test_slopes_are_those_of_the_effective_index_method(numbers):
    um, width, step = numbers.carrier_nm / 1000, numbers.wire_width_um, 0.002

    def slope(of):
        return (of(step) - of(-step)) / (2 * step)

    index = slope(lambda d: eim.strip(um, width + d))
    assert numbers.guide.width_slope_per_um == pytest.approx(index, abs=2e-3)
    thick = slope(lambda d: eim.strip(um, width, height_um=0.22 + d))
    assert numbers.guide.thickness_slope_per_um == pytest.approx(thick, abs=2e-3)
    rate = slope(lambda d: math.log(eim.coupling(um, width + d, 0.2 - d)))
    assert numbers.coupler.width_slope_per_um == pytest.approx(rate, abs=0.02)
    rate = slope(lambda d: math.log(eim.coupling(um, width, 0.2, 0.22 + d)))
    assert numbers.coupler.thickness_slope_per_um == pytest.approx(rate, abs=0.02)


@pytest.fixture(scope="module")
def switch():
    return drawn("benes", 4)


def draw(switch, count=2000, first=0, seed=1, **changes):
    wafer = Wafer(switch.program, switch.netlist, STILL.model_copy(update=changes))
    return wafer, wafer.draw(seed, first, count, CARRIER)


def test_a_process_without_deviations_makes_what_was_drawn(switch):
    _, chips = draw(switch, 3)
    assert np.abs(chips.phase_rad).max() < 1e-2  # a coherence of a kilometre
    for part in (chips.rate, chips.loss_db, chips.heater):
        assert not part.any()


def test_width_changes_phase_with_length_and_coupling(switch):
    wafer, chips = draw(switch, width_sigma_nm=3.0, correlation_um=1e6)
    # So long a correlation gives the whole chip one width.
    width = chips.rate[wafer.kinds == "coupler2x2"] / O_BAND.coupler.width_slope_per_um
    assert np.ptp(width, axis=0).max() < 1e-2 * width.std()
    assert width[0].std() == pytest.approx(0.003, rel=0.06)
    slope = 2 * math.pi / 1.31 * O_BAND.guide.width_slope_per_um * wafer.length_um
    found = (chips.phase_rad @ width[0]) / (width[0] @ width[0])
    assert found == pytest.approx(slope, rel=0.01)


def test_thickness_adds_its_own_map(switch):
    _, wide = draw(switch, 5, width_sigma_nm=3.0)
    _, thick = draw(switch, 5, thickness_sigma_nm=1.0)
    _, both = draw(switch, 5, thickness_sigma_nm=1.0, width_sigma_nm=3.0)
    _, none = draw(switch, 5)
    total = wide.phase_rad + thick.phase_rad - none.phase_rad
    assert both.phase_rad == pytest.approx(total, abs=1e-12)
    assert both.rate == pytest.approx(wide.rate + thick.rate, abs=1e-15)
    assert np.corrcoef(wide.phase_rad.ravel(), thick.phase_rad.ravel())[0, 1] < 0.99


def test_phase_walks_with_the_root_of_the_length(switch):
    wafer, chips = draw(switch, coherence_um=4170.0)
    expected = np.sqrt(2 * wafer.length_um / 4170.0)
    assert chips.phase_rad.std(axis=1) == pytest.approx(expected, rel=0.1)
    # The mean field of many copies falls to 1/e over the coherence length.
    longest = int(np.argmax(wafer.length_um))
    field = np.exp(-1j * chips.phase_rad[longest]).mean()
    assert abs(field) == pytest.approx(math.exp(-wafer.length_um[longest] / 4170.0), abs=0.05)
    pair = np.corrcoef(chips.phase_rad[0], chips.phase_rad[1])[0, 1]
    assert abs(pair) < 0.1
    couplers = wafer.kinds == "coupler2x2"
    lines = np.corrcoef(chips.phase_rad[couplers][0], chips.second_rad[couplers][0])[0, 1]
    assert abs(lines) < 0.1


def test_ribs_walk_faster():
    pins = drawn("benes", 4, phase_shifter="pin")
    wafer, chips = draw(pins, coherence_um=1e9, coherence_rib_um=1610.0)
    diodes = wafer.kinds == "pin_waveguide"
    length = guided.delay_ps(1.0)
    expected = np.sqrt(2 * wafer.length_um[diodes] / 1610.0)
    assert chips.phase_rad[diodes].std(axis=1) == pytest.approx(expected, rel=0.1)
    assert np.abs(chips.phase_rad[~diodes]).max() < 1e-1
    assert wafer.length_um[diodes][0] * length == pytest.approx(
        wafer.program.elements[int(np.argmax(diodes))].scatter.delay_ps
    )


def test_each_device_has_its_own(switch):
    wafer, chips = draw(switch, coupler_sigma=0.02, crossing_sigma_db=0.02, heater_sigma=0.03)
    couplers, crossings = (wafer.kinds == kind for kind in ("coupler2x2", "crossing"))
    assert chips.rate[couplers].std(axis=1) == pytest.approx(0.02, rel=0.1)
    assert not chips.rate[~couplers].any()
    assert chips.loss_db[crossings].std(axis=1) == pytest.approx(0.02, rel=0.1)
    assert not chips.loss_db[~crossings].any()
    assert chips.heater.std(axis=1) == pytest.approx(0.03, rel=0.1)
    assert chips.heater.shape[0] == 6


def test_no_crossing_makes_light(switch):
    _, chips = draw(switch, crossing_sigma_db=0.5)
    numbers, least = O_BAND.crossing, chips.loss_db.min()
    through, leak = 10 ** (-numbers.loss_db / 10), 10 ** (numbers.crosstalk_db / 10)
    # With its crosstalk to both sides and its reflection the best crossing has all light.
    gained = (through + 2 * leak + leak**2 / through) * 10 ** (-least / 10)
    assert gained == pytest.approx(1.0, abs=1e-12)


def test_a_chip_is_a_function_of_seed_and_number(switch):
    process = {"width_sigma_nm": 3.0, "coupler_sigma": 0.01, "heater_sigma": 0.01}
    _, all_ = draw(switch, 6, **process)
    _, later = draw(switch, 2, first=3, **process)
    _, other = draw(switch, 6, seed=2, **process)
    for name in ("phase_rad", "second_rad", "rate", "heater"):
        assert (getattr(all_, name)[:, 3:5] == getattr(later, name)).all()
        assert (getattr(all_, name) != getattr(other, name)).any()


def test_scaling_scales_every_deviation(switch):
    one, two = Process(), Process().scaled(2.0)
    wafers = [Wafer(switch.program, switch.netlist, process) for process in (one, two)]
    first, second = (wafer.draw(4, 0, 5, CARRIER) for wafer in wafers)
    for name in ("phase_rad", "second_rad", "rate", "heater"):
        assert getattr(second, name) == pytest.approx(2 * getattr(first, name), rel=1e-12)
    assert (second.loss_db >= 2 * first.loss_db - 1e-15).all()  # none below zero


def test_places_are_needed(switch):
    net = type(switch.netlist)(**{**vars(switch.netlist), "nets": dict(switch.netlist.nets)})
    name, wire = next((n, w) for n, w in net.nets.items() if w.length_um)
    net.nets[name] = type(wire)(wire.pins, wire.length_um)
    with pytest.raises(DesignError, match=f"{name} has no place; allowed: an extracted netlist"):
        Wafer(switch.program, net, Process())


def test_deviations_below_zero_are_refused():
    with pytest.raises(ValidationError, match="width_sigma_nm"):
        Process(width_sigma_nm=-1.0)
