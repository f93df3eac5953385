"""Measurements of heater films and of the phase shifter under one."""

from __future__ import annotations

import klayout.db as kdb
import numpy as np

from lightloom.photonics import tech
from lightloom.photonics.checks import locate, profile
from lightloom.photonics.checks.view import Parameters, View, near


def heater_waveguide(view: View) -> Parameters:
    """Waveguide under a heater film that is contacted at both ends."""
    (strip,) = view.guides(("o1", "o2"))
    result = {"undercut": float(bool(view.polygons(tech.UNDERCUT)))}
    path = view.strip(strip, "o1", "o2")
    if path:
        result["length_um"] = path["path_um"]
    piece = film(view, "e1", "e2")
    if piece is None:
        return result
    # The current crosses the strip between the pads: everything narrower than the pads.
    x, width = profile.widths(piece)
    middle = (x[0] + x[-1]) / 2
    pad = max(float(width[x < middle].max()), float(width[x > middle].max()))
    narrow = width < 0.99 * pad
    strip_width = float(np.median(width[narrow])) if narrow.any() else pad
    body = np.abs(width - strip_width) <= 0.02 * strip_width
    result["heater_length_um"] = view.um(float((np.diff(x) * (body[1:] & body[:-1])).sum()))
    result["heater_width_um"] = view.um(strip_width)
    uneven = narrow & (np.abs(width - strip_width) > 0.5)
    if uneven.any():
        at = kdb.Point(round(float(x[uneven][0])), 0)
        view.complain(f"heater film is {view.um(float(width[uneven][0])):.3f} um wide here", at)
    return result


def film(view: View, first: str, second: str) -> kdb.Polygon | None:
    """The heater film that joins two pins; a complaint when there is none."""
    contacts = view.polygons(tech.VIAH)
    metals = view.polygons(tech.M1)
    ends: list[list[kdb.Polygon]] = []
    for name in (first, second):
        metal = next((m for m in metals if near(m, view.ports[name].point)), None)
        ends.append([] if metal is None else [c for c in contacts if metal.touches(c)])
    if any(contact in ends[1] for contact in ends[0]):
        view.complain(f"heater shorted from {first} to {second}")
        return None
    films = view.polygons(tech.HEATER)
    parts = [[f for f in films if any(f.touches(contact) for contact in end)] for end in ends]
    for piece in parts[0]:
        if piece in parts[1]:
            _centred(view, piece, ends, (first, second))
            return piece
    spot = None
    if parts[0] and parts[1]:
        _, x, y = locate.closest(locate.edges(parts[0]), locate.edges(parts[1]))
        spot = kdb.Point(round(x), round(y))
    view.complain(f"heater open between {first} and {second}", spot)
    return None


def _centred(
    view: View, piece: kdb.Polygon, ends: list[list[kdb.Polygon]], names: tuple[str, str]
) -> None:
    """A film lies even between its pins, and its contacts around them."""
    one, two = (view.ports[name].point for name in names)
    for cuts, point in zip(ends, (one, two), strict=True):
        for cut in cuts:
            if _off(cut.bbox(), point.x * 2, point.y * 2):
                view.complain("VIAH is not in the middle of its pin", point)
    box = piece.bbox()
    # The film of a ring bulges to one side of its pins.
    level = None if view.body.type.startswith("ring_") else one.y + two.y
    if _off(box, one.x + two.x, level):
        view.complain("heater film is not in the middle of its pins", box.center())
    elif level is not None:
        flat = kdb.Region(piece)
        view.alike(flat, flat.transformed(kdb.Trans(0, True, 0, level)), tech.NAMES[tech.HEATER])


def _off(box: kdb.Box, twice_x: int, twice_y: int | None) -> bool:
    """The middle of a box is not at half of the coordinates, within the rounding of odd sizes."""
    x = abs(box.left + box.right - twice_x)
    y = 0 if twice_y is None else abs(box.bottom + box.top - twice_y)
    return max(x, y) > 2
