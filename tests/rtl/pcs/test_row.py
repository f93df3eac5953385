"""Rows: spread and gather are inverse, and only well-formed rows are accepted."""

import itertools
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import row
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.row import RowKind


def pack(kinds):
    return sum(kind << 4 * lane for lane, kind in enumerate(kinds))


def evaluate(dut, inputs, outputs):
    results = []

    async def bench(ctx):
        for values in inputs:
            for name, value in values.items():
                ctx.set(getattr(dut, name), value)
            await ctx.delay(1e-9)
            results.append(tuple(ctx.get(getattr(dut, name)) for name in outputs))

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()
    return results


def all_rows(lanes):
    plain = [(kind, 0) for kind in RowKind if kind != RowKind.END]
    return plain + [(RowKind.END, count) for count in range(8 * lanes)]


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_spread_equals_the_model(lanes):
    rows = all_rows(lanes)
    got = evaluate(row.Spread(lanes=lanes), [{"kind": k, "count": c} for k, c in rows], ("kinds",))
    assert got == [(pack(row.spread(k, c, lanes)),) for k, c in rows]


def test_end_row_puts_data_before_and_idle_after_the_terminate_block():
    assert row.spread(RowKind.END, 19, 4) == [Kind.DATA, Kind.DATA, Kind.TERM3, Kind.IDLE]
    assert row.spread(RowKind.END, 0, 2) == [Kind.TERM0, Kind.IDLE]
    assert row.spread(RowKind.END, 15, 2) == [Kind.DATA, Kind.TERM7]


@pytest.mark.parametrize("lanes", [1, 2, 8])
def test_gather_undoes_spread(lanes):
    rows = all_rows(lanes)
    got = evaluate(
        row.Gather(lanes=lanes),
        [{"kinds": pack(row.spread(k, c, lanes))} for k, c in rows],
        ("kind", "count"),
    )
    assert got == rows


def test_gather_equals_the_model_for_every_pair_of_kinds():
    pairs = list(itertools.product(Kind, repeat=2))
    got = evaluate(row.Gather(lanes=2), [{"kinds": pack(p)} for p in pairs], ("kind", "count"))
    assert got == [row.gather(list(p)) for p in pairs]


def test_one_wrong_lane_makes_an_error_row_or_another_well_formed_one():
    seed = random.getrandbits(32)
    print("seed", seed)
    rng = random.Random(seed)
    cases = []
    for kind, count in all_rows(8):
        kinds = row.spread(kind, count, 8)
        kinds[rng.randrange(8)] = rng.choice(list(Kind))
        cases.append(kinds)
    got = evaluate(row.Gather(lanes=8), [{"kinds": pack(k)} for k in cases], ("kind", "count"))
    assert got == [row.gather(k) for k in cases]
    assert sum(kind == RowKind.ERROR for kind, _ in got) > len(cases) // 2


@pytest.mark.parametrize("lanes", [0, 65])
def test_lanes_are_checked(lanes):
    with pytest.raises(ValueError, match=f"lanes = {lanes}; allowed: 1 to 64"):
        row.frame_word(lanes)


def test_word_layout_is_data_count_last_error_from_the_low_bits():
    layout = row.frame_word(8)
    names = ("data", "count", "last", "error")
    assert [layout[name].offset for name in names] == [0, 512, 519, 520]
    assert layout.size == 521
