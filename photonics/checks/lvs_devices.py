"""Devices, their parameters and the optical ports of a chip against the intended ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.bodies import INNER, Body
from lightloom.photonics.checks.comparison import Comparison

EXACT = (0.0006, 0.0)
"""Allowed absolute and relative difference of what is drawn on the grid: half a grid step, and the
rounding of a number."""
LENGTH = (0.0015, 1e-5)
"""The same of a curve's length: see `wires` for how exactly that is measured."""
STEP_UM = 0.0008
"""A device further off than this is off by a grid step; the middle of an odd number of steps is
known to half of one."""
TOLERANCE: Mapping[str, tuple[float, float]] = {
    # What the bends add is a model's: 8 nm off at gaps of 0.15 to 0.4 um, whatever the length.
    "coupler2x2.length_um": (0.01, 1e-5),
    "heater_waveguide.length_um": LENGTH,
    "coupler2x2.path_um": LENGTH,
    "crossing.path_um": LENGTH,
    "mzm.path_um": LENGTH,
}
"""By type and parameter; `EXACT` for all others."""


def compare(run: Comparison) -> None:
    """Judge every device, its parameters, and the optical ports."""
    wrong = _devices(run)
    _twins(run, wrong)
    _places(run)
    _ports(run)


def _devices(run: Comparison) -> set[str]:
    """Compare devices and parameters; return the intended devices with a wrong parameter."""
    wrong: set[str] = set()
    for name, instance in run.intended.instances.items():
        if name not in run.match:
            run.add("MISSING", f"{instance.type} {name}", _where(run, name))
            continue
        device = run.extraction.devices[run.match[name]]
        measured = run.found.instances[run.match[name]].parameters
        for key, value in instance.parameters.items():
            if key not in measured:
                continue  # the device is broken, which is a finding of its own
            absolute, relative = TOLERANCE.get(f"{instance.type}.{key}", EXACT)
            if abs(measured[key] - value) > absolute + relative * abs(value):
                text = f"{instance.type} {name}: {key} = {measured[key]:.4f}; intended {value:g}"
                run.add("PARAMETER", text, device.centre)
                wrong.add(name)
    for name, device in run.extraction.devices.items():
        if name not in run.back:
            run.add("EXTRA", f"{device.type} {name}", device.centre)
    return wrong


def _where(run: Comparison, name: str) -> tuple[float, float]:
    """Place of a missing device: as intended, else a pin it should have been joined to."""
    instance = run.intended.instances[name]
    if instance.x_um is not None and instance.y_um is not None:
        return instance.x_um, instance.y_um
    for wire in run.intended.nets.values():
        if any(pin[0] == name for pin in wire.pins):
            for pin in map(run.there, wire.pins):
                if pin is not None:
                    return run.extraction.um(run.place(pin))
    return run.extraction.um(run.extraction.chip.top.bbox().center())


def _places(run: Comparison) -> None:
    """Devices are where they are meant to be, as far as the netlist says where that is.

    A netlist in other coordinates is shifted as a whole: what counts is the shift of most devices.
    """
    shifts: dict[str, tuple[float, float]] = {}
    for ours, theirs in run.match.items():
        wanted, found = run.intended.instances[ours], run.found.instances[theirs]
        if None not in (wanted.x_um, wanted.y_um, found.x_um, found.y_um):
            x = (found.x_um or 0.0) - (wanted.x_um or 0.0)
            y = (found.y_um or 0.0) - (wanted.y_um or 0.0)
            shifts[ours] = round(x, 4), round(y, 4)
    if not shifts:
        return
    (usual, count), *_ = Counter(shifts.values()).most_common()
    if 2 * count < len(shifts):
        return
    for name, shift in shifts.items():
        x, y = (a - b for a, b in zip(shift, usual, strict=True))
        if max(abs(x), abs(y)) > STEP_UM:
            instance = run.intended.instances[name]
            text = f"{instance.type} {name} is ({x:.3f}, {y:.3f}) um off its intended place"
            run.add("PLACE", text, run.extraction.devices[run.match[name]].centre)


def _twins(run: Comparison, wrong: set[str]) -> None:
    """Devices of one type that are meant to be alike are drawn alike, to the grid step.

    Measurements say what a device does; this says that nothing in it differs from its like, in any
    layer but the metal that leads to it. Devices with a fault of their own are left out.
    """
    groups: dict[object, list[str]] = {}
    for ours, theirs in run.match.items():
        if ours not in wrong and theirs not in run.extraction.faulty:
            instance = run.intended.instances[ours]
            key = instance.type, tuple(sorted(instance.parameters.items()))
            groups.setdefault(key, []).append(ours)
    for names in groups.values():
        bodies = {name: run.extraction.bodies[run.match[name]] for name in names}
        count = Counter(body.marks for body in bodies.values())
        (usual, most), *others = count.most_common()
        if not others:
            continue
        # Of two equally large groups neither is known to be right.
        tied = others[0][1] == most
        models = {body.marks: body for body in bodies.values()}
        for name, body in bodies.items():
            if body.marks == usual and not tied:
                continue
            model = models[others[0][0] if body.marks == usual else usual]
            layer, at = _difference(body, model)
            text = f"{body.type} {name}: {layer} differs here from {most} meant alike"
            run.add("UNEQUAL", text, run.extraction.places[run.match[name]] * at)


def _difference(body: Body, model: Body) -> tuple[str, kdb.Point]:
    """Name of the first layer in which two bodies differ, and where."""
    for layer in INNER:
        rest = kdb.Region(list(body.polygons(layer))) ^ kdb.Region(list(model.polygons(layer)))
        if not rest.is_empty():
            return tech.NAMES[layer], next(rest.each()).bbox().center()
    for name, pin in body.ports.items():
        if pin != model.ports.get(name):
            return f"pin {name}", pin.point
    return "outline", body.outline.bbox().center()


def _ports(run: Comparison) -> None:
    for label, pin in run.intended.ports.items():
        there, found = run.there(pin), run.found.ports.get(label)
        if found is None and there is not None:
            run.add("MISSING", f"optical port {label} at {pin[0]},{pin[1]}", run.place(there))
        elif found is not None and found != there:
            text = f"optical port {label} at {run.name(found)}; intended {pin[0]},{pin[1]}"
            run.add("SWAPPED", text, run.place(found))
    for label, pin in run.found.ports.items():
        if label not in run.intended.ports:
            run.add("EXTRA", f"optical port {label} at {run.name(pin)}", run.place(pin))
