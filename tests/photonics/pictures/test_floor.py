"""Drawings of floorplans of chips of every shape."""

import re
from xml.etree import ElementTree

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from lightloom.photonics.pictures import contacts, floor, floorplan, scene
from lightloom.photonics.pictures.labels import Box

SVG = "{http://www.w3.org/2000/svg}"
CHIPS = ["benes4", "benes32", "crossbar8", "bumps8", "ring2", "mzm3", "wdm4"]


@pytest.fixture(scope="module")
def drawn(chip_file):
    made = {}

    def draw(name):
        if name not in made:
            path, chip = chip_file(name)
            shown = scene.read(path)
            nets = {pad: net for net, c in chip.netlist.electrical.items() for pad in c.pads}
            rows = [
                f"{n.text},{n.x_um},{n.y_um},{nets[n.text]}" for n in shown.names if n.text in nets
            ]
            plan = floorplan.plan(
                chip.netlist, shown.die, "\n".join(["name,x_um,y_um,net", *rows, ""])
            )
            made[name] = plan, floor.draw(plan)
        return made[name]

    return draw


@pytest.mark.parametrize("name", CHIPS)
def test_no_text_overlaps_another_and_all_are_on_the_sheet(drawn, name):
    _, drawing = drawn(name)
    sheet = Box(0, 0, drawing.canvas.width, drawing.canvas.height)
    for i, (text, box) in enumerate(drawing.boxes):
        assert box.inside(sheet), text
        for other, where in drawing.boxes[i + 1 :]:
            assert not box.meets(where), f"{text} over {other}"


@pytest.mark.parametrize("name", CHIPS)
def test_texts_of_the_file_are_in_the_boxes_that_were_looked_at(drawn, name):
    # The file itself, with the widest of the usual typefaces.
    _, drawing = drawn(name)
    texts = list(ElementTree.fromstring(drawing.svg).iter(f"{SVG}text"))
    assert len(texts) == len(drawing.boxes)
    for element, (text, box) in zip(texts, drawing.boxes, strict=True):
        assert element.text == text
        size = float(element.get("font-size"))
        assert size >= floor.SMALLEST
        weight = "bold" if element.get("font-weight") == "600" else "normal"
        font = FontProperties(family="DejaVu Sans", weight=weight)
        shape = TextPath((0, 0), text, size=size, prop=font).get_extents()
        x, y = float(element.get("x")), float(element.get("y"))
        start = {"start": 0.0, "middle": -shape.x1 / 2, "end": -shape.x1}[
            element.get("text-anchor")
        ]
        if element.get("transform"):
            assert element.get("transform") == f"rotate(-90 {x:.2f} {y:.2f})"
            real = Box(x - shape.y1, y - start - shape.x1, x - shape.y0, y - start)
        else:
            real = Box(x + start, y - shape.y1, x + start + shape.x1, y - shape.y0)
        room = Box(box.x1 - 0.6, box.y1 - 0.6, box.x2 + 0.6, box.y2 + 0.6)
        assert real.inside(room), text


@pytest.mark.parametrize("name", CHIPS)
def test_everything_is_drawn_and_named(drawn, name):
    plan, drawing = drawn(name)
    texts = {text for text, _ in drawing.boxes}
    assert {port.name for port in plan.ports} <= texts
    tips = [e.text for e in ElementTree.fromstring(drawing.svg).iter(f"{SVG}title")]
    for block in plan.blocks:
        assert f"{block.name}: {block.kind.replace('_', ' ')}" in tips
    assert all(any(re.match(rf"{pad.name}\b", tip) for tip in tips) for pad in plan.pads)
    # Groups of contacts outside of the die, in short.
    if name == "benes32":
        assert {f"h{i}_0\u2026h{i}_7" for i in range(9)} <= texts
    assert any(text.endswith(f"{sum(not p.common for p in plan.pads)} contacts") for text in texts)


@pytest.mark.parametrize("name", CHIPS)
def test_places_are_to_scale(drawn, name):
    plan, drawing = drawn(name)
    root = ElementTree.fromstring(drawing.svg)
    rects = {
        rect.find(f"{SVG}title").text: [float(rect.get(k)) for k in ("x", "y", "width", "height")]
        for rect in root.iter(f"{SVG}rect")
        if rect.find(f"{SVG}title") is not None
    }
    outline = next(r for r in root.iter(f"{SVG}rect") if r.get("fill") == floor.TINT)
    x, y, width, height = (float(outline.get(k)) for k in ("x", "y", "width", "height"))
    scale = width / plan.die.width()
    assert height / plan.die.height() == pytest.approx(scale, rel=1e-3)
    for block in plan.blocks:
        left, top, wide, high = rects[f"{block.name}: {block.kind.replace('_', ' ')}"]
        middle = (block.x1 + block.x2) / 2, (block.y1 + block.y2) / 2
        assert left + wide / 2 == pytest.approx(x + (middle[0] - plan.die.left) * scale, abs=0.1)
        assert top + high / 2 == pytest.approx(y + (plan.die.top - middle[1]) * scale, abs=0.1)
        assert wide >= (block.x2 - block.x1) * scale - 0.1


def pad(name, x, y=0.0):
    return floorplan.Pad(name, x, y, name, False, None)


def test_contacts_that_are_named_together():
    row = [pad(f"h{i}_{j}", 100.0 * (3 * i + j)) for i in range(2) for j in range(3)]
    assert [[p.name for p in group] for group in contacts.in_row(row)] == [
        ["h0_0", "h0_1", "h0_2"],
        ["h1_0", "h1_1", "h1_2"],
    ]
    # One row with a gap; a grid is one group, a lone contact another.
    assert len(contacts.in_row([pad("a0", 0), pad("a1", 10), pad("a2", 200)])) == 2
    grid = [pad(f"g{i}{j}", 50.0 * i, 50.0 * j) for i in range(3) for j in range(3)]
    assert [len(group) for group in contacts.inside([*grid, pad("far", 900.0)])] == [9, 1]
    assert contacts.step(grid) == 50.0
    assert contacts.step(grid[:1]) == float("inf")
