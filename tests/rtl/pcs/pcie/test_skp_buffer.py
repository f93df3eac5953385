"""Symbol-level elastic buffer: nothing but SKP symbols added or left out, no over- or underflow."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.pcie import ordered_sets as sets
from lightloom.rtl.pcs.pcie.skp_buffer import SkpBuffer, most_words, without_length

PERIOD = 1e-9
SKIPS = 0x99999999


def block_words(header, payload, words=4):
    return [(payload >> 32 * n & 0xFFFF_FFFF, header, int(n == 0)) for n in range(words)]


def traffic(rng, count, every, lengths):
    """Words of random data blocks with a SKP set of one of the lengths in words every so often."""
    out, since = [], every
    while len(out) < count:
        if since >= every:
            words = rng.choice(lengths)
            skip = sets.skp(rng.getrandbits(23), 4 * (words - 1))
            out += block_words(sets.HEADER_SET, skip, words)
            since = 0
        # Data may look like SKP symbols and ends.
        payload = rng.choice([rng.getrandbits(128), sets.skp(0), SKIPS, sets.SKP_END])
        out += block_words(sets.HEADER_DATA, payload)
        since += 4
    return out


class Bench:
    """`ppm` is how much faster the writer is."""

    def __init__(self, words, ppm, *, gaps=0):
        self.dut = SkpBuffer()
        self.words, self.gaps = words, gaps
        self.out, self.levels = [], []
        self.count = {"removed": 0, "overflow": 0, "added": 0, "underflow": 0}
        self.sim = Simulator(self.dut)
        self.sim.add_clock(PERIOD, domain="sync")
        self.sim.add_clock(PERIOD / (1 + ppm * 1e-6), phase=0.3 * PERIOD, domain="rx")
        self.done = False
        self.sim.add_testbench(self.write)
        self.sim.add_testbench(self.read, background=True)
        self.sim.run()

    async def write(self, ctx):
        dut = self.dut
        for n, (value, header, start) in enumerate(self.words):
            # The 128 of 130 cadence, when asked for.
            if self.gaps and n % self.gaps == 0:
                ctx.set(dut.i_valid, 0)
                await ctx.tick("rx")
            ctx.set(dut.i, {"data": value, "header": header, "start": start})
            ctx.set(dut.i_valid, 1)
            _, _, removed, overflow = await ctx.tick("rx").sample(dut.removed, dut.overflow)
            self.count["removed"] += removed
            self.count["overflow"] += overflow
        self.done = True

    async def read(self, ctx):
        dut = self.dut
        clock = 0
        while True:
            clock += 1
            ctx.set(dut.run, not self.gaps or clock % (self.gaps + 1) != 3)
            _, _, valid, value, header, start, added, underflow = await ctx.tick().sample(
                dut.o_valid & dut.run, dut.o.data, dut.o.header, dut.o.start, dut.added,
                dut.underflow,
            )  # fmt: skip
            if self.done:
                return
            if valid:
                self.out.append((value, header, start))
            self.count["added"] += added
            self.count["underflow"] += underflow


def lengths_of_sets(words):
    """Words of each SKP set."""
    out, inside = [], False
    for value, header, start in words:
        if start:
            inside = header == sets.HEADER_SET and value & 0xFF == sets.ID_SKP
            out += [0] * inside
        if inside:
            out[-1] += 1
    return out


def check(bench):
    sent, got = without_length(bench.words), without_length(bench.out)
    assert got == sent[: len(got)]
    assert len(bench.words) - len(bench.out) <= 20 + bench.count["removed"]
    assert bench.count["overflow"] == bench.count["underflow"] == 0
    before, after = lengths_of_sets(bench.words), lengths_of_sets(bench.out)
    for old, new in zip(before, after[:-1], strict=False):
        assert abs(new - old) <= 1
        assert 2 <= new <= 6


@pytest.mark.parametrize("ppm", [-600, 600])
def test_300_ppm_at_each_end_with_sets_375_blocks_apart(ppm, rng):
    """Without SKP the drift of 9.6 words would leave the buffer."""
    words = traffic(rng, 16000, 1500, [4])
    bench = Bench(words, ppm)
    check(bench)
    moved = bench.count["removed"] - bench.count["added"]
    assert abs(moved - len(words) * ppm * 1e-6) <= 7
    assert bench.count["removed" if ppm > 0 else "added"] >= 4
    assert most_words(600) > 1504


@pytest.mark.parametrize("ppm", [-9000, 0, 9000])
@pytest.mark.parametrize("gaps", [0, 64])
def test_any_offset_with_sets_as_near_as_it_needs(ppm, gaps, rng):
    words = traffic(rng, 2000, 96, [4])
    assert most_words(9000) > 100
    bench = Bench(words, ppm, gaps=gaps)
    check(bench)
    moved = bench.count["removed"] - bench.count["added"]
    assert abs(moved - len(words) * ppm * 1e-6) <= 7


@pytest.mark.parametrize(("ppm", "lengths"), [(8000, [3, 4, 5, 6]), (-8000, [2, 3, 4, 5])])
def test_sets_of_other_lengths(ppm, lengths, rng):
    check(Bench(traffic(rng, 2000, 96, lengths), ppm))


@pytest.mark.parametrize(("ppm", "length"), [(8000, 2), (-8000, 6)])
def test_shortest_sets_do_not_shrink_and_longest_do_not_grow(ppm, length, rng):
    bench = Bench(traffic(rng, 1600, 96, [length]), ppm)
    assert bench.count["removed"] == bench.count["added"] == 0
    assert set(lengths_of_sets(bench.out)[:8]) == {length}
    assert bench.count["overflow" if ppm > 0 else "underflow"] > 0


def test_without_sets_the_buffer_runs_over_and_says_so(rng):
    bench = Bench(traffic(rng, 1600, 10**9, [4]), 9000)
    assert bench.count["overflow"] > 0
