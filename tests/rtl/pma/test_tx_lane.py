"""Transmit lane: the pattern and the line bits reach the DAC."""

import random

from amaranth.sim import Simulator

from lightloom.rtl.pma import prbs, tx_ffe
from lightloom.rtl.pma.tx_lane import TxLane

WIDTH, BITS, TAPS = 16, 7, (-3, 50, -6)


def run(lane, words, data=None):
    lines, codes = [], []

    async def process(ctx):
        for name, tap in zip(("pre", "main", "post"), TAPS, strict=True):
            ctx.set(getattr(lane, name), tap)
        ctx.set(lane.enable, 1)
        ctx.set(lane.prbs_seed, 0x1234567)
        await ctx.tick().repeat(3)
        ctx.set(lane.prbs_enable, data is None)
        for k in range(words):
            if data is not None:
                ctx.set(lane.data, data[k])
            await ctx.delay(1e-10)
            lines.append(ctx.get(lane.line))
            await ctx.tick()
            codes.append(ctx.get(lane.codes))

    sim = Simulator(lane)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    return lines, codes


def unpack(words, bits):
    values = [w >> s * bits & (2**bits - 1) for w in words for s in range(WIDTH)]
    return [v - 2**bits if bits > 1 and v >> (bits - 1) else v for v in values]


def check(lines, codes):
    """Codes leave `LATENCY` clocks after the bits that `line` shows."""
    bits = unpack(lines, 1)
    got = unpack(codes[TxLane.LATENCY - 1 :], BITS)
    assert got[1:] == tx_ffe.codes(bits, TAPS, BITS)[: len(got) - 1]


def test_line_bits():
    rng = random.Random(8)
    data = [rng.getrandbits(WIDTH) for _ in range(30)]
    lines, codes = run(TxLane(width=WIDTH, dac_bits=BITS), 30, data)
    assert lines == data
    check(lines, codes)


def test_pattern_starts_at_its_seed():
    lines, codes = run(TxLane(width=WIDTH, dac_bits=BITS), 30)
    expected = prbs.sequence(31, 29 * WIDTH, 0x1234567)
    assert unpack(lines[1:], 1) == expected
    check(lines, codes)
