"""Files of a layout: same content in both formats, layer properties, a picture that shows it."""

import klayout.db as kdb
import klayout.lay as lay
import pytest

from lightloom.photonics import preview, tech
from lightloom.photonics.fabric import switch_chip
from lightloom.spec.design import Switch


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("preview")
    chip = switch_chip(Switch(ports=4))
    for suffix in ("gds", "oas"):
        preview.write_layout(chip.component, directory / f"chip.{suffix}")
    preview.write_lyp(directory / "chip.lyp")
    preview.write_png(directory / "chip.gds", directory / "chip.png", width=800)
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


def test_layer_properties_name_every_layer(files):
    view = lay.LayoutView()
    view.load_layer_props(str(files / "chip.lyp"))
    found, at = {}, view.begin_layers()
    while not at.at_end():
        node = at.current()
        found[node.name] = node.source, node.fill_color & 0xFFFFFF, node.visible
        at.next()
    assert list(found) == list(tech.LAYERS)
    for name, info in tech.LAYERS.items():
        source, colour, visible = found[name]
        assert source.split("@")[0] == "{}/{}".format(*info.layer)
        assert colour == int(info.colour[1:], 16)
        assert visible


def test_layer_properties_are_the_same_each_time(files, tmp_path):
    preview.write_lyp(tmp_path / "again.lyp")
    assert (tmp_path / "again.lyp").read_bytes() == (files / "chip.lyp").read_bytes()


def test_picture_shows_the_chip(files):
    image = lay.PixelBuffer.read_png(str(files / "chip.png"))
    assert image.width() == 800
    width, height = switch_chip(Switch(ports=4)).size_um
    assert image.height() / 800 == pytest.approx((height + 0.04 * width) / (1.04 * width), abs=0.01)
    pixels = {
        (x, y): image.pixel(x, y) & 0xFFFFFF
        for x in range(image.width())
        for y in range(image.height())
    }
    assert pixels[0, 0] == 0xFFFFFF
    reds = [at for at, p in pixels.items() if p >> 16 > 180 and (p >> 8) & 255 < 120]
    # Waveguides cross the picture from edge to edge.
    assert min(x for x, _ in reds) < 40
    assert max(x for x, _ in reds) > 760


def test_window_magnifies(files, tmp_path):
    preview.write_png(files / "chip.gds", tmp_path / "part.png", 400, 0.0, (0.0, 0.0, 400.0, 100.0))
    image = lay.PixelBuffer.read_png(str(tmp_path / "part.png"))
    assert (image.width(), image.height()) == (400, 100)
