"""Feeds of cells against the light that `fabrics.ways` follows."""

import random

import pytest

from lightloom.rtl.ocs.lock.feeds import Kind, feeds
from lightloom.spec import fabrics

SIZES = [
    ("benes", 2), ("benes", 8), ("benes", 32), ("odd-even", 5), ("piloss", 4),
    ("crossbar", 4), ("switch-and-select", 4), ("ocstrx", 8),
]  # fmt: skip


@pytest.mark.parametrize(("topology", "ports"), SIZES)
def test_light_followed_by_feeds_meets_the_cells_of_its_way(topology, ports):
    plan = fabrics.plan(topology, ports)
    found = feeds(plan)
    rng = random.Random(3)
    names = list(plan.inputs)
    for _ in range(20):
        states = [rng.randrange(2) for _ in found]
        met = {name: [] for name in names}
        out = {}
        for cell, pair in enumerate(found):
            light = [
                {Kind.DARK: None, Kind.PORT: feed.index, Kind.CELL: out.get(feed.index)}[feed.kind]
                for feed in pair
            ]
            for source in light:
                if source is not None:
                    met[names[source]].append(cell)
            upper, lower = light if states[cell] == fabrics.BAR else light[::-1]
            out[2 * cell], out[2 * cell + 1] = upper, lower
        for name, way in fabrics.ways(plan, states).items():
            assert met[name] == list(way.cells)


@pytest.mark.parametrize(("topology", "ports"), SIZES)
def test_cells_come_after_those_that_feed_them(topology, ports):
    for cell, pair in enumerate(feeds(fabrics.plan(topology, ports))):
        assert all(feed.kind != Kind.CELL or feed.index < 2 * cell for feed in pair)
