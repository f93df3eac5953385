"""Waveguides of a chip against the intended ones."""

from __future__ import annotations

from lightloom.photonics.checks import locate
from lightloom.photonics.checks.comparison import Comparison
from lightloom.photonics.checks.lvs_devices import LENGTH
from lightloom.photonics.checks.wires import loose_end
from lightloom.photonics.netlist import Pin

WIDTH = (0.001, 0.0)
"""Allowed difference of a wire's width; diagonal facets are on the grid."""


def compare(run: Comparison) -> None:
    """Judge every piece of waveguide in the layout, then every pin that has none."""
    for name, wire in run.found.nets.items():
        if not wire.pins:
            run.add("EXTRA", "waveguide that joins nothing", _middle(run, name))
        elif len(wire.pins) == 1:
            _dangling(run, wire.pins[0], name)
        elif len(wire.pins) == 2:
            _joined(run, name, wire.pins[0], wire.pins[1])
        else:
            _short(run, name)
    for pin in run.extraction.loose:
        _dangling(run, pin, None)


def _meant(run: Comparison, pin: Pin) -> tuple[str, Pin] | None:
    """Net and intended pin that an extracted pin should be joined to, if it is there at all."""
    name = run.back.get(pin[0])
    net, other = run.partner.get((name or "", pin[1]), ("", None))
    return None if other is None or other[0] not in run.match else (net, other)


def _known(run: Comparison, pin: Pin) -> bool:
    """The pin is on an intended net, or its whole device is a finding already."""
    name = run.back.get(pin[0])
    return name is None or (name, pin[1]) in run.partner


def _dangling(run: Comparison, pin: Pin, wire: str | None) -> None:
    """A pin with no waveguide, or the only pin of one."""
    at = run.place(pin) if wire is None else loose_end(run.extraction.guides[wire])
    meant = _meant(run, pin)
    if meant is not None:
        text = f"waveguide from {run.name(pin)} ends here; intended to {','.join(meant[1])}"
        run.add("OPEN", text, at)
    elif wire is not None and not _known(run, pin):
        run.add("EXTRA", f"waveguide from {run.name(pin)} that ends here", at)


def _joined(run: Comparison, name: str, first: Pin, second: Pin) -> None:
    meant = _meant(run, first)
    if meant is not None and run.there(meant[1]) == second:
        _length(run, meant[0], name)
        return
    meant, start, end = meant or _meant(run, second), run.name(first), run.name(second)
    if meant is not None:
        text = f"waveguide from {start} to {end}; intended {','.join(meant[1])}"
        run.add("SWAPPED", text, _middle(run, name))
    elif not _known(run, first) and not _known(run, second):
        run.add("EXTRA", f"waveguide from {start} to {end}", _middle(run, name))


def _length(run: Comparison, net: str, name: str) -> None:
    wanted, found = run.intended.nets[net], run.found.nets[name]
    for key, value, measured, (absolute, relative) in (
        ("length_um", wanted.length_um, found.length_um, LENGTH),
        ("width_um", wanted.width_um, found.width_um, WIDTH),
    ):
        if value is None or measured is None:
            continue
        if abs(measured - value) > absolute + relative * value:
            text = f"wire {net}: {key} = {measured:.4f}; intended {value:g}"
            run.add("PARAMETER", text, _middle(run, name))


def _short(run: Comparison, name: str) -> None:
    """Name the bridge between the waveguides that one piece joins."""
    guide, pins = run.extraction.guides[name], run.found.nets[name].pins
    groups: dict[str, list[locate.Terminal]] = {}
    for pin in pins:
        meant = _meant(run, pin)
        net = run.name(pin) if meant is None else meant[0]
        groups.setdefault(net, []).append(("WG", run.place(pin)))
    joined = ", ".join(sorted(run.name(pin) for pin in pins))
    places = locate.bridges({"WG": [guide.polygon]}, [], groups)
    for _, _, piece in places:
        run.add("SHORT", f"one waveguide joins {joined}", piece.bbox().center())
    if not places:
        run.add("SHORT", f"one waveguide joins {joined}", _middle(run, name))


def _middle(run: Comparison, name: str) -> tuple[float, float]:
    return run.extraction.um(run.extraction.guides[name].polygon.bbox().center())
