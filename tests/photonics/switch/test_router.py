"""Electrical wiring of a switch: every heater reaches its own pad, all share one ground."""

import itertools

import klayout.db as kdb
import numpy as np
import pytest
from klayout import pex

from lightloom.photonics import tech
from lightloom.photonics.switch import contacts, router
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.photonics.switch.router import Load, wiring
from lightloom.spec.base import DesignError
from lightloom.spec.design import Switch


def extractor(shapes):
    nets = kdb.LayoutToNetlist("chip", tech.DBU_UM)
    layers = {layer: shapes[layer].dup() for layer in (tech.M1, tech.VIA, tech.M2)}
    for layer, region in layers.items():
        nets.register(region, str(layer))
        nets.connect(region)
    for a, b in ((tech.M1, tech.VIA), (tech.VIA, tech.M2)):
        nets.connect(layers[a], layers[b])
    nets.extract_netlist()
    return nets, layers


def point(x, y):
    return kdb.Point(round(x / tech.DBU_UM), round(y / tech.DBU_UM))


@pytest.mark.parametrize("ports", [2, 4, 8, 16])
def test_each_heater_reaches_its_pad_and_nothing_else(ports, regions):
    chip = switch_chip(Switch(ports=ports))
    nets, layers = extractor(regions(chip.component))

    def net(layer, x, y):
        found = nets.probe_net(layers[layer], point(x, y))
        assert found is not None
        return found.cluster_id

    signal = {site.label: net(tech.M1, *site.signal[1:]) for site in chip.heaters}
    ground = {net(tech.M1, *site.ground[1:]) for site in chip.heaters}
    pads = {label: net(tech.M2, x, y) for label, (x, y) in chip.routing.pads.items()}
    assert len(ground) == 1
    assert len(set(signal.values()) | ground) == len(chip.heaters) + 1
    for label, number in signal.items():
        assert pads.pop(label) == number
    assert all(label.startswith("gnd") for label in pads)
    assert set(pads.values()) == ground
    assert len(pads) == 2 * chip.stages


def test_pads_are_apart_and_inside_the_die():
    chip = switch_chip(Switch())
    width, height = chip.size_um
    for sign in (1, -1):
        row = sorted(x for x, y in chip.routing.pads.values() if y * sign > 0)
        assert all(b - a >= 110.0 - 1e-6 for a, b in itertools.pairwise(row))
        assert row[0] > 200
        assert row[-1] < width - 200
    assert {abs(y) for _, y in chip.routing.pads.values()} == {height / 2 - 60.0}


def resistance(shapes, nets, layers, net, ports):
    """Resistance from the first port to all others together, by KLayout's field solver.

    A port is a layer and a point of the net.
    """
    technology = pex.RExtractorTech()
    technology.skip_simplify = False
    number = {layer: i for i, layer in enumerate((tech.M1, tech.VIA, tech.M2))}
    for layer in (tech.M1, tech.M2):
        conductor = pex.RExtractorTechConductor()
        conductor.layer = number[layer]
        conductor.resistance = tech.SHEET_OHM[layer]
        conductor.algorithm = pex.Algorithm.Tesselation
        conductor.triangulation_max_area = 20.0
        technology.add_conductor(conductor)
    via = pex.RExtractorTechVia()
    via.cut_layer, via.bottom_conductor, via.top_conductor = (
        number[tech.VIA],
        number[tech.M1],
        number[tech.M2],
    )
    via.resistance = tech.VIA_OHM * 4.0  # ohm times um^2: one cut has 4 um^2
    technology.add_via(via)
    geometry = {
        number[layer]: nets.shapes_of_net(net, region, True) for layer, region in layers.items()
    }
    poles = {number[layer]: [p for where, p in ports if where == layer] for layer, _ in ports}
    network = pex.RNetExtractor(tech.DBU_UM).extract(technology, geometry, poles, {})
    first = ports[0][1]
    index: dict[int, int] = {}
    for node in network.each_node():
        # Ports but the first are one node: number 0.
        pole = node.type() == pex.RNodeType.VertexPort
        at = node.location().bbox().center() if pole else None
        away = pole and at.distance(first.to_dtype(tech.DBU_UM)) > 0.1
        index[node.object_id()] = 0 if away else len(index) + 1
        if pole and not away:
            start = index[node.object_id()]
    conductance = np.zeros((len(index) + 1, len(index) + 1))
    for element in network.each_element():
        a, b = index[element.a().object_id()], index[element.b().object_id()]
        value = 1.0 / element.resistance()
        conductance[[a, b], [a, b]] += value
        conductance[[a, b], [b, a]] -= value
    kept = [i for i in sorted(set(index.values())) if i]
    inverse = np.linalg.inv(conductance[np.ix_(kept, kept)])
    return inverse[kept.index(start), kept.index(start)]


