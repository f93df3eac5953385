"""S-matrices of chips against their netlists."""

import itertools

import numpy as np
import pytest

from lightloom.photonics.circuit import scatter
from lightloom.photonics.export import chips
from lightloom.photonics.netlist import Instance, Netlist, Wire


def chip(*middle, length_um=300.0):
    """Facets `a` and `b` with devices of given types and parameters between them."""
    instances = {
        "in": Instance(type="edge_coupler", parameters={"length_um": 200.0, "tip_width_um": 0.12}),
        **{f"d{n}": Instance(type=kind, parameters=p) for n, (kind, p) in enumerate(middle)},
        "out": Instance(type="edge_coupler", parameters={"length_um": 200.0, "tip_width_um": 0.12}),
    }
    names = list(instances)
    nets = {
        f"w{n}": Wire(
            pins=((a, "o1" if a == "in" else "o2"), (b, "o1")), length_um=length_um, width_um=0.42
        )
        for n, (a, b) in enumerate(itertools.pairwise(names))
    }
    ports = {"a": ("in", "o2"), "b": ("out", "o2")}
    return Netlist(chip="line", ports=ports, instances=instances, nets=nets, electrical={})


def test_frequencies_are_around_the_carrier():
    found = chips.around(1310.0, 100.0, 11)
    assert found[5] == pytest.approx(299792458.0 / 1310e-9, rel=1e-15)
    assert np.diff(found) == pytest.approx(np.full(10, 1e10), rel=1e-6)


def test_a_line_is_reciprocal_passive_and_as_lossy_as_its_parts():
    frequencies = chips.around(1310.0, 400.0, 41)
    data = chips.scattering(chip(), frequencies, 1310.0)
    assert data.ports == ("a", "b")
    np.testing.assert_allclose(data.s, np.swapaxes(data.s, 1, 2), atol=1e-12)
    assert np.linalg.svd(data.s, compute_uv=False).max() < 1
    expected_db = 2 * 1.5 + 2.0 * 0.03
    # facets reflect: the line between them ripples about its loss
    assert -20 * np.log10(np.abs(data.s[:, 1, 0]).mean()) == pytest.approx(expected_db, abs=0.05)
    assert np.abs(data.s[:, 0, 0]).max() > 1e-3


def test_the_delay_is_in_the_phase_with_the_convention_stated():
    frequencies = chips.around(1310.0, 1.0, 3)
    data = chips.scattering(chip(length_um=1000.0), frequencies, 1310.0)
    turn = np.angle(data.s[2, 1, 0] / data.s[0, 1, 0])
    delay_ps = -turn / (2 * np.pi * (frequencies[2] - frequencies[0])) * 1e12
    assert delay_ps == pytest.approx(scatter.delay_ps(1400.0), rel=0.03)


def test_a_phase_shifter_turns_what_it_is_told_to():
    heater = (
        "heater_waveguide",
        {"length_um": 220.0, "heater_length_um": 200.0, "heater_width_um": 2.0, "undercut": 0.0},
    )
    frequencies = chips.around(1310.0, 10.0, 3)
    cold = chips.scattering(chip(heater), frequencies, 1310.0)
    hot = chips.scattering(chip(heater), frequencies, 1310.0, {"d0": 0.7})
    turned = np.angle(hot.s[1, 1, 0] / cold.s[1, 1, 0])
    assert turned == pytest.approx(-0.7, abs=0.02)  # but for the echo between the facets
