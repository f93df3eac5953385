"""Coders of a lane with FEC."""

import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.fec.codes import KP4, KR4
from lightloom.rtl.pcs import fec_lane
from lightloom.rtl.pcs.block import Kind


def random_rows(rng, count, marker_rows):
    """Rows as `fec_lane.line` takes them; one stray MARKER row is in them."""
    rows = []
    for n in range(count):
        kinds = [rng.choice(list(Kind)) if rng.random() < 0.3 else Kind.DATA for _ in range(4)]
        if n % marker_rows == 0 or n == 7:
            kinds = [Kind.MARKER] * 4
        rows.append((kinds, [rng.getrandbits(64) for _ in range(4)], rng.getrandbits(32)))
    return rows


def words_sent(dut, rows, seed, clocks, rng=None):
    """Words after each `run` clock, and whether a row was taken in each clock."""
    words, slots = [], []

    async def bench(ctx):
        taken = 0
        ctx.set(dut.seed, seed)
        for _ in range(clocks):
            kinds, data, marker = rows[taken % len(rows)]
            ctx.set(dut.kinds, sum(kind << 4 * n for n, kind in enumerate(kinds)))
            ctx.set(dut.data, sum(value << 64 * n for n, value in enumerate(data)))
            ctx.set(dut.marker, marker)
            run = rng is None or rng.random() < 0.5
            ctx.set(dut.run, run)
            _, _, slot = await ctx.tick().sample(dut.slot)
            taken += slot
            slots.append(slot)
            # `word` is 0 before the latency is over.
            if run and len(slots) >= dut.latency:
                words.append(ctx.get(dut.word))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return words, slots


@pytest.mark.parametrize(
    ("code", "bits", "depth"), [(KP4, 64, 1), (KR4, 32, 2), (KP4, 64, 4)]
)
def test_transmitter_equals_the_model(rng, code, bits, depth):
    dut = fec_lane.FecTx(code, bits, depth)
    per = fec_lane.group_rows(code, depth)
    rows = random_rows(rng, 2 * per, per)
    seed = rng.getrandbits(58)
    symbols = list(fec_lane.line(rows, code, depth, seed))
    expected = sum(symbol << 10 * n for n, symbol in enumerate(symbols))
    words, _ = words_sent(dut, rows, seed, 20 * len(symbols) // bits + dut.latency, rng)
    got = sum(word << bits * n for n, word in enumerate(words))
    known = min(bits * len(words), 10 * len(symbols))
    assert known > 8 * len(symbols)
    assert (got ^ expected) & (1 << known) - 1 == 0


def test_lanes_with_other_data_take_rows_together(rng):
    slots = []
    for _ in range(2):
        dut = fec_lane.FecTx(KR4, 64)
        rows = random_rows(rng, 40, 20)
        _, taken = words_sent(dut, rows, rng.getrandbits(58), 300, random.Random(5))
        slots.append(taken)
    assert slots[0] == slots[1]
    assert sum(slots[0]) > 20


@pytest.mark.parametrize("side", [fec_lane.FecTx])
def test_parameters_are_checked(side):
    with pytest.raises(ValueError, match=r"bits = 48; allowed: 8, 16, 32, 64, 128, 256"):
        side(KP4, 48)
    with pytest.raises(ValueError, match=r"depth = 3; allowed: 1, 2, 4"):
        side(KR4, 64, 3)


def test_symbols_a_clock():
    """A word of symbols holds a line word, codewords are of whole words."""
    for code in (KP4, KR4):
        for bits in (8, 16, 32, 64, 128, 256):
            for depth in (1, 2, 4):
                symbols = fec_lane.symbols_per_clock(code, bits, depth)
                assert symbols % depth == 0
                assert code.n * depth % symbols == 0
                assert bits <= 10 * symbols <= max(1.6 * bits, 40)
    assert fec_lane.symbols_per_clock(KP4, 128, 1) == 16
    assert fec_lane.symbols_per_clock(KR4, 256, 1) == 33
