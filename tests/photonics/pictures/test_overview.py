"""Pictures of chips of every shape: what matplotlib really draws, measured."""

import re

import klayout.db as kdb
import numpy as np
import pytest
from matplotlib.text import Text

from lightloom.photonics import tech
from lightloom.photonics.pictures import overview, scene
from lightloom.photonics.pictures.sheet import SMALLEST

CHIPS = ["benes4", "benes32", "crossbar8", "bumps8", "ring2", "mzm3", "wdm4"]


@pytest.fixture(scope="module")
def drawn(chip_file):
    """The picture of a chip: sheet, drawn texts with their extents, pixels."""
    made = {}

    def draw(name):
        if name not in made:
            sheet = overview.draw(chip_file(name)[0])
            figure = sheet.figure()
            figure.canvas.draw()
            renderer = figure.canvas.get_renderer()
            texts = [
                (text.get_text(), text.get_window_extent(renderer), text.get_fontsize() / 0.72)
                for text in figure.findobj(Text)
                if text.get_text()
            ]
            made[name] = sheet, texts, np.asarray(figure.canvas.buffer_rgba())[..., :3]
        return made[name]

    return draw


@pytest.mark.parametrize("name", CHIPS)
def test_no_text_overlaps_another_and_all_are_on_the_sheet(drawn, name):
    sheet, texts, image = drawn(name)
    assert image.shape[:2] == sheet.size[::-1]
    x1, y1, x2, y2 = np.array([[b.x0, b.y0, b.x1, b.y1] for _, b, _ in texts]).T
    meet = (x1[:, None] < x2) & (x1 < x2[:, None]) & (y1[:, None] < y2) & (y1 < y2[:, None])
    np.fill_diagonal(meet, False)
    assert [(texts[i][0], texts[j][0]) for i, j in np.argwhere(meet)] == []
    assert min(x1.min(), y1.min()) >= 0
    assert x2.max() <= sheet.size[0]
    assert y2.max() <= sheet.size[1]
    assert min(size for _, _, size in texts) >= SMALLEST - 1e-9


@pytest.mark.parametrize("name", CHIPS)
def test_boxes_that_were_planned_hold_the_texts(drawn, name):
    sheet, texts, _ = drawn(name)
    assert len(sheet.boxes) == len(texts)
    for (text, box), (same, extent, _) in zip(sheet.boxes, texts, strict=True):
        assert text == same
        assert extent.x0 >= box.x1 - 2
        assert extent.x1 <= box.x2 + 2
        assert sheet.size[1] - extent.y1 >= box.y1 - 2
        assert sheet.size[1] - extent.y0 <= box.y2 + 2


@pytest.mark.parametrize("name", CHIPS[:-1])
def test_every_port_is_named(chip_file, drawn, name):
    # In the picture of the whole, or in a close-up of a part that repeats.
    path, _ = chip_file(name)
    texts = " ".join(text for text, _, _ in drawn(name)[1])
    found = [label.text for label in scene.read(path).names]
    if name in ("ring2", "mzm3"):
        found = [label for label in found if "0" in label or label.startswith(("laser", "tx"))]
        found = [f for f in found if not f.startswith(("mod0", "pd0", "bias0", "heat0"))]
        assert re.search(r"mod1_|mod1_low/sig/up", texts)
    missing = [label for label in found if not re.search(rf"\b{label}\b", texts)]
    assert missing == []


@pytest.mark.parametrize("name", CHIPS)
def test_head_and_legend(chip_file, drawn, name):
    path, chip = chip_file(name)
    texts = [text for text, _, _ in drawn(name)[1]]
    width, height = (side / 1000 for side in chip.size_um)
    assert chip.netlist.chip in texts
    assert f"{width:.3g} \u00d7 {height:.3g} mm" in texts
    for layer in scene.read(path).layers:
        assert layer in texts
        assert tech.LAYERS[layer].what in texts


