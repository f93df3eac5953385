"""The body of the splitter ends where the slab modes say that two images are."""

import math

import numpy as np
import pytest
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq

from lightloom.photonics import devices
from lightloom.photonics.cells.splitter import splitter1x2


def silicon(um):
    """Salzberg and Villa (1957)."""
    squares = ((10.6684293, 0.301516485), (0.0030434748, 1.13475115), (1.54133408, 1104.0))
    return math.sqrt(1 + sum(a * um**2 / (um**2 - b**2) for a, b in squares))


def silica(um):
    """Malitson (1965)."""
    squares = ((0.6961663, 0.0684043), (0.4079426, 0.1162414), (0.8974794, 9.896161))
    return math.sqrt(1 + sum(a * um**2 / (um**2 - b**2) for a, b in squares))


def slab(um, thick=0.22):
    """Effective index of the first mode of a film, its field along the film."""
    core, clad, k = silicon(um), silica(um), 2 * math.pi / um

    def off(n):
        inside = math.sqrt(core**2 - n**2)
        return k * thick * inside - 2 * math.atan(math.sqrt(n**2 - clad**2) / inside)

    return brentq(off, clad + 1e-9, core - 1e-9)


def modes(index, step, um):
    """Propagation constants and fields of the guided modes of a profile, scalar."""
    k = 2 * math.pi / um
    diagonal = k**2 * index**2 - 2 / step**2
    beside = np.full(index.size - 1, 1 / step**2)
    square, fields = eigh_tridiagonal(
        diagonal, beside, select="v", select_range=((k * index.min()) ** 2, np.inf)
    )
    return np.sqrt(square[::-1]), fields[:, ::-1]


def transmission(numbers, lengths):
    """Power in both images together behind a body of each length."""
    um, part = numbers.carrier_nm * 1e-3, numbers.splitter
    step = 0.005
    x = np.arange(-4.0, 4.0, step)
    film, clad = slab(um), silica(um)

    def profile(middle, width):
        return np.where(np.abs(x - middle) < width / 2, film, clad)

    constants, body = modes(profile(0.0, part.width_um), step, um)
    fields = [modes(profile(at, part.access_um), step, um)[1][:, 0] for at in (0.0, part.image_um)]
    enters, leaves = (body.T @ field for field in fields)
    return 2 * np.abs((enters * leaves * np.exp(-1j * np.outer(lengths, constants))).sum(1)) ** 2


@pytest.mark.parametrize("numbers", devices.BANDS.values(), ids=devices.BANDS)
def test_body_has_the_shortest_length_with_two_images(numbers):
    lengths = np.arange(2.0, 12.0, 0.02)
    power = transmission(numbers, lengths)
    best = lengths[power.argmax()]
    assert numbers.splitter.length_um == pytest.approx(best, abs=0.06)
    drawn = transmission(numbers, np.array([numbers.splitter.length_um]))[0]
    assert drawn > 0.99
    assert -10 * math.log10(drawn) < numbers.splitter.loss_db


def test_accesses_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"body_width = 2\.0 um; allowed: 2\.45 um or more"):
        splitter1x2(body_width=2.0)
