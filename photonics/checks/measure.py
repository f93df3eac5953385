"""Parameters of a device, measured on its shapes, and whether it is whole.

Each measurement returns parameters named as in `tech` and complains where the device is not what
its type says: a waveguide cut inside, two that should be apart touching, a heater film broken.
`anatomy` looks after what every device has in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lightloom.photonics.checks import actives, anatomy, heaters, passives, rings
from lightloom.photonics.checks.bodies import Body
from lightloom.photonics.checks.view import Complaint, Parameters, View
from lightloom.photonics.devices import Numbers

MEASURES: Mapping[str, tuple[tuple[str, ...], Callable[[View], Parameters]]] = {
    "coupler2x2": (("o1", "o2", "o3", "o4"), passives.coupler),
    "crossing": (("o1", "o2", "o3", "o4"), passives.crossing),
    "heater_waveguide": (("o1", "o2", "e1", "e2"), heaters.heater_waveguide),
    "pin_waveguide": (("o1", "o2", "e1", "e2"), actives.pin_waveguide),
    "edge_coupler": (("o1", "o2"), passives.edge_coupler),
    "grating_coupler": (("o1", "o2"), passives.grating_coupler),
    "terminator": (("o1",), passives.terminator),
    "splitter1x2": (("o1", "o2", "o3"), passives.splitter),
    "ring_modulator": (("o1", "o2", "e1", "e2", "e3", "e4"), rings.ring_modulator),
    "ring_filter": (("o1", "o2", "o3", "o4", "e1", "e2"), rings.ring_filter),
    "mzm": (("o1", "o2", "e1", "e2", "e3", "e4", "e5", "e6"), actives.mzm),
    "eam": (("o1", "o2", "e1", "e2"), actives.eam),
    "photodiode": (("o1", "e1", "e2"), actives.photodiode),
}
"""Pins and measurement of every device type of the technology."""


def measure(body: Body, numbers: Numbers, dbu: float) -> tuple[Parameters, list[Complaint]]:
    """Return the parameters of a device and the faults found in it, placed as in the body.

    `numbers` are those of the band of the chip, `dbu` the database unit in um.
    """
    view = View(body, numbers, dbu)
    if body.type not in MEASURES:
        view.complain(f"unknown type; allowed: {', '.join(sorted(MEASURES))}")
        return {}, view.wrong
    pins, function = MEASURES[body.type]
    if set(body.ports) != set(pins):
        view.complain(f"pins {sorted(body.ports)}; allowed: {list(pins)}")
        return {}, view.wrong
    parameters = function(view)
    if not view.wrong:  # a broken device is not whole in other ways too: one fault, one finding
        anatomy.check(view)
    return parameters, view.wrong
