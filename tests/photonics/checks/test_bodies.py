"""Devices dissected: the same whatever the turn, another when anything intrudes."""

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.checks import recognise
from lightloom.photonics.checks.bodies import dissect
from lightloom.photonics.checks.chip import Chip

from .conftest import DEVICES

TURNS = [kdb.Trans(angle, mirror, 0, 0) for angle in range(4) for mirror in (False, True)]


def turned(path, extra=()):
    """All eight turns of a device beside each other in one chip."""
    layout = kdb.Layout()
    layout.read(str(path))
    cell = layout.top_cell()
    top = layout.create_cell("all")
    for number, turn in enumerate(TURNS):
        at = kdb.Trans(number * 2_000_000, 0) * turn
        top.insert(kdb.CellInstArray(cell.cell_index(), at))
    for layer, box in extra:
        top.shapes(layout.layer(*layer)).insert(box)
    chip = Chip(layout, "x")
    devices, wrong = recognise.devices(chip)
    assert wrong == []
    return chip, devices, dissect(chip, devices)


@pytest.mark.parametrize("name", DEVICES)
def test_every_turn_is_the_same_body(device_files, name):
    _, devices, bodies = turned(device_files[name])
    assert len(devices) == 8
    assert len({id(body) for body in bodies.bodies.values()}) == 1
    body = bodies.bodies[devices[0].name]
    assert body.ports["o1"].point == kdb.Point(0, 0)
    assert all(outside.is_empty() for outside in bodies.outside.values())


@pytest.mark.parametrize("name", DEVICES)
def test_a_place_brings_a_body_back_to_what_is_drawn(device_files, name):
    chip, devices, bodies = turned(device_files[name])
    for layer in (tech.WG, tech.SLAB, tech.HEATER, tech.CONTACT):
        back = kdb.Region()
        for device in devices:
            for polygon in bodies.bodies[device.name].polygons(layer):
                back.insert(polygon.transformed(bodies.places[device.name]))
        assert (back ^ chip.region(layer)).is_empty()
    for device in devices:
        body, place = bodies.bodies[device.name], bodies.places[device.name]
        for port, pin in body.ports.items():
            assert place * pin.point == device.ports[port].point


def test_an_intruding_shape_makes_a_body_of_its_own(device_files):
    _, devices, _ = turned(device_files["coupler2x2"])
    victim = devices[3]
    spot = victim.outline.bbox().center()
    box = kdb.Box(spot.x - 500, spot.y - 300, spot.x + 500, spot.y + 300)
    for layer in (tech.GE, tech.WG):
        _, _, changed = turned(device_files["coupler2x2"], [(layer, box)])
        kinds = {id(body) for body in changed.bodies.values()}
        assert len(kinds) == 2
        alone = [n for n, b in changed.bodies.items() if b is changed.bodies[victim.name]]
        assert alone == [victim.name]


def test_metal_that_leads_to_a_device_is_not_a_mark_of_it(device_files):
    _, devices, plain = turned(device_files["heater_waveguide"])
    pin = devices[0].ports["e1"].point
    line = kdb.Box(pin.x - 50_000, pin.y - 4000, pin.x, pin.y + 4000)
    _, _, bodies = turned(device_files["heater_waveguide"], [(tech.M1, line)])
    led, other = (bodies.bodies[device.name] for device in devices[:2])
    assert led != other
    assert led.marks == other.marks == plain.bodies[devices[0].name].marks


def test_what_is_outside_is_cut_at_the_outline(device_files):
    box = kdb.Box(-400_000, -900, -30_000, 900)
    chip, devices, bodies = turned(device_files["crossing"], [(tech.HEATER, box)])
    outlines = kdb.Region([device.outline for device in devices])
    assert (bodies.outside[tech.HEATER] ^ (chip.region(tech.HEATER) - outlines)).is_empty()
