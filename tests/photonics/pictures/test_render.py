import klayout.db as kdb
import klayout.lay as lay
import numpy as np
import pytest

from lightloom.photonics import tech
from lightloom.photonics.pictures import render


def colour(info):
    return [int(info.colour[i : i + 2], 16) for i in (1, 3, 5)]


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    """A layout with a 40 um square of each layer, 50 um apart."""
    layout = kdb.Layout()
    top = layout.create_cell("patches")
    for number, info in enumerate(tech.LAYERS.values()):
        box = kdb.DBox(50 * number, 0, 50 * number + 40, 40)
        top.shapes(layout.layer(*info.layer)).insert(box)
    path = tmp_path_factory.mktemp("render") / "patches.gds"
    layout.write(str(path))
    return path


@pytest.mark.parametrize("scale", [2.0, 0.15])
def test_colours_are_those_of_the_layers(patches, scale):
    count = len(tech.LAYERS)
    box = kdb.DBox(-5, -5, 50 * count - 5, 45)
    image = render.pixels(
        render.open_view(patches), box, round(50 * count * scale), round(50 * scale)
    )
    assert image.shape == (round(50 * scale), round(50 * count * scale), 3)
    for number, info in enumerate(tech.LAYERS.values()):
        left, right = round((50 * number + 8) * scale), round((50 * number + 42) * scale)
        inside = image[round(8 * scale) : round(42 * scale), left:right].reshape(-1, 3).astype(int)
        drawn = inside[(inside < 250).any(axis=1)]
        if info.name in render.HIDDEN:
            assert len(drawn) == 0, info.name
            continue
        # Every pixel is between white and the layer's colour, for patterns let white through;
        # KLayout averages with a gamma of 2.
        towards = np.array(colour(info)) ** 2 - 255.0**2
        part = (drawn**2 - 255.0**2) @ towards / (towards @ towards)
        expected = np.sqrt(255.0**2 + part[:, None] * towards)
        assert np.abs(drawn - expected).max(initial=0) <= 3, info.name
        if info.fill == "solid":
            assert len(drawn) == len(inside)
            assert np.abs(part - 1).max() < 0.02
        elif scale > 1:
            assert (len(drawn) == 0) == (info.fill == "hollow"), info.name


def test_a_sample_looks_like_its_layer(patches):
    names = list(tech.LAYERS)
    samples = render.swatches(names, 34, 16)
    view = render.open_view(patches)
    for number, name in enumerate(names):
        info = tech.LAYERS[name]
        assert samples[name].shape == (16, 34, 3)
        ink = (samples[name] < 250).any(axis=2).mean()
        assert ink > 0.1, name
        assert (samples[name].reshape(-1, 3) == colour(info)).all(axis=1).any(), name
        if name in render.HIDDEN or info.fill == "hollow":
            continue
        # The same pattern: as much of it is covered as of the layer's shapes.
        box = kdb.DBox(50 * number + 2, 2, 50 * number + 38, 38)
        image = render.pixels(view, box, 144, 144)
        middle = samples[name][4:12, 4:30]
        assert (255 - middle.astype(float)).mean() == pytest.approx(
            (255 - image.astype(float)).mean(), rel=0.15
        ), name


def test_first_row_of_pixels_is_the_north(tmp_path):
    layout = kdb.Layout()
    top = layout.create_cell("corner")
    top.shapes(layout.layer(*tech.DICE)).insert(kdb.DBox(0, 0, 100, 50))
    top.shapes(layout.layer(*tech.WG)).insert(kdb.DBox(80, 40, 100, 50))
    layout.write(str(tmp_path / "corner.gds"))
    image = render.pixels(
        render.open_view(tmp_path / "corner.gds"), kdb.DBox(0, 0, 100, 50), 200, 100
    )
    assert image[10, 180].tolist() == colour(tech.LAYERS["WG"])
    assert image[90, 20].tolist() == [255, 255, 255]


def test_layer_view_is_what_a_layer_file_holds(tmp_path):
    render.layer_view().save_layer_props(str(tmp_path / "chip.lyp"))
    view = lay.LayoutView()
    view.load_layer_props(str(tmp_path / "chip.lyp"))
    at, patterns = view.begin_layers(), {}
    while not at.at_end():
        patterns[at.current().name] = at.current().dither_pattern
        at.next()
    # Two metals that cross are hatched the other way.
    assert patterns["M1"] != patterns["M2"]
    assert patterns["WG"] == patterns["HEATER"] == 0
