"""Every kind of mutation of a real switch chip must be found, at its place."""

import copy
import math
from dataclasses import dataclass

import klayout.db as kdb
import pytest

from lightloom.photonics import netlist as netlists
from lightloom.photonics import tech
from lightloom.photonics.checks import compare, drc, extract, locate, lvs
from lightloom.photonics.checks.chip import Chip
from lightloom.photonics.netlist import Instance, Netlist
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.base import DesignError
from lightloom.spec.design import Switch

NEAR_UM = 3.0


@dataclass
class Original:
    path: object
    netlist: Netlist
    extraction: extract.Extraction


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    directory = tmp_path_factory.mktemp("switch")
    made = switch_chip(Switch(ports=4))
    path = directory / "switch.gds"
    made.component.write_gds(path)
    file = directory / "switch.netlist.yml"
    made.netlist.write(file)
    return Original(path, netlists.read(file), extract.extract_chip(extract.open_chip(path)))


class Mutant:
    """A flat copy of the chip whose shapes can be changed; coordinates in um."""

    def __init__(self, path):
        self.layout = kdb.Layout()
        self.layout.read(str(path))
        self.top = self.layout.top_cell()
        self.top.flatten(-1, True)

    def shapes(self, layer):
        return self.top.shapes(self.layout.layer(*layer))

    def change(self, layer, add=(), remove=()):
        shapes = self.shapes(layer)
        texts = [shape.text for shape in shapes.each(kdb.Shapes.STexts)]
        region = kdb.Region(shapes).merged()
        region -= kdb.Region([self.box(*corners) for corners in remove])
        region += kdb.Region([self.box(*corners) for corners in add])
        shapes.clear()
        shapes.insert(region.merged())
        for text in texts:
            shapes.insert(text)

    def box(self, x0, y0, x1, y1):
        return kdb.Polygon(kdb.Box(*(round(v / self.layout.dbu) for v in (x0, y0, x1, y1))))

    def polygon(self, layer, points):
        self.shapes(layer).insert(kdb.DPolygon([kdb.DPoint(*p) for p in points]))

    def relabel(self, change):
        shapes = self.shapes(tech.LABEL)
        texts = [shape.text for shape in shapes.each(kdb.Shapes.STexts)]
        shapes.clear()
        for text in texts:
            text.string = change.get(text.string, text.string)
            shapes.insert(text)

    def erase(self, x0, y0, x1, y1):
        """Remove every shape and text inside a box, on all layers."""
        box = self.box(x0, y0, x1, y1).bbox()
        for index in self.layout.layer_indexes():
            shapes = self.top.shapes(index)
            for shape in [s for s in shapes.each() if s.bbox().inside(box)]:
                shapes.erase(shape)

    def chip(self):
        return Chip(self.layout, "mutant")

    def lvs(self, netlist):
        return lvs.check_extraction(extract.extract_chip(self.chip()), netlist)


@pytest.fixture
def mutant(original):
    return Mutant(original.path)


def wire_between(original, first, second):
    """Extracted wire of two intended pins and its place."""
    match = {
        name: other
        for name, other in compare.match(original.netlist, original.extraction.netlist).items()
    }
    wanted = {(match[first[0]], first[1]), (match[second[0]], second[1])}
    return next(w for w in original.extraction.netlist.nets.values() if set(w.pins) == wanted)


def assert_found(verdict, rule, x, y, text=""):
    assert not verdict.clean
    hits = [
        f
        for f in verdict.findings
        if f.rule == rule and math.hypot(f.x_um - x, f.y_um - y) < NEAR_UM and text in f.message
    ]
    assert hits, (
        f"no {rule} near ({x:.1f}, {y:.1f}) with {text!r} in {[*map(str, verdict.findings)]}"
    )


def test_clean_chip_has_no_finding(original):
    assert lvs.check(original.path, original.netlist).findings == ()
    assert drc.check(original.path).findings == ()


def test_flattened_chip_has_no_finding(original, mutant):
    assert mutant.lvs(original.netlist).findings == ()


def test_netlist_without_places_is_matched_by_structure(original, mutant):
    for instance in original.netlist.instances.values():
        assert instance.x_um is not None
    bare = Netlist(
        original.netlist.chip,
        original.netlist.ports,
        {n: Instance(i.type, i.parameters) for n, i in original.netlist.instances.items()},
        original.netlist.nets,
        original.netlist.electrical,
    )
    assert mutant.lvs(bare).findings == ()


