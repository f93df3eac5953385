"""Every cell builds with its defaults, keeps the rules and carries the marks of `tech`."""

import math

import klayout.db as kdb
import numpy as np
import pytest

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, heater, mzi
from lightloom.photonics.cells.coupler import coupler2x2
from lightloom.photonics.cells.crossing import crossing
from lightloom.photonics.cells.eam import eam
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.cells.mzm import mzm
from lightloom.photonics.cells.pads import bond_pad, bump, via_stack
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.cells.ring_modulator import ring_modulator
from lightloom.photonics.cells.waveguides import bend90, diagonal, sbend, straight
from lightloom.photonics.devices import O_BAND

PINS = {
    coupler2x2: "o1 o2 o3 o4",
    crossing: "o1 o2 o3 o4",
    heater.heater_waveguide: "o1 o2 e1 e2",
    edge_coupler: "o1 o2",
    ring_modulator: "o1 o2 e1 e2 e3 e4",
    mzm: "o1 o2 e1 e2 e3 e4 e5 e6",
    eam: "o1 o2 e1 e2",
    photodiode: "o1 e1 e2",
}
WIRES = (straight, sbend, bend90, diagonal)
METAL = (bond_pad, bump, via_stack)
CELLS = (*PINS, *WIRES, *METAL, mzi.mzi2x2)
VARIANTS = [
    (coupler2x2, {"gap": 0.15, "length": 0.0}),
    (coupler2x2, {"gap": 0.251, "length": 33.333}),
    (heater.heater_waveguide, {"length": 50.0, "undercut": True}),
    (edge_coupler, {"length": 321.0, "tip": 0.16}),
    (ring_modulator, {"radius": 5.0, "gap": 0.15}),
    (mzm, {"length": 500.0}),
    (eam, {"length": 60.0}),
    (photodiode, {"length": 30.0, "ge_width": 2.0}),
    (via_stack, {"width": 16.0, "height": 8.0}),
    (sbend, {"length": 90.0, "offset": -31.0}),
    (bend90, {"radius": 12.0}),
    (diagonal, {"drop": 20.0}),
    (mzi.mzi2x2, {"imbalance": 20.0}),
    (mzi.mzi2x2, {"imbalance": -0.05, "phase_shifter": "undercut"}),
]
NAMES = [cell.__name__ for cell in CELLS]


def info(component, name):
    return dict(component.info)[f"parameter.{name}"]


@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_defaults_keep_the_rules(cell, broken_rules):
    assert broken_rules(cell()) == []


@pytest.mark.parametrize(("cell", "arguments"), VARIANTS)
def test_variants_keep_the_rules(cell, arguments, broken_rules):
    assert broken_rules(cell(**arguments)) == []


@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_ports_are_on_the_grid(cell):
    for port in cell().ports:
        for value in port.center:
            assert abs(value / tech.DBU_UM - round(value / tech.DBU_UM)) < 1e-6


@pytest.mark.parametrize("cell", CELLS, ids=NAMES)
def test_docstring_names_every_argument(cell):
    for name in cell.__wrapped__.__annotations__ if hasattr(cell, "__wrapped__") else ():
        assert name == "return" or f"{name}:" in cell.__doc__


@pytest.mark.parametrize("cell", PINS, ids=lambda c: c.__name__)
def test_devices_carry_their_marks(cell, regions, texts):
    component = cell()
    shapes = regions(component)
    assert shapes[tech.DEVREC].count() == 1
    outline = next(shapes[tech.DEVREC].each())
    ((string, at),) = texts(component, tech.DEVREC)
    assert string == f"device={cell.__name__}"
    assert outline.inside(at)
    assert component.info["type"] == cell.__name__
    pins = dict(texts(component, tech.PIN))
    assert sorted(pins) == sorted(PINS[cell].split())
    assert sorted(pins) == sorted(port.name for port in component.ports)
    for name, point in pins.items():
        spot = kdb.Region(kdb.Box(point.x - 1, point.y - 1, point.x + 1, point.y + 1))
        mark = shapes[tech.PIN].interacting(spot)
        assert mark.count() == 1, name
        assert (mark - shapes[tech.DEVREC]).is_empty(), name
        layer = tech.WG if name.startswith("o") else tech.M1
        # Pin shapes are what they mark: waveguide up to one grid step, or metal.
        assert (mark - shapes[layer].sized(1)).is_empty(), name
        at_edge = any(edge.distance_abs(point) <= 1 for edge in outline.each_edge())
        assert at_edge == name.startswith("o"), name


