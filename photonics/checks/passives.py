"""Measurements of devices that only guide light: couplers, crossings, tapers, splitters."""

from __future__ import annotations

import klayout.db as kdb
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.checks import profile
from lightloom.photonics.checks.view import Parameters, View
from lightloom.photonics.devices import Numbers


def coupler(view: View) -> Parameters:
    """Two waveguides that come close: gap, parallel length, path.

    `length_um` is what the parallel part of a coupler with the technology's bends must be to couple
    as the drawn one does: the integral of `exp(-decay (gap(x) - gap))` over the drawn shape, less
    the share of the bends. Where the parallel part ends is not seen: the bends leave it by less
    than a grid step over their first micrometre.
    """
    lower, upper = view.guides(("o1", "o4"), ("o2", "o3"))
    if lower is None or upper is None or lower == upper:
        return {}
    path = view.strip(lower, "o1", "o4")
    view.strip(upper, "o2", "o3")
    gap, length = _coupling(lower, upper, view.dbu, view.numbers)
    return {"gap_um": gap, "length_um": length, **path}


def _coupling(
    lower: kdb.Polygon, upper: kdb.Polygon, dbu: float, numbers: Numbers
) -> tuple[float, float]:
    x, opening = profile.opening(lower, upper)
    x, opening = x * dbu, opening * dbu
    gap = float(opening.min())
    equivalent = float(np.trapezoid(np.exp(-numbers.coupler.decay_per_um * (opening - gap)), x))
    bends = numbers.coupling_angle(gap, 0.0) / numbers.coupling_rate(gap)
    return gap, equivalent - bends


def crossing(view: View) -> Parameters:
    """Four arms of one piece of waveguide."""
    view.guides(("o1", "o2", "o3", "o4"))
    ports = view.ports
    length = (ports["o1"].point - ports["o3"].point).length()
    return {"path_um": view.um(length)}


def edge_coupler(view: View) -> Parameters:
    """Inverse taper."""
    (taper,) = view.guides(("o1", "o2"))
    if taper is not None:
        _steady(view, taper, -1)
    ports = view.ports
    length = (ports["o1"].point - ports["o2"].point).length()
    return {"length_um": view.um(length), "tip_width_um": view.um(ports["o2"].width)}


def _steady(view: View, taper: kdb.Polygon, sign: int) -> None:
    """A taper that starts at `o1` widens (1) or narrows (-1) all along."""
    x, widths = profile.widths(taper)
    back = np.diff(widths) * sign < -0.5
    if back.any():
        at = kdb.Point(round(float(x[1:][back][0])), 0)
        view.complain(f"taper {'narrows' if sign > 0 else 'widens'} again", at)


def terminator(view: View) -> Parameters:
    """Taper that ends under an implant."""
    tapers = view.polygons(tech.WG)
    if len(tapers) != 1:
        return {}
    _steady(view, tapers[0], -1)
    box, doped = tapers[0].bbox(), view.region(tech.NPP).bbox()
    tip = kdb.Box(box.center().x, box.bottom, box.right, box.top)
    if not tip.inside(doped):
        view.complain("taper ends outside the implant", tip.center())
    return {"length_um": view.um(box.width())}


def grating_coupler(view: View) -> Parameters:
    """Teeth of the whole core on the slab, behind a taper that starts at `o1`."""
    pieces = sorted(view.polygons(tech.WG), key=lambda piece: piece.bbox().left)
    if len(pieces) < 3:
        view.complain(f"{len(pieces)} pieces; allowed: a taper and 2 teeth or more")
        return {}
    _steady(view, pieces[0], 1)
    taper, *teeth = (piece.bbox() for piece in pieces)
    for piece in pieces[1:]:
        if not piece.is_box():
            view.complain("tooth that is no box", piece.bbox().center())
    pitches = np.diff([tooth.right for tooth in (taper, *teeth)])
    widths = np.array([tooth.width() for tooth in teeth])
    heights = np.array([tooth.height() for tooth in (taper, *teeth)])
    for name, values in (("pitch", pitches), ("width", widths), ("height", heights)):
        usual = np.median(values)
        for k in np.flatnonzero(values != usual):
            text = f"tooth with {name} {view.um(values[k]):.3f} um; others: {view.um(usual):.3f} um"
            view.complain(text, teeth[min(int(k), len(teeth) - 1)].center())
    grating = kdb.Region(pieces[1:]).bbox()
    if not grating.inside(view.region(tech.SLAB).bbox()):
        view.complain("teeth outside the slab", grating.center())
    if not grating.enlarged(-round(float(np.median(pitches)))).contains(view.ports["o2"].point):
        view.complain("pin o2 is not on the grating", view.ports["o2"].point)
    return {
        "period_um": view.um(float(np.median(pitches))),
        "periods": float(len(teeth)),
        "tooth_um": view.um(float(np.median(widths))),
        "length_um": view.um(taper.width()),
    }


def splitter(view: View) -> Parameters:
    """Box between three accesses: its sides are the longest upright edges."""
    (piece,) = view.guides(("o1", "o2", "o3"))
    if piece is None:
        return {}
    x, widths = profile.widths(piece)
    reach = (view.ports["o1"].point - view.ports["o2"].point).x
    # The body is as wide as its two ends, between which the outline runs along x.
    flat = np.flatnonzero((np.diff(widths) == 0) & (np.diff(x) > 1.0))
    if not flat.size:
        view.complain("no body of constant width")
        return {}
    body = max(flat, key=lambda k: widths[k] * (x[k + 1] - x[k]))
    return {
        "width_um": view.um(float(widths[body])),
        "length_um": view.um(round(float(x[body + 1] - x[body]), 1)),
        "path_um": view.um(abs(reach)),
    }