# One cell further down: half of the devices are where another of their type is meant to be.
@pytest.mark.parametrize("shift", [(1000.0, -500.0), (0.0, -80.0)])
def test_netlist_in_other_coordinates_is_matched_by_structure(original, mutant, shift):
    moved = Netlist(
        original.netlist.chip,
        original.netlist.ports,
        {
            n: Instance(i.type, i.parameters, i.x_um + shift[0], i.y_um + shift[1])
            for n, i in original.netlist.instances.items()
        },
        original.netlist.nets,
        original.netlist.electrical,
    )
    assert mutant.lvs(moved).findings == ()


@pytest.mark.parametrize("with_places", [True, False])
def test_waveguides_that_go_to_each_others_pins(original, with_places):
    # The layout is right; the netlist means the light of two cells to be exchanged.
    meant = copy.deepcopy(original.netlist)
    one, two = (
        next(w for w in meant.nets.values() if ("m0_0.out", "o3") in w.pins),
        next(w for w in meant.nets.values() if ("m0_1.out", "o4") in w.pins),
    )
    assert len(one.pins) == len(two.pins) == 2
    one.pins[1], two.pins[1] = two.pins[1], one.pins[1]
    if not with_places:
        for instance in meant.instances.values():
            instance.x_um = instance.y_um = None
    verdict = lvs.check_extraction(original.extraction, meant)
    swapped = [f for f in verdict.findings if f.rule == "SWAPPED"]
    assert len(swapped) >= 2
    if with_places:
        assert verdict.counts() == {"SWAPPED": 2}
        assert any(
            "waveguide from" in f.message
            and "m0_0.out,o3" in f.message
            and f"intended {','.join(one.pins[1])}" in f.message
            for f in swapped
        )


