"""Rules about wires, metal, labels and places, each broken in a chip that is otherwise clean."""

import math

import klayout.db as kdb
import pytest

from lightloom.photonics import netlist as netlists
from lightloom.photonics import preview, tech
from lightloom.photonics.checks import compare, drc, extract, lvs, lvs_devices, stubs
from lightloom.photonics.checks.chip import Chip, open_chip
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.design import Switch

UM = 1000


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """File and netlist of a 4x4 switch."""
    folder = tmp_path_factory.mktemp("rules")
    made = switch_chip(Switch(ports=4))
    gds, yml = folder / "switch.gds", folder / "switch.yml"
    preview.write_layout(made.component, gds)
    made.netlist.write(yml)
    return gds, netlists.read(yml)


class Draft:
    """A flat copy to spoil; coordinates in database units."""

    def __init__(self, gds):
        self.layout = kdb.Layout()
        self.layout.read(str(gds))
        self.top = self.layout.top_cell()
        self.top.flatten(-1, True)

    def shapes(self, layer):
        return self.top.shapes(self.layout.layer(*layer))

    def add(self, layer, *corners):
        self.shapes(layer).insert(kdb.Box(*corners))

    def cut(self, layer, *corners):
        shapes = self.shapes(layer)
        texts = [shape.text for shape in shapes.each() if shape.is_text()]
        left = kdb.Region(shapes).merged() - kdb.Region(kdb.Box(*corners))
        shapes.clear()
        shapes.insert(left)
        for text in texts:
            shapes.insert(text)

    def move_text(self, layer, string, dx, dy):
        for shape in self.shapes(layer).each():
            if shape.is_text() and shape.text.string == string:
                shape.transform(kdb.Trans(dx, dy))

    def lvs(self, intended):
        return lvs.check_extraction(extract.extract_chip(Chip(self.layout, "x")), intended)

    def drc(self):
        return drc.check_chip(Chip(self.layout, "x"))


@pytest.fixture
def draft(clean):
    return Draft(clean[0])


@pytest.fixture(scope="module")
def whole(clean):
    return extract.extract_chip(open_chip(clean[0]))


def device(clean, whole, name):
    """An extracted device by its intended name."""
    return whole.devices[compare.match(clean[1], whole.netlist)[name]]


def found(verdict, rule, at, near=5.0):
    """Messages of a rule near a place in um; the rule is in the verdict's list."""
    assert rule in dict(verdict.rules)
    return [
        f.message
        for f in verdict.findings
        if f.rule == rule and math.hypot(f.x_um - at[0], f.y_um - at[1]) <= near
    ]


def um(point):
    return point.x / UM, point.y / UM


def straight(whole):
    """Box of a long straight wire."""
    boxes = (guide.polygon.bbox() for guide in whole.guides.values())
    return next(box for box in boxes if box.height() == 420 and box.width() > 100 * UM)


# Wires -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [(0, 1), (0, -1)])
def test_a_device_a_grid_step_aside_meets_its_wires_off(clean, whole, step):
    draft = Draft(clean[0])
    coupler = device(clean, whole, "m0_0.in")
    box = kdb.Region(coupler.outline.bbox())
    for layer in (tech.WG, tech.DEVREC, tech.PIN):
        shapes = draft.shapes(layer)
        region = kdb.Region(shapes).merged()
        inside, outside = region.andnot(box)
        texts = [shape.text for shape in shapes.each() if shape.is_text()]
        shapes.clear()
        shapes.insert(outside)
        shapes.insert(inside.moved(*step))
        for text in texts:
            within = coupler.outline.bbox().contains(kdb.Point(text.x, text.y))
            shapes.insert(text.moved(*step) if within else text)
    verdict = draft.lvs(clean[1])
    for port in coupler.ports.values():
        assert "m0_0.in," + port.name + ": waveguide is 0.001 um off" in found(
            verdict, "WIRE", um(port.point), 0.01
        )
    assert found(verdict, "PLACE", um(coupler.centre))


def test_a_waveguide_at_the_side_of_a_device(draft, clean, whole):
    box = device(clean, whole, "m0_0.in").outline.bbox()
    x, y = box.center().x, box.top
    draft.add(tech.WG, x - 210, y, x + 210, y + 5000)
    verdict = draft.lvs(clean[1])
    assert found(verdict, "WIRE", (x / UM, y / UM)) == [
        "m0_0.in: waveguide touches the device where it has no pin"
    ]


def test_a_waveguide_that_leaves_a_device_at_its_side(draft, clean, whole):
    box = device(clean, whole, "m0_0.in").outline.bbox()
    x, y = box.center().x, box.top
    draft.add(tech.WG, x - 210, y - 500, x + 210, y)
    assert "waveguide leaves the device" in str(
        found(draft.lvs(clean[1]), "WIRE", (x / UM, y / UM))
    )


