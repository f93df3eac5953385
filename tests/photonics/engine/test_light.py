"""Fibre fan-ins and splitter trees: planar, whole, in order."""

import itertools
import random

import klayout.db as kdb
import pytest

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.cells.edge_coupler import edge_coupler
from lightloom.photonics.cells.photodiode import photodiode
from lightloom.photonics.engine import light
from lightloom.photonics.engine.pen import EAST, WEST, put

COUNT = itertools.count()


def rows(rng, count, least):
    """Rows from north to south, at least so far apart, on the grid."""
    places = [0.0]
    for _ in range(count - 1):
        places.append(draw.on_grid(places[-1] - least - rng.choice((0.0, 3.0, 60.0, 400.0))))
    middle = draw.on_grid(sum(places) / count)
    return [draw.on_grid(y - middle + rng.uniform(-80, 80)) for y in places[:1]] + [
        draw.on_grid(y - middle) for y in places[1:]
    ]


@pytest.mark.parametrize("seed", range(12))
def test_wires_of_any_fan_in_are_apart_and_as_long_as_noted(seed, regions):
    print("seed", seed)
    rng = random.Random(seed)
    count = rng.choice((3, 7, 12))
    ends = sorted(rows(rng, count, 12.0), reverse=True)
    ends = [y - 10.0 * k for k, y in enumerate(ends)]  # never closer than ten
    levels = [draw.on_grid(((count - 1) / 2 - k) * 127.0) for k in range(count)]
    chip = Assembly(f"fan{next(COUNT)}")
    fibres = [light.facet(chip, f"p{k}", y) for k, y in enumerate(levels)]
    x = fibres[0].x_um + light.fan_in_um(list(zip(levels, ends, strict=True)))
    light.fan_in(fibres, ends, x)
    assert [(pen.x_um, pen.heading) for pen in fibres] == [(pytest.approx(x), EAST)] * count
    assert [pen.y_um for pen in fibres] == pytest.approx(ends)
    strips = sorted(regions(chip.component)[tech.WG].each(), key=lambda s: -s.bbox().top)
    assert len(strips) == count
    for a, b in itertools.pairwise(strips):
        assert a.bbox().left == b.bbox().left == 0
    apart = regions(chip.component)[tech.WG].space_check(1000)
    assert apart.is_empty()
    lengths = sorted((s.area() * 1e-6 - taper_area()) / tech.WIRE_WIDTH for s in strips)
    assert lengths == pytest.approx(sorted(pen.length_um for pen in fibres), abs=0.3)


def taper_area():
    cell = edge_coupler()
    index = cell.kcl.layer(*tech.WG)
    return kdb.Region(cell.kdb_cell.begin_shapes_rec(index)).area() * 1e-6


def test_a_fan_in_out_of_order_is_refused():
    chip = Assembly(f"fan{next(COUNT)}")
    fibres = [light.facet(chip, f"p{k}", -127.0 * k) for k in range(2)]
    with pytest.raises(ValueError, match="from north to south"):
        light.fan_in(fibres, [-127.0, 0.0], 900.0)


@pytest.mark.parametrize("leaves", [2, 4, 8, 16])
def test_a_tree_feeds_every_leaf_through_as_many_splitters(leaves, regions):
    chip = Assembly(f"tree{next(COUNT)}")
    pitch = 250.0
    ends, names = [], []
    for k in range(leaves):
        # A lane north of the laser's way for each one south of it.
        y = ((leaves - 1) / 2 - k) * pitch + (60.0 if k < leaves // 2 else -60.0)
        placed = put(chip, photodiode(), f"pd{k}", draw.point(0.0, draw.on_grid(y)), WEST)
        ends.append(placed.leave("o1"))
        names.append(f"pd{k}")
    source = light.facet(chip, "laser", 0.0)
    source.forward_to(300.0)
    for end in ends:
        end.forward_to(300.0)
    light.tree(source, ends, "t")
    assert sum(one.type == "splitter1x2" for one in chip.netlist.instances.values()) == leaves - 1
    joined = {}
    for wire in chip.netlist.nets.values():
        first, second = wire.pins
        joined[first], joined[second] = second, first
    for name in names:
        pin, levels = joined[name, "o1"], 0
        while pin[0] != "ec_laser":
            assert pin[1] in ("o2", "o3")
            levels += 1
            pin = joined[pin[0], "o1"]
        assert 2**levels == leaves
    shapes = regions(chip.component)
    assert shapes[tech.WG].space_check(150).is_empty()
    assert shapes[tech.WG].count() == 1  # splitters join it all
    right = shapes[tech.WG].bbox().right * tech.DBU_UM
    assert right - tech.WIRE_WIDTH / 2 <= 300.0 + light.tree_um(chip, leaves) + 1e-6
