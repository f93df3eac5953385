"""The grid and its rings: resonances where they belong, filters as wide as the grid allows."""

import itertools

import numpy as np
import pytest

from lightloom.photonics.circuit import resonance
from lightloom.photonics.devices import BANDS, C_BAND, O_BAND
from lightloom.photonics.engine import wdm
from lightloom.spec.base import DesignError


@pytest.mark.parametrize(("band", "first"), [("O", 1300.0), ("C", 1535.0)])
def test_the_grid_is_even_in_frequency(band, first):
    grid = wdm.grid_ghz(first, 200.0, 8, band)
    assert resonance.wavelength_nm(grid[0]) == pytest.approx(first)
    assert {round(a - b, 6) for a, b in itertools.pairwise(grid)} == {200.0}


def test_a_grid_beyond_the_band_is_refused():
    with pytest.raises(DesignError, match=r"end at 13\d\d\.\d+ nm; allowed: 1260 to 1360 nm"):
        wdm.grid_ghz(1350.0, 400.0, 16, "O")


@pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)
@pytest.mark.parametrize("count", [1, 4, 8, 16])
def test_every_ring_needs_little_heat_for_its_own_wavelength(numbers, count):
    grid = wdm.grid_ghz(numbers.carrier_nm, 100.0, count, numbers.band)
    for bank in (
        wdm.modulators(numbers, grid, 100.0, 0.2),
        wdm.filters(numbers, grid, 100.0),
    ):
        assert len(bank.rings) == count
        assert bank.wraps or bank.fsr_ghz >= count * 100.0 - 1e-6
        for ring, frequency in zip(bank.rings, grid, strict=True):
            assert ring.radius_um >= wdm.RADIUS_MIN_UM
            assert round(ring.radius_um * 1000) == pytest.approx(ring.radius_um * 1000)
            # Independent of `resonance`: whole waves around the ring at the cold resonance.
            length = 2 * np.pi * ring.radius_um + 2 * ring.straight_um
            part = numbers.guide
            at = (frequency + ring.cold_ghz) * 1e9
            carrier = 299792458.0 / (numbers.carrier_nm * 1e-9)
            index = part.index + (part.group_index - part.index) * (at / carrier - 1)
            waves = at * index * length * 1e-6 / 299792458.0
            assert waves == pytest.approx(round(waves), abs=2e-6)
            # A grid step of the radius moves the resonance by this much: never more to heat.
            step = at * 1e-9 * part.index / part.group_index * 0.001 / ring.radius_um
            assert 0.0 <= ring.cold_ghz <= 1.1 * step * max(1.0, length / 6.28 / ring.radius_um)
            assert ring.tune_mw >= 0.0


def test_filters_are_as_wide_as_the_grid_allows():
    grid = wdm.grid_ghz(1310.0, 200.0, 4, "O")
    bank = wdm.filters(O_BAND, grid, 200.0)
    ring = bank.rings[0]
    from lightloom.photonics.circuit import rings

    angle = rings.coupling_angle(ring.gap_um, ring.radius_um, ring.straight_um, O_BAND)
    length = resonance.round_trip_um(ring.radius_um, ring.straight_um)
    width = resonance.filter_width_ghz(length, angle, O_BAND)
    wanted = min(O_BAND.ring_filter.fill * 200.0, O_BAND.ring_filter.width_max_ghz)
    assert width == pytest.approx(wanted, rel=0.02)


def test_a_grid_that_no_ring_holds_is_refused():
    grid = tuple(228_000.0 - 1000.0 * k for k in range(16))
    with pytest.raises(DesignError, match=r"engine\.wavelengths = 16 .* allowed: at most \d+:"):
        wdm.modulators(C_BAND, grid, 1000.0, 0.2)