def test_a_waveguide_that_splits_and_joins_again(draft, clean, whole):
    box = straight(whole)
    x, y = box.center().x, box.top
    for corners in (
        (x - 9000, y, x - 8580, y + 3000),
        (x + 8580, y, x + 9000, y + 3000),
        (x - 9000, y + 2580, x + 9000, y + 3000),
    ):
        draft.add(tech.WG, *corners)
    assert any("not one strip" in f.message for f in draft.lvs(clean[1]).findings)


def test_a_waveguide_beside_another(draft, clean, whole):
    box = straight(whole)
    middle = box.center().x
    draft.add(tech.WG, middle - 30_000, box.top + 800, middle + 30_000, box.top + 1220)
    messages = found(draft.lvs(clean[1]), "WIRE", (middle / UM, box.top / UM), 40.0)
    assert messages == ["waveguides 0.800 um apart; allowed: 1.5 um or more"]


# Devices and what is around them ---------------------------------------------------------------


def test_metal_over_an_edge_coupler(draft, clean, whole):
    centre = device(clean, whole, "ec_in1").centre
    draft.add(tech.M2, centre.x - 4000, centre.y - 4000, centre.x + 4000, centre.y + 4000)
    messages = found(draft.lvs(clean[1]), "DEVICE", um(centre))
    assert messages == ["ec_in1: M2 over or under it"]


@pytest.mark.parametrize("layer", [tech.HEATER, tech.SLAB, tech.GE, tech.UNDERCUT, tech.CONTACT])
def test_a_layer_of_devices_outside_of_all(draft, clean, layer):
    draft.add(layer, 40_000, 300_000, 48_000, 308_000)
    messages = found(draft.lvs(clean[1]), "DEVICE", (44.0, 304.0))
    assert messages == [f"{tech.NAMES[layer]} outside every device"]


def test_a_device_unlike_its_like_in_a_layer_that_nothing_measures(draft, clean, whole):
    crossing = device(clean, whole, "x0_0_1")
    # Four bumps in the corners between the arms of one crossing: it is as symmetric as before.
    x, y = crossing.centre.x, crossing.centre.y
    for sign in (1, -1):
        low, high = sorted((sign * 600, sign * 1400))
        draft.add(tech.WG, x - 150, y + low, x + 150, y + high)
        draft.add(tech.WG, x + low, y - 150, x + high, y + 150)
    messages = found(draft.lvs(clean[1]), "UNEQUAL", um(crossing.centre))
    assert len(messages) == 1
    assert "crossing x0_0_1: WG differs here" in messages[0]


# Labels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", ["in0", "h0_0"])
def test_a_label_a_grid_step_off(draft, clean, label):
    draft.move_text(tech.LABEL, label, 1, 0)
    (finding,) = draft.lvs(clean[1]).findings
    assert finding.rule == "LABEL"
    assert f"label {label} is 0.001 um off" in finding.message


def test_a_label_beside_its_pad(draft, clean):
    draft.move_text(tech.LABEL, "h0_0", 0, 38_500)
    rules = {(f.rule, f.message.split(" at ")[0]) for f in draft.lvs(clean[1]).findings}
    assert ("LABEL", "label h0_0 is on no optical pin, PAD or BUMP") in rules
    assert ("EXTRA", "PAD or BUMP without a label") in rules


def test_two_labels_of_one_name(draft, clean):
    for shape in draft.shapes(tech.LABEL).each():
        if shape.is_text() and shape.text.string == "gnd1":
            text = shape.text
            text.string = "gnd0"
            shape.text = text
    assert any(f.message == "two labels gnd0" for f in draft.lvs(clean[1]).findings)


def test_a_facet_inside_the_die(draft, clean):
    draft.shapes(tech.DICE).clear()
    draft.add(tech.DICE, -500, -317_500, 2_740_000, 317_500)
    messages = [f.message for f in draft.lvs(clean[1]).findings]
    assert messages.count("facet of in0 is not on the edge of the die") == 1
    assert len(messages) == 8


# Metal -------------------------------------------------------------------------------------------


def test_metal_that_joins_nothing(draft, clean):
    draft.add(tech.M2, 40_000, 290_000, 60_000, 300_000)
    assert found(draft.lvs(clean[1]), "EXTRA", (50.0, 295.0)) == ["metal that joins nothing"]


def bus(whole):
    """Box of the tallest piece of M2: a ground bus."""
    pieces = whole.nets["gnd0"].shapes["M2"]
    return max((p.bbox() for p in pieces), key=lambda box: box.height())


def test_a_bus_that_is_cut_where_the_mesh_goes_around(draft, clean, whole):
    box = bus(whole)
    y = 0
    draft.cut(tech.M2, box.left - 5000, y - 2000, box.right + 5000, y + 2000)
    verdict = draft.lvs(clean[1])
    middle = box.center().x / UM
    ends = found(verdict, "STUB", (middle, y / UM), 25.0)
    assert "M2 line that ends at nothing" in ends
    assert "net gnd has 1 loops of metal; intended 2" in str(verdict.findings)
    assert "OPEN" not in verdict.counts()