@pytest.mark.parametrize("cell", PINS, ids=lambda c: c.__name__)
def test_nothing_of_a_device_is_outside_its_outline(cell, regions):
    shapes = regions(cell())
    for layer, region in shapes.items():
        assert (region - shapes[tech.DEVREC]).is_empty(), layer


@pytest.mark.parametrize("cell", PINS, ids=lambda c: c.__name__)
def test_facets_are_as_wide_as_the_waveguide(cell, regions):
    component = cell()
    shapes = regions(component)
    outline = next(shapes[tech.DEVREC].each())
    for port in component.ports:
        if not port.name.startswith("o"):
            continue
        edges = shapes[tech.WG].edges() & kdb.Edges(list(outline.each_edge()))
        at = kdb.Point(*(round(v / tech.DBU_UM) for v in port.center))
        facets = [
            e for e in edges.each() if e.distance_abs(at) <= 1 and e.bbox().touches(_spot(at))
        ]
        assert len(facets) == 1, port.name
        expected = info(component, "tip_width_um") if _is_tip(cell, port) else tech.WIRE_WIDTH
        assert facets[0].length() * tech.DBU_UM == pytest.approx(expected, abs=1.1e-3)


def _spot(point):
    return kdb.Box(point.x - 2, point.y - 2, point.x + 2, point.y + 2)


def _is_tip(cell, port):
    return cell is edge_coupler and port.name == "o2"


@pytest.mark.parametrize("gap_um", [0.15, 0.2, 0.201, 0.4])
def test_coupler_has_the_gap_and_length_asked_for(gap_um, regions):
    component = coupler2x2(gap=gap_um, length=10.0)
    lower, upper = sorted(regions(component)[tech.WG].each(), key=lambda p: p.bbox().bottom)
    gap = round(gap_um / tech.DBU_UM)
    close = kdb.Region(lower).separation_check(kdb.Region(upper), gap + 1, False, metrics())
    spans = [pair.first.length() for pair in close.each()]
    assert max(spans) >= 10_000
    assert kdb.Region(lower).separation_check(kdb.Region(upper), gap).is_empty()


def metrics():
    return kdb.Region.Projection


@pytest.mark.parametrize(
    ("cell", "arguments", "length_of"),
    [
        (coupler2x2, {}, "parameter.path_um"),
        (straight, {"length": 12.345}, "length_um"),
        (sbend, {"length": 90.0, "offset": -31.0}, "length_um"),
        (bend90, {"radius": 25.0}, "length_um"),
        (diagonal, {}, "length_um"),
    ],
)
def test_stated_lengths_are_area_over_width(cell, arguments, length_of, regions):
    # Corners on the grid make the area of a curved strip uncertain by some 10 nm of length.
    component = cell(**arguments)
    guides = list(regions(component)[tech.WG].each())
    length = sum(g.area() for g in guides) / len(guides) * tech.DBU_UM**2 / tech.WIRE_WIDTH
    assert dict(component.info)[length_of] == pytest.approx(length, abs=0.03)


def test_crossing_is_symmetric(regions):
    shapes = regions(crossing())[tech.WG]
    for mirror in (kdb.Trans.M0, kdb.Trans.M90):
        assert (shapes ^ shapes.transformed(mirror)).is_empty()
    # A quarter turn moves corners by the one step that a facet is split unevenly.
    assert (shapes ^ shapes.transformed(kdb.Trans.R90)).sized(-1).is_empty()


