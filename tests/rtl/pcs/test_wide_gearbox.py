"""Gearboxes of any widths: the bit stream is kept, groups begin in new words, rates are full."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import wide_gearbox

CASES = [
    (257, 320, 5140),
    (257, 330, 5140),
    (257, 440, 2 * 5140),
    (257, 20, 5140),
    (257, 80, 5140),
    (320, 257, 5140),
    (330, 257, 5140),
    (20, 257, 5140),
    (160, 257, 5140),
    (256, 320, None),
    (256, 330, None),
    (8, 20, None),
    (320, 256, None),
    (20, 8, None),
    (7, 5, None),
    (5, 7, 24),
    (1, 1, None),
]


def words_of(stream, width, group, bits):
    """The oracle: cut each group of the stream by itself."""
    group = group or bits
    out = []
    for start in range(0, bits, group):
        part = stream >> start & (1 << min(group, bits - start)) - 1
        for offset in range(0, min(group, bits - start), width):
            out.append(part >> offset & (1 << width) - 1)
    return out


def run(dut, words, count, rng, *, i_rate=1.0, o_rate=1.0):
    """Words that leave, with their `o_first`, and the clocks it took."""
    out, firsts = [], []
    clocks = 0

    async def bench(ctx):
        nonlocal clocks
        feed = iter(words)
        word = next(feed, None)
        while len(out) < count:
            valid = word is not None and rng.random() < i_rate
            ready = rng.random() < o_rate
            # Bits above the end of a group are not read.
            ctx.set(dut.i.payload, word if valid else rng.getrandbits(dut.i_width))
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.o.ready, ready)
            _, _, taken, left, payload, first = await ctx.tick().sample(
                dut.i.ready, dut.o.valid, dut.o.payload, dut.o_first
            )
            clocks += 1
            assert clocks < 100 * (count + len(words))
            if left and ready:
                out.append(payload)
                firsts.append(first)
            if taken and valid:
                word = next(feed, None)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out, firsts, clocks


@pytest.mark.parametrize(("i_width", "o_width", "group"), CASES)
def test_keeps_the_stream_and_the_groups_under_random_handshakes(rng, i_width, o_width, group):
    bits = 2 * group if group else 40 * max(i_width, o_width)
    stream = rng.getrandbits(bits)
    words = words_of(stream, i_width, group, bits)
    if group and group % i_width:
        per = -(-group // i_width)
        junk = rng.getrandbits(i_width) >> group % i_width << group % i_width
        words = [w | junk if n % per == per - 1 else w for n, w in enumerate(words)]
    expected = words_of(stream, o_width, group, bits)
    expected = expected if group or bits % o_width == 0 else expected[:-1]
    dut = wide_gearbox.WideGearbox(i_width=i_width, o_width=o_width, group=group)
    got, firsts, _ = run(dut, words, len(expected), rng, i_rate=0.7, o_rate=0.7)
    assert got == expected
    assert got == list(wide_gearbox.repack(words, i_width, o_width, group))
    per = -(-group // o_width) if group else 0
    assert firsts == [int(bool(group) and n % per == 0) for n in range(len(got))]


@pytest.mark.parametrize(("i_width", "o_width", "group"), CASES)
def test_runs_at_the_full_rate_of_its_slower_side(rng, i_width, o_width, group):
    bits = 4 * group if group else 200 * max(i_width, o_width)
    words = words_of(rng.getrandbits(bits), i_width, group, bits)
    leave = len(words_of(0, o_width, group, bits)) if group else bits // o_width
    dut = wide_gearbox.WideGearbox(i_width=i_width, o_width=o_width, group=group)
    _, _, clocks = run(dut, words, leave, rng)
    slower = max(len(words), leave)
    assert slower < clocks <= slower + 3


def test_clear_empties_it_and_begins_a_group(rng):
    dut = wide_gearbox.WideGearbox(i_width=5, o_width=7, group=24)
    stream = rng.getrandbits(24)
    out = []

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.valid, 1)
        for _ in range(7):
            ctx.set(dut.i.payload, rng.getrandbits(5))
            await ctx.tick()
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        for word in [*words_of(stream, 5, 24, 24), 0, 0]:
            ctx.set(dut.i.payload, word)
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                out.append(payload)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert out[:4] == words_of(stream, 7, 24, 24)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match=r"i_width = 0; allowed: 1 to 1024"):
        wide_gearbox.WideGearbox(i_width=0, o_width=8)
    with pytest.raises(ValueError, match=r"o_width = 1025; allowed: 1 to 1024"):
        wide_gearbox.WideGearbox(i_width=8, o_width=1025)
    with pytest.raises(ValueError, match=r"group = 19; allowed: None or at least 20 bits"):
        wide_gearbox.WideGearbox(i_width=20, o_width=8, group=19)
