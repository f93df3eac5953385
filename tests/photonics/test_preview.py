"""Files of a layout: the same content in both formats, layer properties, its picture."""

import klayout.db as kdb
import klayout.lay as lay
import numpy as np
import pytest

from lightloom.photonics import preview, tech
from lightloom.photonics.layer_map import LayerMap
from lightloom.photonics.pictures import overview, scene
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.design import Switch


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("preview")
    chip = switch_chip(Switch(ports=4))
    for suffix in ("gds", "oas"):
        preview.write_layout(chip.component, directory / f"chip.{suffix}")
    preview.write_lyp(directory / "chip.lyp")
    preview.write_png(directory / "chip.gds", directory / "chip.png")
    return directory


def test_both_formats_hold_the_whole_layout(files, regions, texts):
    chip = switch_chip(Switch(ports=4))
    drawn = regions(chip.component)
    for suffix in ("gds", "oas"):
        layout = kdb.Layout()
        layout.read(str(files / f"chip.{suffix}"))
        assert layout.dbu == tech.DBU_UM
        top = layout.top_cell()
        assert top.name == chip.netlist.chip
        for info in tech.LAYERS.values():
            index = layout.layer(*info.layer)
            written = kdb.Region(top.begin_shapes_rec(index))
            assert (written ^ drawn[info.layer]).count() == 0
            at, found = top.begin_shapes_rec(index), []
            at.shape_flags = kdb.Shapes.STexts
            while not at.at_end():
                text = at.shape().text.transformed(at.trans())
                found.append((text.string, text.x, text.y))
                at.next()
            expected = [(s, p.x, p.y) for s, p in texts(chip.component, info.layer)]
            assert sorted(found) == sorted(expected)


def layers_of(view):
    found, at = {}, view.begin_layers()
    while not at.at_end():
        node = at.current()
        found[node.name] = node.source, node.fill_color & 0xFFFFFF, node.visible
        assert node.frame_color == node.fill_color
        at.next()
    return found


def check_layers(found, infos):
    assert list(found) == list(tech.LAYERS)
    for name, info in infos.items():
        source, colour, visible = found[name]
        assert source.split("@")[0] == "{}/{}".format(*info.layer)
        assert colour == int(tech.LAYERS[name].colour[1:], 16)
        assert visible == (name not in ("DEVREC", "PIN"))


def test_layer_properties_name_every_layer(files):
    view = lay.LayoutView()
    view.load_layer_props(str(files / "chip.lyp"))
    check_layers(layers_of(view), tech.LAYERS)


def test_layout_opens_with_its_layer_properties(files):
    for suffix in ("gds", "oas"):
        view = lay.LayoutView()
        view.load_layout(str(files / f"chip.{suffix}"), False)
        view.load_layer_props(str(files / "chip.lyp"))
        check_layers(layers_of(view), tech.LAYERS)
        layout = view.active_cellview().layout()
        assert len(layout.layer_indexes()) > 8
        # Every layer of the file has its line, and each line that has shapes shows them.
        at, shown = view.begin_layers(), set()
        while not at.at_end():
            if at.current().layer_index() >= 0:
                shown.add(at.current().layer_index())
            at.next()
        assert shown == set(layout.layer_indexes())


FOUNDRY = LayerMap(
    layers={**{name: info.layer for name, info in tech.LAYERS.items()}, "WG": (30, 7), "M1": (1, 0)}
)


def test_layer_properties_of_a_layer_map(tmp_path):
    preview.write_lyp(tmp_path / "foundry.lyp", FOUNDRY.infos())
    view = lay.LayoutView()
    view.load_layer_props(str(tmp_path / "foundry.lyp"))
    found = layers_of(view)
    check_layers(found, FOUNDRY.infos())
    assert (found["WG"][0], found["M1"][0]) == ("30/7@1", "1/0@1")


def test_picture_of_a_renumbered_layout_is_the_same(files, tmp_path):
    layout = kdb.Layout()
    layout.read(str(files / "chip.gds"))
    FOUNDRY.to_foundry(layout)
    layout.write(str(tmp_path / "foundry.gds"))
    preview.write_png(tmp_path / "foundry.gds", tmp_path / "foundry.png", FOUNDRY)
    assert (tmp_path / "foundry.png").read_bytes() == (files / "chip.png").read_bytes()


def test_layer_properties_are_the_same_each_time(files, tmp_path):
    preview.write_lyp(tmp_path / "again.lyp")
    assert (tmp_path / "again.lyp").read_bytes() == (files / "chip.lyp").read_bytes()


def test_picture_is_a_sheet_of_the_chip(files):
    image = lay.PixelBuffer.read_png(str(files / "chip.png"))
    assert (image.width(), image.height()) == overview.draw(files / "chip.gds").size
    # White paper, and each layer of the legend in its own colour somewhere.
    values, counts = np.unique(
        np.frombuffer(image.to_bytes(), dtype="<u4", offset=8) & 0xFFFFFF, return_counts=True
    )
    assert values[counts.argmax()] == 0xFFFFFF
    for name in scene.read(files / "chip.gds").layers:
        assert int(tech.LAYERS[name].colour[1:], 16) in values, name


def test_window_magnifies(files, tmp_path):
    preview.write_window(files / "chip.gds", tmp_path / "part.png", (0.0, 0.0, 400.0, 100.0), 400)
    image = lay.PixelBuffer.read_png(str(tmp_path / "part.png"))
    assert (image.width(), image.height()) == (400, 100)
    pixels = {image.pixel(x, y) & 0xFFFFFF for x in range(400) for y in range(100)}
    assert int(tech.LAYERS["WG"].colour[1:], 16) in pixels


def test_pictures_are_what_klayout_shows_with_the_layer_properties(files, tmp_path):
    preview.write_window(files / "chip.gds", tmp_path / "part.png", (500, -100, 1100, 200), 600)
    picture = lay.PixelBuffer.read_png(str(tmp_path / "part.png"))
    view = lay.LayoutView()
    for key in ("grid-visible", "text-visible"):
        view.set_config(key, "false")
    view.set_config("background-color", "#ffffff")
    view.load_layout(str(files / "chip.gds"), False)
    view.load_layer_props(str(files / "chip.lyp"))
    view.max_hier()
    shown = view.get_pixels_with_options(600, 300, 2, 2, 0.5, kdb.DBox(500, -100, 1100, 200))
    rows = [np.frombuffer(b.to_bytes(), dtype="<u4", offset=8) & 0xFFFFFF for b in (picture, shown)]
    assert (rows[0] == rows[1]).all()
    assert len(set(rows[0].tolist())) > 20