def test_sine_bend_starts_and_ends_straight():
    centre, heading, length = draw.sine(50.0, 12.0)
    assert tuple(centre[0]) == (0.0, 0.0)
    assert tuple(centre[-1]) == pytest.approx((50.0, 12.0))
    assert heading[[0, -1]] == pytest.approx(0.0, abs=1e-12)
    chords = np.hypot(*np.diff(centre, axis=0).T).sum()
    assert length == pytest.approx(chords, rel=1e-5)
    assert length > math.hypot(50.0, 12.0)


def test_clothoid_has_no_curvature_at_its_ends():
    centre, heading = draw.clothoid(90.0, 40.0)
    assert heading[-1] == pytest.approx(math.pi / 2)
    assert centre[-1, 0] == pytest.approx(centre[-1, 1], abs=1e-6)
    turn = np.diff(heading)
    assert turn[0] < 0.05 * turn.max()
    assert turn[-1] < 0.05 * turn.max()


@pytest.mark.parametrize("imbalance", [0.0, 0.05, 1.0, -1.0, 13.7, -20.0, 20.0])
def test_switch_cell_arms_differ_by_the_imbalance(imbalance):
    parts = mzi.parts(0.2, 12.0, 200.0, imbalance)
    shifter = heater.total_length(200.0)
    wires = {wire.name: wire.length_um for wire in parts.wires}
    upper = wires["upper_in"] + shifter + wires["upper_out"]
    assert upper - wires["lower"] == pytest.approx(imbalance, abs=2e-3)
    couplers = [place for place in parts.places if place.name in ("in", "out")]
    assert len(couplers) == 2


def test_wide_imbalance_is_refused():
    with pytest.raises(ValueError, match=r"detour of 25\.0 um; allowed: at most 20\.\d"):
        mzi.parts(0.2, 12.0, 200.0, 25.0)


def test_narrow_gap_is_refused():
    with pytest.raises(ValueError, match=r"gap = 0\.12 um; allowed: 0\.15 um or more"):
        coupler2x2(gap=0.12)


def test_tight_bend_is_refused():
    with pytest.raises(ValueError, match=r"has radius 1\.\d\d um; allowed: 5\.0 um or more"):
        sbend(length=10.0, offset=10.0)


def test_ring_has_radius_and_gap(regions):
    component = ring_modulator(radius=8.0, gap=0.25)
    bus, ring = sorted(regions(component)[tech.WG].each(), key=lambda p: p.holes())
    box = ring.bbox()
    assert box.width() * tech.DBU_UM == pytest.approx(16.0 + tech.WIRE_WIDTH, abs=2e-3)
    assert (box.bottom - bus.bbox().top) * tech.DBU_UM == pytest.approx(0.25, abs=1e-3)


def test_electrodes_of_a_device_are_separate(regions):
    for cell in (heater.heater_waveguide, ring_modulator, eam, photodiode):
        component = cell()
        metal = list(regions(component)[tech.M1].each())
        pins = [p for p in component.ports if p.name.startswith("e")]
        homes = {
            port.name: [
                i
                for i, polygon in enumerate(metal)
                if polygon.inside(kdb.Point(*(round(v * 1000) for v in port.center)))
            ]
            for port in pins
        }
        assert all(len(home) == 1 for home in homes.values()), homes
        assert len({home[0] for home in homes.values()}) == len(pins), homes


def test_modulator_arms_are_driven_against_each_other(regions):
    shapes = regions(mzm(length=500.0))
    signal = next(
        p
        for p in shapes[tech.M1].each()
        if p.bbox().top == -p.bbox().bottom and p.bbox().width() > 1e5
    )
    contacts = shapes[tech.CONTACT] & kdb.Region(signal)
    above, below = (
        contacts & kdb.Region(kdb.Box(0, low, 10**7, high))
        for low, high in ((0, 10**5), (-(10**5), 0))
    )
    assert not above.is_empty()
    assert not below.is_empty()
    assert (above - shapes[tech.PPP]).is_empty()
    assert (below - shapes[tech.NPP]).is_empty()


def test_half_length_is_the_default_of_the_coupler():
    assert info(coupler2x2(), "length_um") == O_BAND.half_length(0.2)
