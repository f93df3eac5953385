"""Every device type: reciprocal, passive, unitary without loss, and the same forwards."""

import random

import numpy as np
import pytest

from lightloom.photonics.checks.measure import MEASURES
from lightloom.photonics.circuit import scatter
from lightloom.photonics.circuit.elements import FourPort, Sink, TwoPort
from lightloom.photonics.devices import BANDS, O_BAND
from lightloom.photonics.netlist import Netlist
from lightloom.spec.base import DesignError, Frozen
from lightloom.spec.design import BANDS_NM

RANGES = {
    "coupler2x2": {"gap_um": (0.15, 0.4), "length_um": (0, 40), "path_um": (80, 200)},
    "crossing": {"path_um": (0, 40)},
    "splitter1x2": {"width_um": (2, 4), "length_um": (5, 15), "path_um": (10, 60)},
    "heater_waveguide": {"length_um": (50, 1000)},
    "pin_waveguide": {"length_um": (50, 1000), "path_um": (94, 1100)},
    "edge_coupler": {"length_um": (50, 400), "tip_width_um": (0.1, 0.2)},
    "grating_coupler": {"period_um": (0.4, 0.7), "length_um": (20, 300)},
    "terminator": {"length_um": (5, 50)},
    "ring_modulator": {"radius_um": (5, 20), "gap_um": (0.15, 0.4), "path_um": (60, 150)},
    "ring_filter": {
        "radius_um": (5, 20),
        "straight_um": (0, 10),
        "gap_um": (0.15, 0.4),
        "drop_gap_um": (0.15, 0.4),
        "path_um": (50, 150),
    },
    "mzm": {"length_um": (100, 5000), "path_um": (300, 5500)},
    "eam": {"length_um": (10, 100), "path_um": (40, 150)},
    "photodiode": {"length_um": (0, 60), "width_um": (0.5, 3)},
}
kinds = pytest.mark.parametrize("kind", scatter.TYPES)
bands = pytest.mark.parametrize("band", BANDS)


def parameters(kind):
    return {name: random.uniform(*span) for name, span in RANGES[kind].items()}


def frequencies(band, count):
    return np.array([scatter.frequency_hz(random.uniform(*BANDS_NM[band])) for _ in range(count)])


def with_losses(numbers, value):
    """The numbers with every loss given by `value(name, number)`."""
    changed = {}
    for part, group in numbers:
        if isinstance(group, Frozen):
            new = {k: value(k, v) for k, v in group if "loss" in k or "imbalance" in k}
            if part == "crossing":
                new["crosstalk_db"] = value("crosstalk_db", group.crosstalk_db)
            if part == "junction":
                new["doping_per_cm3"] = value("doping_per_cm3", group.doping_per_cm3)
            changed[part] = group.model_copy(update=new)
    return numbers.model_copy(update=changed)


def anything(name, number):
    """Any number that is not impossible by itself, good devices included."""
    if name == "crosstalk_db":
        return random.uniform(-60, -10)
    if "return" in name:
        return random.uniform(5, 60)
    return random.choice([0.0, random.uniform(0, 3) * number])


def lossless(name, number):
    if "return" in name:
        return random.uniform(10, 60)  # a mirror loses nothing
    return random.uniform(-60, -10) if name == "crosstalk_db" else 0.0


def turn(kind, f):
    return random.uniform(0, 7) * f / f.mean() if random.random() < 0.7 else None


@kinds
@bands
def test_reciprocal_and_passive_for_any_numbers(kind, band):
    for _ in range(40):
        numbers = with_losses(BANDS[band], anything)
        given, f = parameters(kind), frequencies(band, 5)
        s = scatter.smatrix(kind, given, f, numbers, turn(kind, f))
        count = len(scatter.TYPES[kind].ports)
        assert s.shape == (5, count, count)
        assert np.abs(s - np.swapaxes(s, 1, 2)).max() <= 1e-12
        assert np.linalg.svd(s, compute_uv=False).max() <= 1 + 1e-12, (given, numbers)


UNITARY = (
    "coupler2x2",
    "crossing",
    "heater_waveguide",
    "pin_waveguide",
    "edge_coupler",
    "ring_modulator",
    "ring_filter",
)


@bands
@pytest.mark.parametrize("kind", UNITARY)
def test_unitary_without_loss(kind, band):
    for _ in range(10):
        numbers = with_losses(BANDS[band], lossless)
        f = frequencies(band, 5)
        s = scatter.smatrix(kind, parameters(kind), f, numbers)
        unit = np.swapaxes(s.conj(), 1, 2) @ s
        assert np.abs(unit - np.eye(s.shape[1])).max() <= 1e-12


def test_every_type_of_the_technology_has_a_model_with_its_pins():
    optical = {
        kind: tuple(pin for pin in pins if pin.startswith("o"))
        for kind, (pins, _) in MEASURES.items()
    }
    assert {kind: one.ports for kind, one in scatter.TYPES.items()} == optical
    assert set(RANGES) == set(optical)
    heated = {kind for kind in RANGES if scatter.device(kind, parameters(kind)).heated}
    assert set(scatter.HEATED) == heated
    for kind in RANGES:
        assert scatter.device(kind, parameters(kind)).ports == optical[kind]


@kinds
def test_forwards_is_part_of_the_whole(kind):
    f = frequencies("O", 4)
    given, phase = parameters(kind), 0.6 * f / f.mean()
    s = scatter.smatrix(kind, given, f, O_BAND, phase)
    order = scatter.TYPES[kind].ports
    part = scatter.models().devices[kind](given)
    if isinstance(part, Sink):
        assert part.ports == order == ("o1",)
    elif isinstance(part, TwoPort):
        assert part.at(f, phase) == pytest.approx(s[:, 1, 0], abs=1e-15)
        assert part.transfer(f) == pytest.approx(
            scatter.smatrix(kind, given, f)[:, 1, 0], abs=1e-15
        )
    else:
        assert isinstance(part, FourPort)
        assert set(part.ports) == set(order)
        m = part.at(f, phase)
        for enters, leaves in part.sides:
            for j, into in enumerate(enters):
                for i, out in enumerate(leaves):
                    if into and out:
                        expected = s[:, order.index(out), order.index(into)]
                        assert m[:, i, j] == pytest.approx(expected, abs=1e-15)


def test_delay_is_the_slope_of_the_phase():
    step, carrier = 1e9, scatter.frequency_hz(1310.0)
    f = carrier + np.array([-step, step])
    for kind in ("heater_waveguide", "edge_coupler", "pin_waveguide", "eam", "mzm"):
        part = scatter.models().devices[kind](parameters(kind))
        assert isinstance(part, TwoPort)
        t = part.transfer(f)
        delay = -np.angle(t[1] / t[0]) / (4 * np.pi * step) * 1e12
        assert delay == pytest.approx(part.delay_ps, rel=1e-3)


def test_equal_devices_share_one_model():
    known = scatter.models()
    given = parameters("coupler2x2")
    assert known.devices["coupler2x2"](given) is known.devices["coupler2x2"](dict(given))
    assert known.wire(10.0) is known.wire(10.0)
    assert known.wire(10.0) is not known.wire(11.0)


def test_a_netlist_says_its_band():
    assert scatter.numbers_of(Netlist("a")) is BANDS["O"]
    assert scatter.numbers_of(Netlist("a", band="C")) is BANDS["C"]


def test_an_unknown_type_is_refused():
    with pytest.raises(DesignError, match="type = 'laser'; allowed: coupler2x2, crossing"):
        scatter.device("laser", {})
    with pytest.raises(KeyError, match="path_um"):
        scatter.device("crossing", {})