def test_a_joint_of_the_mesh_that_is_missing(draft, clean, whole):
    net = whole.nets["gnd0"]
    rails = sorted((p.bbox() for p in net.shapes["M1"]), key=lambda box: -box.width())[:2]
    rail = max(rails, key=lambda box: box.top)
    buses = sorted((p.bbox() for p in net.shapes["M2"]), key=lambda box: -box.height())[:3]
    middle = sorted(buses, key=lambda box: box.left)[1]
    joint = rail & middle
    draft.cut(tech.VIA, joint.left, joint.bottom, joint.right, joint.top)
    verdict = draft.lvs(clean[1])
    assert found(verdict, "LOOPS", um(joint.center())) == [
        "net gnd has 1 loops of metal; intended 2: a joint is missing"
    ]


def test_a_cut_of_a_group_that_is_missing(draft, clean, whole):
    cut = whole.nets["h0_0"].shapes["VIA"][0].bbox()
    draft.cut(tech.VIA, cut.left, cut.bottom, cut.right, cut.top)
    verdict = draft.lvs(clean[1])
    assert verdict.counts() == {"VIAS": 1}
    assert found(verdict, "VIAS", um(cut.center()), 0.01)


def test_a_line_narrower_than_meant(draft, clean, whole):
    pieces = whole.nets["h0_0"].shapes["M2"]
    line = max((edge for p in pieces for edge in p.each_edge()), key=lambda e: e.length())
    x, y = line.p1.x, (line.p1.y + line.p2.y) // 2
    draft.cut(tech.M2, x - 1000, y - 9000, x + 1000, y + 9000)
    messages = found(draft.lvs(clean[1]), "PARAMETER", (x / UM, y / UM), 10.0)
    assert messages == ["M2 line is 7.000 um wide here; intended 8 um"]


def test_a_step_in_the_side_of_a_line(draft, clean, whole):
    pieces = whole.nets["h0_0"].shapes["M2"]
    line = max((edge for p in pieces for edge in p.each_edge()), key=lambda e: e.length())
    x, y = line.p1.x, (line.p1.y + line.p2.y) // 2
    draft.add(tech.M2, x - 1, y - 9000, x + 1, y + 9000)
    messages = found(draft.lvs(clean[1]), "STUB", (x / UM, y / UM), 10.0)
    assert messages == ["M2 line with a step of 0.001 um in its side"] * 2
    assert stubs.STEP_UM > 0.001


def test_a_pin_that_is_meant_to_be_alone(clean, whole):
    meant = netlists.Netlist(**vars(clean[1]))
    meant.electrical = {k: v for k, v in clean[1].electrical.items() if k != "h0_0"}
    verdict = lvs.check_extraction(whole, meant)
    assert sorted(f.message for f in verdict.findings if f.rule == "EXTRA") == [
        "metal joins m0_0.heater,e1 to net h0_0; intended to nothing",
        "pad h0_0 on net h0_0",
    ]


# Files as a whole -------------------------------------------------------------------------------


def test_shapes_on_a_foreign_layer(draft):
    draft.add((200, 7), 0, 0, 10_000, 10_000)
    assert found(draft.drc(), "LAYER", (5.0, 5.0)) == [
        "shapes on layer 200/7; allowed: layers of the technology"
    ]


def test_a_chip_without_an_outline(draft):
    draft.shapes(tech.DICE).clear()
    assert [f.message for f in draft.drc().findings] == ["0 outlines of the die; allowed: 1, a box"]


@pytest.mark.parametrize("layer", [tech.WG, tech.PAD, tech.VIA, tech.SLAB])
def test_a_mask_outside_the_die(draft, layer):
    draft.add(layer, -60_000, 0, -10_000, 50_000)
    assert found(draft.drc(), f"{tech.NAMES[layer]}.die", (-35.0, 25.0))


# Tolerances --------------------------------------------------------------------------------------


def test_parameters_drawn_on_the_grid_are_compared_to_the_grid_step(clean, whole):
    """Intended values a grid step off are findings; half a step is rounding."""
    for step, wrong in ((0.001, True), (0.0005, False)):
        meant = netlists.Netlist(**vars(clean[1]))
        meant.instances = {
            name: netlists.Instance(
                one.type,
                {
                    key: value + (step if f"{one.type}.{key}" not in lvs_devices.TOLERANCE else 0)
                    for key, value in one.parameters.items()
                    if key != "undercut"
                },
                one.x_um,
                one.y_um,
            )
            for name, one in clean[1].instances.items()
        }
        counts = lvs.check_extraction(whole, meant).counts()
        assert ("PARAMETER" in counts) == wrong


def test_wires_are_compared_to_two_nanometres(clean, whole):
    for step, wrong in ((0.004, True), (0.0009, False)):
        meant = netlists.Netlist(**vars(clean[1]))
        meant.nets = {
            name: netlists.Wire(wire.pins, wire.length_um + step, wire.width_um)
            for name, wire in clean[1].nets.items()
            if wire.length_um < 100
        } | {name: wire for name, wire in clean[1].nets.items() if wire.length_um >= 100}
        counts = lvs.check_extraction(whole, meant).counts()
        assert ("PARAMETER" in counts) == wrong