def test_cut_waveguide(original, mutant):
    wire = wire_between(original, ("m0_1.in", "o4"), ("m0_1.out", "o1"))
    mutant.change(tech.WG, remove=[(wire.x_um, wire.y_um - 2, wire.x_um + 1, wire.y_um + 2)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "OPEN", wire.x_um, wire.y_um, "m0_1.in,o4")
    assert set(verdict.counts()) == {"OPEN"}


def test_bridged_waveguides(original, mutant):
    one = wire_between(original, ("m1_0.in", "o4"), ("m1_0.out", "o1"))
    two = wire_between(original, ("m1_1.in", "o3"), ("m1_1.heater", "o1"))
    x = two.x_um
    low, high = sorted((one.y_um, two.y_um))
    mutant.change(tech.WG, add=[(x - 0.2, low, x + 0.2, high)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "SHORT", x, (low + high) / 2, "m1_0.in,o4")
    assert verdict.counts() == {"SHORT": 1}


def test_crossed_waveguides(original, mutant):
    # Two parallel wires cut and joined crosswise, without a crossing device.
    one = wire_between(original, ("m2_0.in", "o4"), ("m2_0.out", "o1"))
    two = wire_between(original, ("m2_1.in", "o3"), ("m2_1.heater", "o1"))
    x, (low, high) = two.x_um, sorted((one.y_um, two.y_um))
    gap = [(x - 3, y - 1, x + 3, y + 1) for y in (low, high)]
    mutant.change(tech.WG, remove=gap)
    for start, stop in ((low, high), (high, low)):
        ends = [(x - 3, start - 0.21), (x - 3, start + 0.21), (x + 3, stop + 0.21)]
        mutant.polygon(tech.WG, [*ends, (x + 3, stop - 0.21)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "SHORT", x, (low + high) / 2)


def test_missing_crossing(original, mutant):
    name = next(n for n, i in original.netlist.instances.items() if i.type == "crossing")
    x, y = original.netlist.instances[name].x_um, original.netlist.instances[name].y_um
    mutant.erase(x - 13.5, y - 13.5, x + 13.5, y + 13.5)
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "MISSING", x, y, name)
    assert set(verdict.counts()) == {"MISSING"}


def test_swapped_heaters(original, mutant):
    mutant.relabel({"h0_0": "h0_1", "h0_1": "h0_0"})
    verdict = mutant.lvs(original.netlist)
    for mine, other in (("h0_0", "h0_1"), ("h0_1", "h0_0")):
        name = f"m{mine[1:]}.heater"
        heater = original.netlist.instances[name]
        hits = [f for f in verdict.findings if f.rule == "SWAPPED" and name in f.message]
        assert len(hits) == 1
        assert math.hypot(hits[0].x_um - heater.x_um, hits[0].y_um - heater.y_um) < 150
        assert f"is on net {other}" in hits[0].message
    assert verdict.counts() == {"SWAPPED": 2}


def test_swapped_optical_ports(original, mutant):
    mutant.relabel({"out2": "out3", "out3": "out2"})
    verdict = mutant.lvs(original.netlist)
    assert verdict.counts() == {"SWAPPED": 2}
    assert any(
        "optical port out3 at ec_out2,o2; intended ec_out3,o2" in str(f) for f in verdict.findings
    )


def test_metal_short(original, mutant):
    nets = original.extraction.nets
    edges = [locate.edges(nets[name].shapes["M1"]) for name in ("h1_0", "gnd0")]
    distance, x, y = (v * 0.001 for v in locate.closest(*edges))
    reach = distance / 2 + 0.5
    mutant.change(tech.M1, add=[(x, y - reach, x + 1, y + reach)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "SHORT", x, y, "metal joins nets gnd and h1_0")
    assert verdict.counts() == {"SHORT": 1}


def route_of(original, net, layer):
    """Middle of the longest edge of a net's metal, and whether it runs along x."""
    edges = [e for p in original.extraction.nets[net].shapes[layer] for e in p.each_edge()]
    edge = max(edges, key=lambda e: e.length())
    return (edge.x1 + edge.x2) / 2000, (edge.y1 + edge.y2) / 2000, abs(edge.dx()) > abs(edge.dy())


@pytest.mark.parametrize("net", ["h0_0", "h2_1"])
def test_cut_metal(original, mutant, net):
    layer = "M2" if "M2" in original.extraction.nets[net].shapes else "M1"
    layer = max(
        ("M1", "M2"),
        key=lambda name: max(
            (
                e.length()
                for p in original.extraction.nets[net].shapes.get(name, ())
                for e in p.each_edge()
            ),
            default=0,
        ),
    )
    x, y, along = route_of(original, net, layer)
    box = (x, y - 15, x + 2, y + 15) if along else (x - 15, y, x + 15, y + 2)
    mutant.change(getattr(tech, layer), remove=[box])
    verdict = mutant.lvs(original.netlist)
    assert any(
        f.rule == "OPEN"
        and abs((f.x_um - x) if along else (f.y_um - y)) < NEAR_UM
        and net in f.message
        for f in verdict.findings
    ), [*map(str, verdict.findings)]


def test_missing_via(original, mutant):
    name = "h0_0"
    via = original.extraction.nets[name].shapes["VIA"]
    boxes = [v.bbox() for v in via]
    mutant.change(
        tech.VIA,
        remove=[tuple(c * 0.001 for c in (b.left, b.bottom, b.right, b.top)) for b in boxes],
    )
    verdict = mutant.lvs(original.netlist)
    assert "OPEN" in verdict.counts()
    finding = next(f for f in verdict.findings if f.rule == "OPEN")
    near = min(
        math.hypot(finding.x_um - b.center().x / 1000, finding.y_um - b.center().y / 1000)
        for b in boxes
    )
    assert near < 15


def test_broken_heater_film(original, mutant):
    heater = original.netlist.instances["m1_1.heater"]
    x, y = heater.x_um - 40, heater.y_um
    mutant.change(tech.HEATER, remove=[(x - 1, y - 3, x + 1, y + 3)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "DEVICE", x, y, "heater open between e1 and e2")
    assert verdict.counts() == {"DEVICE": 1}


def test_heater_without_contacts(original, mutant):
    heater = original.netlist.instances["m1_1.heater"]
    x, y = heater.x_um, heater.y_um
    mutant.change(tech.VIAH, remove=[(x, y - 20, x + 150, y + 20)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "DEVICE", x, y, "m1_1.heater: heater_waveguide: heater open")


def test_shorted_heater(original, mutant):
    heater = original.netlist.instances["m1_1.heater"]
    x, y = heater.x_um, heater.y_um
    mutant.change(tech.M1, add=[(x - 110, y - 1, x + 110, y + 1)])
    verdict = mutant.lvs(original.netlist)
    assert any(f.rule == "DEVICE" and "heater shorted" in f.message for f in verdict.findings)
    assert_found(verdict, "SHORT", x, y, "metal joins nets gnd and h1_1")


def test_cut_under_a_heater(original, mutant):
    heater = original.netlist.instances["m0_0.heater"]
    x, y = heater.x_um + 30, heater.y_um
    mutant.change(tech.WG, remove=[(x, y - 1, x + 1, y + 1)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "DEVICE", x, y, "m0_0.heater: heater_waveguide: waveguide open")
    assert verdict.counts() == {"DEVICE": 1}


def test_cut_inside_a_coupler(original, mutant):
    coupler = original.netlist.instances["m1_1.in"]
    x, y = coupler.x_um, coupler.y_um
    mutant.change(tech.WG, remove=[(x - 1, y, x + 1, y + 3)])
    assert_found(mutant.lvs(original.netlist), "DEVICE", x, y, "waveguide open between o2 and o3")


def test_coupler_arms_that_touch(original, mutant):
    coupler = original.netlist.instances["m1_1.in"]
    x, y = coupler.x_um + 4, coupler.y_um
    mutant.change(tech.WG, add=[(x - 1, y - 0.2, x + 1, y + 0.2)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "DEVICE", x, y, "waveguide of o1 and o4 also joins o2 and o3")
    assert verdict.counts() == {"DEVICE": 1}


def test_wrong_gap_length_and_imbalance(original, tmp_path):
    path = tmp_path / "other.gds"
    other = Switch(ports=4, coupler_gap_um=0.203, coupler_length_um=12.2, heater_length_um=200.1)
    switch_chip(other).component.write_gds(path)
    verdict = lvs.check(path, original.netlist)
    assert verdict.counts().keys() >= {"PARAMETER"}
    texts = [f.message for f in verdict.findings if f.rule == "PARAMETER"]
    for key, value in (("gap_um", 0.203), ("length_um", 12.2), ("heater_length_um", 200.1)):
        found = [float(t.split(f" {key} = ")[1].split(";")[0]) for t in texts if f" {key} = " in t]
        assert any(abs(one - value) < 0.001 for one in found), key


def test_stray_waveguide_and_device(original, mutant):
    mutant.change(tech.WG, add=[(600.0, 230.0, 640.0, 230.42)])
    assert_found(mutant.lvs(original.netlist), "EXTRA", 620, 230.2, "joins nothing")


def test_shifted_waveguide_meets_its_pin_partly(original, mutant):
    wire = wire_between(original, ("m0_0.in", "o3"), ("m0_0.heater", "o1"))
    x0, x1, y = wire.x_um - 5, wire.x_um + 5, wire.y_um
    mutant.change(tech.WG, remove=[(x0, y - 1, x1, y + 1)])
    mutant.change(tech.WG, add=[(x0, y - 0.16, x1, y + 0.26)])
    verdict = mutant.lvs(original.netlist)
    assert_found(verdict, "WIRE", x0, y, "m0_0.in,o3: waveguide is 0.050 um off")


def test_width_below_the_rule(mutant, original):
    wire = wire_between(original, ("m0_1.in", "o4"), ("m0_1.out", "o1"))
    x, y = wire.x_um, wire.y_um
    mutant.change(tech.WG, remove=[(x - 0.5, y - 1, x + 0.5, y + 0.09)])
    verdict = drc.check_chip(mutant.chip())
    assert verdict.counts() == {"WG.width": 1}
    assert_found(verdict, "WG.width", x, y, "0.120 um; allowed: 0.15 um")


def test_wire_with_the_wrong_number_of_pins_is_refused(original):
    wires = dict(original.netlist.nets)
    first = next(iter(wires))
    wires[first] = netlists.Wire(wires[first].pins[:1])
    bad = Netlist("x", {}, original.netlist.instances, wires)
    with pytest.raises(DesignError, match=f"nets.{first}: 1 pins; allowed: 2"):
        lvs.check_extraction(original.extraction, bad)
