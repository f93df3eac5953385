"""The technology as gdsfactory sees it, and cells against its cross-sections."""

import klayout.db as kdb
import pytest

from lightloom.photonics import pdk, tech
from lightloom.photonics.cells.heater import heater_waveguide
from lightloom.photonics.cells.mzm import ARM_UM, mzm
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.cells.pin_waveguide import pin_waveguide
from lightloom.photonics.cells.waveguides import straight
from lightloom.photonics.devices import BANDS


def test_the_pdk_is_ours_and_has_our_layers():
    assert pdk.PDK.name == "lightloom"
    assert {name for name, _ in pdk.LAYER.__members__.items()} == set(tech.LAYERS)
    for name, info in tech.LAYERS.items():
        assert pdk.LAYER[name].layer == info.layer[0]
        assert pdk.LAYER[name].datatype == info.layer[1]


@pytest.mark.parametrize("name", tech.CROSS_SECTIONS)
@pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)
def test_cross_sections_are_those_of_the_technology(name, numbers):
    width = numbers.wire_width_um
    made = pdk.PDK.get_cross_section(name)
    expected = tech.CROSS_SECTIONS[name]
    if numbers.band != tech.BAND and name != "ge":  # whose core does not follow the band
        made = pdk.PDK.get_cross_section(name, width=width)
        expected = tech.cross_sections(width)[name]
    strips = {}
    for part in made.sections:
        middle, half = part.offset, part.width / 2
        strips[tuple(part.layer)] = pytest.approx((middle - half, middle + half))
    assert {layer: (low, high) for layer, low, high in expected.strips} == strips
    assert made.radius_min == expected.radius_min_um


def cut(component, x_um, y_um, regions):
    """{layer: (low, high)} of what is within 5 um of (x, y), across the axis."""
    x, y = round(x_um * 1000), round(y_um * 1000)
    window = kdb.Region(kdb.Box(x, y - 5000, x + 1, y + 5000))
    found = {}
    for layer, region in regions(component).items():
        inside = region & window
        if not inside.is_empty():
            box = inside.bbox()
            found[layer] = ((box.bottom - y) / 1000, (box.top - y) / 1000)
    return found


@pytest.mark.parametrize("numbers", BANDS.values(), ids=BANDS)
@pytest.mark.parametrize(
    ("cell", "name", "x_um", "y_um", "flipped"),
    [
        (straight, "strip", 5.0, 0.0, False),
        (heater_waveguide, "heater", 100.0, 0.0, False),
        (pin_waveguide, "pin", 150.0, 0.0, False),
        (mzm, "pn", 500.0, -ARM_UM, True),
        (mzm, "pn", 500.0, ARM_UM, True),
        (photodiode, "ge", 35.0, 0.0, False),
    ],
)
def test_cells_are_drawn_as_their_cross_section(cell, name, x_um, y_um, flipped, numbers, regions):
    found = cut(cell(width=numbers.wire_width_um), x_um, y_um, regions)
    strips = tech.cross_sections(numbers.wire_width_um)[name].strips
    if flipped:
        strips = [(layer, -high, -low) for layer, low, high in strips]
    for layer, low, high in strips:
        assert found[layer] == pytest.approx((low, high)), tech.NAMES[layer]
    drawn = {layer for layer, _, _ in strips}
    makers = {tech.WG, tech.SLAB, tech.N, tech.P, tech.NPP, tech.PPP, tech.GE, tech.HEATER}
    assert set(found) & makers == drawn
