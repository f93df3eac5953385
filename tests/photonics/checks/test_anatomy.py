"""Every shape of every device must count: one that is gone, moved or on another layer shows."""

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.checks import anatomy, extract, measure
from lightloom.photonics.checks.bodies import INNER

from .conftest import DEVICES


def shapes(chip, layer):
    return [s for s in chip.top.shapes(chip.layout.layer(*layer)).each() if not s.is_text()]


def spots(files):
    """(device, layer, number) of every shape on a layer that makes devices."""
    for name, path in files.items():
        layout = kdb.Layout()
        layout.read(str(path))
        for layer in (*INNER, tech.M1):
            index = layout.find_layer(*layer)
            if index is not None:
                merged = kdb.Region(layout.top_cell().begin_shapes_rec(index)).merged()
                for number in range(merged.count()):
                    yield name, layer, number


def spoilt(chip, layer, number, change):
    """The layout with one merged polygon of a layer changed."""
    cell = chip.top.shapes(chip.layout.layer(*layer))
    pieces = sorted(kdb.Region(cell).merged().each())
    cell.clear()
    for k, piece in enumerate(pieces):
        if k != number:
            cell.insert(piece)
        else:
            for target, polygon in change(layer, piece):
                chip.top.shapes(chip.layout.layer(*target)).insert(polygon)
    return chip


def measured(chip):
    found = extract.extract_chip(chip)
    (device,) = found.netlist.instances.values()
    return found.findings, device.parameters


def unseen(files, flat_device, change, allowed=()):
    """Shapes whose change makes neither a finding nor another value of a parameter."""
    drawn = {name: measured(flat_device(name))[1] for name in files}
    for name, layer, number in spots(files):
        wrong, values = measured(spoilt(flat_device(name), layer, number, change))
        other = any(abs(values.get(key, 1e9) - v) > 0.0006 for key, v in drawn[name].items())
        if not wrong and not other and layer not in allowed and (name, layer) not in allowed:
            yield name, tech.NAMES[layer], number


def gone(layer, piece):
    return []


def aside(layer, piece):
    return [(layer, piece.moved(0, 10))]


def along(layer, piece):
    return [(layer, piece.moved(10, 0))]


def elsewhere(layer, piece):
    other = tech.GE if layer != tech.GE else tech.N
    return [(other, piece)]


@pytest.mark.parametrize("name", DEVICES)
def test_a_clean_device_has_no_finding(flat_device, name):
    assert measured(flat_device(name))[0] == []


@pytest.mark.parametrize("change", [gone, elsewhere], ids=lambda change: change.__name__)
def test_a_shape_that_is_gone_or_on_another_layer_is_found(device_files, flat_device, change):
    assert list(unseen(device_files, flat_device, change)) == []


SLIDES = {
    # Metal has an enclosure rule of its own; its place inside is the device's affair.
    tech.M1: "DRC, nets",
    ("terminator", tech.NPP): "the implant covers the tip with room to spare",
    ("grating_coupler", tech.SLAB): "the slab reaches beyond the grating with room to spare",
    ("ring_modulator", tech.CONTACT): "a bar of 1.6 um beside the ring; M1 encloses it with 0.6 um",
    ("terminator", tech.WG): "the wire that leads to it is open then",
    ("photodiode", tech.WG): "the same",
}
"""What a move by 10 nm does not make wrong."""


@pytest.mark.parametrize("change", [aside, along], ids=lambda change: change.__name__)
def test_a_shape_that_is_10_nm_off_is_found(device_files, flat_device, change):
    missed = list(unseen(device_files, flat_device, change, SLIDES))
    assert not missed, missed


def test_every_type_that_is_measured_has_an_anatomy():
    assert set(anatomy.ANATOMY) == set(measure.MEASURES) == set(DEVICES)
