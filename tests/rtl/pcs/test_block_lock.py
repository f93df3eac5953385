"""Block lock: state diagram counts, model, and the way to lock behind a gearbox."""

import random

import pytest
from amaranth import Cat, Elaboratable, Module
from amaranth.sim import Simulator

from lightloom.rtl.pcs import block_lock, gearbox

GOOD, BAD = 0b01, 0b11


def run(headers, gaps=None, together=1):
    """(locked, slip) after each header, or two of them that come together."""
    dut = block_lock.BlockLock(headers=together)
    out = []

    async def bench(ctx):
        for header in headers:
            ctx.set(dut.header, header)
            ctx.set(dut.valid, 1)
            await ctx.tick()
            out.append((bool(ctx.get(dut.locked)), bool(ctx.get(dut.slip))))
            while gaps and gaps.random() < 0.3:
                ctx.set(dut.valid, 0)
                ctx.set(dut.header, -1)
                await ctx.tick()
                assert not ctx.get(dut.slip)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


def test_lock_at_the_64th_good_header():
    got = run([GOOD] * 70)
    assert [locked for locked, _ in got].index(True) == 63
    assert not any(slip for _, slip in got)


def test_one_bad_header_before_lock_slips_and_starts_again():
    got = run([GOOD] * 63 + [BAD] + [GOOD] * (block_lock.HOLD_OFF + 64))
    assert got[63] == (False, True)
    assert sum(slip for _, slip in got) == 1
    assert [locked for locked, _ in got].index(True) == 63 + block_lock.HOLD_OFF + 64


@pytest.mark.parametrize("bad", [15, 16])
def test_sixteen_bad_headers_in_a_window_lose_lock(bad):
    window = [GOOD, BAD] * bad + [GOOD] * (64 - 2 * bad)
    got = run([GOOD] * 64 + window + [GOOD] * 64)
    after = [locked for locked, _ in got[64:]]
    assert all(after) == (bad < 16)
    if bad == 16:
        assert after.index(False) == 31  # at the 16th, not at the end of the window
        assert got[64 + 31][1]


def test_both_bad_headers_of_a_pair_count():
    """Lock with the 32nd pair, lost by the 8th pair of two bad ones; 15 and 16 apart differ."""
    pair, worst = GOOD | GOOD << 2, BAD | BAD << 2
    got = run([pair] * 32 + [worst] * 8, together=2)
    assert [locked for locked, _ in got].index(True) == 31
    assert [locked for locked, _ in got[31:]].index(False) == 8
    assert got[-1] == (False, True)
    got = run([pair] * 32 + [worst] * 7 + [BAD | GOOD << 2] + [pair] * 30, together=2)
    assert all(locked for locked, _ in got[31:])


@pytest.mark.parametrize("headers", [0, 3])
def test_headers_are_checked(headers):
    with pytest.raises(ValueError, match=rf"headers = {headers}; allowed: 1, 2"):
        block_lock.BlockLock(headers=headers)


def test_bad_headers_spread_over_windows_keep_lock():
    window = [BAD] * 15 + [GOOD] * 49
    got = run([GOOD] * 64 + window * 10)
    assert all(locked for locked, _ in got[63:])


@pytest.mark.parametrize("together", [1, 2])
def test_equals_the_model(together):
    seed = random.getrandbits(32)
    print("seed", seed)
    rng = random.Random(seed)
    headers = []
    for quality in (1.0, 0.5, 1.0, 0.9, 0.75, 1.0, 0.7, 1.0):
        headers += [
            rng.choice([0b01, 0b10]) if rng.random() < quality else rng.choice([0, 3])
            for _ in range(200)
        ]
    model = block_lock.Model(together)
    expected, joined = [], []
    for n in range(0, len(headers), together):
        part = headers[n : n + together]
        slip = model.step(*(header in (0b01, 0b10) for header in part))
        expected.append((model.locked, slip))
        joined.append(sum(header << 2 * k for k, header in enumerate(part)))
    got = run(joined, random.Random(1), together)
    assert got == expected
    assert {locked for locked, _ in got} == {True, False}


class Receiver(Elaboratable):
    """Gearbox and lock as they are wired in a lane."""

    def __init__(self, width):
        self.box = gearbox.RxGearbox(width=width)
        self.lock = block_lock.BlockLock(headers=gearbox.blocks_together(width))

    def elaborate(self, platform):
        m = Module()
        m.submodules.box = self.box
        m.submodules.lock = self.lock
        m.d.comb += [
            self.lock.header.eq(Cat(self.box.o[:2], self.box.o[66:68])),
            self.lock.valid.eq(self.box.o_valid),
            self.box.slip.eq(self.lock.slip),
        ]
        return m


@pytest.mark.parametrize("width", [16, 64, 128])
@pytest.mark.parametrize("offset", [0, 1, 2, 33, 64, 65])
def test_locks_from_every_offset_in_at_most_67_searches(width, offset):
    """Each wrong boundary costs two random headers on average and the hold-off."""
    rng = random.Random(offset * 100 + width)
    blocks = [rng.choice([1, 2]) | rng.getrandbits(64) << 2 for _ in range(1000)]
    stream = sum(b << 66 * n for n, b in enumerate(blocks)) >> offset
    count = (66 * 1000 - offset) // width
    dut = Receiver(width)
    locked_at = []
    seen = []

    async def bench(ctx):
        ctx.set(dut.box.i_valid, 1)
        for n in range(count):
            ctx.set(dut.box.i, stream >> width * n & ((1 << width) - 1))
            await ctx.tick()
            if ctx.get(dut.lock.locked):
                locked_at.append(n)
                if ctx.get(dut.box.o_valid):
                    item = ctx.get(dut.box.o)
                    seen.extend(item >> 66 * k & (1 << 66) - 1 for k in range(dut.lock.headers))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    search = 66 * (4 + block_lock.HOLD_OFF) * dut.lock.headers
    assert locked_at[0] * width / 66 < search + 64
    first = blocks.index(seen[0])
    assert seen == blocks[first : first + len(seen)]
    assert len(seen) > 100
