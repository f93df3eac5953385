"""Measurements of devices with a junction or germanium along a waveguide."""

from __future__ import annotations

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.heaters import film
from lightloom.photonics.checks.view import Parameters, View


def photodiode(view: View) -> Parameters:
    """Germanium on a waveguide."""
    return _germanium(view, with_width=True)


def eam(view: View) -> Parameters:
    """Germanium absorber between two waveguides."""
    view.guides(("o1", "o2"))
    length = (view.ports["o1"].point - view.ports["o2"].point).length()
    return _germanium(view, with_width=False) | {"path_um": view.um(length)}


def _germanium(view: View, with_width: bool) -> Parameters:
    pieces = view.polygons(tech.GE)
    if len(pieces) != 1 or not pieces[0].is_box():
        view.complain(f"{len(pieces)} germanium shapes; allowed: 1, a box")
        return {}
    box = pieces[0].bbox()
    implants = (view.region(tech.P) + view.region(tech.N)).bbox()
    if (implants.left, implants.right) != (box.left, box.right):
        view.complain("germanium and implants do not end together", box.center())
    result = {"length_um": view.um(box.width())}
    return result | ({"width_um": view.um(box.height())} if with_width else {})


def pin_waveguide(view: View) -> Parameters:
    """Diode along a waveguide."""
    (strip,) = view.guides(("o1", "o2"))
    p, n = view.region(tech.PPP).bbox(), view.region(tech.NPP).bbox()
    result = view.strip(strip, "o1", "o2")
    if p.empty() or n.empty() or (p.left, p.right) != (n.left, n.right):
        view.complain("implants of different length")
        return result
    return {"length_um": view.um(p.width()), **result}


def mzm(view: View) -> Parameters:
    """Two junction arms between splitters."""
    (strip,) = view.guides(("o1", "o2"))
    film(view, "e5", "e6")
    junctions = view.region(tech.P).bbox()
    if strip is None or strip.holes() != 1 or junctions.empty() or not view.polygons(tech.SLAB):
        view.complain("no two arms with junctions")
        return {}
    # The eye between the arms is bounded by an inner side of each arm and by the ends of the
    # splitters. What its sides are longer than straight is what the bends of an arm add.
    arm = max((slab.bbox() for slab in view.polygons(tech.SLAB)), key=lambda box: box.top)
    if abs(arm.bottom + arm.top - 2 * view.ports["e5"].point.y) > 2:
        view.complain("bias heater is beside its arm", view.ports["e5"].point)
    eye = kdb.Polygon(list(strip.each_point_hole(0)))
    ends = sum(edge.length() for edge in eye.each_edge() if edge.dx() == 0)
    extra = (eye.perimeter() - ends) / 2 - eye.bbox().width()
    length = (view.ports["o1"].point - view.ports["o2"].point).length()
    return {"length_um": view.um(junctions.width()), "path_um": view.um(length + extra)}
