"""Strips by the method of effective indices: an oracle of device numbers."""

import math

from scipy.optimize import brentq

HEIGHT_UM = 0.22


def silicon(um):
    """Salzberg and Villa, J. Opt. Soc. Am. 47, 244 (1957)."""
    s = um**2
    return math.sqrt(
        1
        + 10.6684293 * s / (s - 0.301516485**2)
        + 0.0030434748 * s / (s - 1.13475115**2)
        + 1.54133408 * s / (s - 1104.0**2)
    )


def oxide(um):
    """Malitson, J. Opt. Soc. Am. 55, 1205 (1965)."""
    s = um**2
    return math.sqrt(
        1
        + 0.6961663 * s / (s - 0.0684043**2)
        + 0.4079426 * s / (s - 0.1162414**2)
        + 0.8974794 * s / (s - 9.896161**2)
    )


def mode(um, width_um, core, clad, gap=None, parity=1, height_um=HEIGHT_UM):
    """Effective index of a strip, or of the even or odd supermode of two."""
    k = 2 * math.pi / um

    def slab(n):
        inside, outside = math.sqrt(core**2 - n**2), math.sqrt(n**2 - clad**2)
        return k * inside * height_um - 2 * math.atan(outside / inside)

    film = brentq(slab, clad + 1e-6, core - 1e-6)

    def lateral(n):
        inside, outside = k * math.sqrt(film**2 - n**2), k * math.sqrt(n**2 - clad**2)
        step = (film / clad) ** 2 * outside / inside  # field across the walls
        near = step if gap is None else step * math.tanh(outside * gap / 2) ** parity
        return inside * width_um - math.atan(step) - math.atan(near)

    return brentq(lateral, clad + 1e-6, film - 1e-6)


def strip(um, width_um, gap=None, parity=1, height_um=HEIGHT_UM):
    """`mode` of silicon in oxide."""
    return mode(um, width_um, silicon(um), oxide(um), gap, parity, height_um)


def coupling(um, width_um, gap, height_um=HEIGHT_UM):
    """Rate of two strips in 1/um."""
    even, odd = (strip(um, width_um, gap, parity, height_um) for parity in (1, -1))
    return math.pi / um * (even - odd)