@pytest.mark.parametrize("name", ["benes4", "mzm3"])
def test_places_on_the_sheet_are_those_of_the_layout(chip_file, drawn, name):
    path, _ = chip_file(name)
    _, texts, image = drawn(name)
    grey = [int(tech.LAYERS["DICE"].colour[i : i + 2], 16) for i in (1, 3, 5)]
    outline = np.abs(image.astype(int) - grey).max(axis=2) < 12
    top = int(np.flatnonzero(outline.sum(axis=1) > 500)[0])
    left = int(np.flatnonzero(outline.sum(axis=0) > 100)[0])
    extents = {text: box for text, box, _ in texts}
    bar = next(t for t in texts if re.fullmatch(r"[125]0* (mm|\u00b5m)", t[0]))
    number, unit = bar[0].split()
    length = float(number) * (1000 if unit == "mm" else 1)
    row = image[round(image.shape[0] - (bar[1].y0 + bar[1].y1) / 2)]
    dark = np.flatnonzero((row < 60).all(axis=1)[: round(bar[1].x0) - 3])
    scale = (dark[-1] - dark[0] + 1) / length
    facet = {n.text: n for n in scene.read(path).names if n.side == "west"}
    die = scene.read(path).die
    for text, label in facet.items():
        y = image.shape[0] - (extents[text].y0 + extents[text].y1) / 2
        assert y == pytest.approx(top + (die.top - label.y_um) * scale, abs=6)
    red = [int(tech.LAYERS["WG"].colour[i : i + 2], 16) for i in (1, 3, 5)]
    near = np.argwhere(np.abs(image.astype(int) - red).max(axis=2) < 90)
    at_edge = near[(near[:, 1] > left) & (near[:, 1] < left + 20)][:, 0]
    for label in facet.values():
        assert np.abs(at_edge - (top + (die.top - label.y_um) * scale)).min() <= 4


def test_equal_layouts_give_equal_pictures(chip_file):
    path, _ = chip_file("ring2")
    assert overview.draw(path).png() == overview.draw(path).png()


def row_of_pads(path, pitch_um, count, width_um):
    """A die with a row of named pads along its north edge, and nothing else."""
    layout = kdb.Layout()
    top = layout.create_cell("row")
    die = kdb.DBox(0, -1000, width_um, 1000)
    top.shapes(layout.layer(*tech.DICE)).insert(die)
    for i in range(count):
        x = width_um / 2 + (i - (count - 1) / 2) * pitch_um
        pad = kdb.DBox(x - pitch_um * 0.4, 880, x + pitch_um * 0.4, 940)
        for layer in (tech.M2, tech.PAD):
            top.shapes(layout.layer(*layer)).insert(pad)
        text = kdb.DText(f"pad_{i}", kdb.DTrans(kdb.DVector(x, 910)))
        top.shapes(layout.layer(*tech.LABEL)).insert(text)
    layout.write(str(path))


def test_a_chip_is_drawn_larger_to_name_all_its_pads(tmp_path):
    row_of_pads(tmp_path / "row.gds", 110.0, 210, 24000.0)
    sheet = overview.draw(tmp_path / "row.gds")
    texts = [text for text, _ in sheet.boxes]
    assert {f"pad_{i}" for i in range(210)} <= set(texts)
    assert not any("not every name" in text for text in texts)
    assert sheet.size[0] < overview.LARGEST_PX + 300


def test_names_that_fit_at_no_size_are_in_a_close_up(tmp_path):
    row_of_pads(tmp_path / "row.gds", 40.0, 500, 21000.0)
    sheet = overview.draw(tmp_path / "row.gds")
    texts = [text for text, _ in sheet.boxes]
    assert any("not every name fits" in text for text in texts)
    assert "A  pads" in texts
    beside = [text for text, box in sheet.boxes if text.startswith("pad_") and box.y2 < 300]
    assert 100 < len(beside) < 500
    # Pads next to each other, all named, in the close-up.
    close = [int(t[4:]) for t, box in sheet.boxes if t.startswith("pad_") and box.y1 > 300]
    assert len(close) >= 10
    assert sorted(close) == list(range(min(close), max(close) + 1))


def test_a_text_too_small_to_read_is_refused(drawn):
    sheet, _, _ = drawn("benes4")
    with pytest.raises(ValueError, match=r"text of 6 pixels; allowed: at least 10"):
        sheet.text(0, 0, "tiny", 6)