@pytest.mark.parametrize("label", ["h0_0", "h2_1", "h4_3"])
def test_line_resistance_is_that_of_the_metal(label, regions):
    chip = switch_chip(Switch())
    shapes = regions(chip.component)
    nets, layers = extractor(shapes)
    site = next(s for s in chip.heaters if s.label == label)
    pad = chip.routing.pads[label]
    net = nets.probe_net(layers[tech.M1], point(*site.signal[1:]))
    measured = resistance(
        shapes,
        nets,
        layers,
        net,
        [(tech.M1, point(*site.signal[1:])), (tech.M2, point(*pad))],
    )
    # Counting squares along the middle leaves out corners and how current spreads in the pad.
    assert chip.routing.line_ohm[label] == pytest.approx(measured, rel=0.1)


@pytest.mark.parametrize("label", ["h0_0", "h1_1"])
def test_ground_resistance_is_that_of_the_metal(label, regions):
    chip = switch_chip(Switch(ports=4))
    shapes = regions(chip.component)
    nets, layers = extractor(shapes)
    site = next(s for s in chip.heaters if s.label == label)
    start = point(*site.ground[1:])
    pads = [at for name, at in chip.routing.pads.items() if name.startswith("gnd")]
    ports = [(tech.M1, start), *((tech.M2, point(*at)) for at in pads)]
    measured = resistance(shapes, nets, layers, nets.probe_net(layers[tech.M1], start), ports)
    assert chip.routing.ground_ohm[label] == pytest.approx(measured, rel=0.15)


def test_ground_is_better_than_any_line():
    chip = switch_chip(Switch(ports=16))
    assert set(chip.routing.ground_ohm) == set(chip.routing.line_ohm)
    assert max(chip.routing.ground_ohm.values()) < min(chip.routing.line_ohm.values())


def test_a_chip_without_room_for_its_pads_is_refused(monkeypatch):
    switch = Switch(ports=4, heater_length_um=51.0)
    for _ in range(2):  # a failed attempt leaves nothing behind
        refuse(switch, monkeypatch)
    monkeypatch.undo()
    assert switch_chip(switch).stages == 3


def refuse(switch, monkeypatch):
    monkeypatch.setattr(contacts, "ROWS_MAX", 1)
    wide = contacts.Contact(contacts.contact("pads", 2).cell, 80.0, 1500.0)
    monkeypatch.setattr(contacts, "contact", lambda kind, metal: wide)
    with pytest.raises(
        DesignError, match=r"switch\.ports = 4 cannot be wired: 6 pads in 1 rows need .* allowed: "
    ):
        switch_chip(switch)


@pytest.mark.parametrize("contact", ["pads", "bumps"])
@pytest.mark.parametrize("topology", ["crossbar", "ocstrx"])
def test_contacts_neither_overlap_nor_leave_the_die(topology, contact, broken_rules):
    chip = switch_chip(Switch(topology=topology, ports=4, contacts=contact))
    assert broken_rules(chip.component) == []
    places = list(chip.routing.pads.values())
    side = chip.routing.rows.contact.landing_um
    for (x1, y1), (x2, y2) in itertools.combinations(places, 2):
        assert abs(x1 - x2) >= side or abs(y1 - y2) >= side


def test_widths_follow_the_currents():
    light = wiring([Load(0, 1.0, 2.0)] * 4)
    heavy = wiring([Load(0, 10.0, 20.0)] * 40)
    assert light.line_um == 8.0
    assert heavy.line_um == 20.0 / tech.CURRENT_MA_PER_UM[tech.M1]
    assert heavy.bus_um[0] >= 0.5 * 400.0 / tech.CURRENT_MA_PER_UM[tech.M2]
    assert heavy.feed_um[0] > light.feed_um[0]


@pytest.mark.parametrize("topology", ["benes", "piloss", "switch-and-select"])
def test_no_wire_carries_more_than_its_metal_bears(topology):
    ports = 8 if topology == "benes" else 4
    load = switch_chip(Switch(topology=topology, ports=ports)).routing.load
    assert set(load) == {"lines", "buses", "rails", "contacts"}
    assert all(0 <= part <= 1 for part in load.values())


def test_a_current_that_no_line_bears_is_refused(monkeypatch):
    monkeypatch.setitem(router._VIA, 2, router._Via(0.5, 0.01))
    with pytest.raises(DesignError, match=r"line h\d_\d carries up to [\d.]+ mA; allowed: 0\.\d"):
        switch_chip(Switch(ports=4, heater_length_um=52.0))
