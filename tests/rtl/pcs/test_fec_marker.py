"""Marker block: layout written out, balance, and that nothing else passes for one."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from lightloom.rtl.pcs import fec_marker


class Unit(wiring.Component):
    word: In(32)
    i: In(257)
    o: Out(257)
    good: Out(1)
    received: Out(32)

    def elaborate(self, platform):
        m = Module()
        good, word = fec_marker.good(self.i)
        held = Signal(32)
        m.d.comb += [held.eq(self.word), self.o.eq(fec_marker.marker(held))]
        m.d.comb += [self.good.eq(good), self.received.eq(word)]
        return m


def test_layout_balance_and_check(rng):
    words = [0, 0xFFFFFFFF, 0x00000007, 0xABCD0307, *(rng.getrandbits(32) for _ in range(40))]
    dut = Unit()

    async def bench(ctx):
        for word in words:
            ctx.set(dut.word, word)
            await ctx.delay(1e-6)
            block = ctx.get(dut.o)
            assert block == fec_marker.encode(word)
            assert fec_marker.decode(block) == word
            w = word.to_bytes(4, "little")
            c = w[0] ^ w[1] ^ w[2] ^ w[3]
            text = "9a4a2665b5d9" + "".join(f"{b:02x}{255 - b:02x}" for b in w) + "65b5d99a4a26"
            text += f"{c:02x}{255 - c:02x}" + "33" * 10 + "01"
            assert block.to_bytes(33, "little").hex() == text
            assert (block & (1 << 256) - 1).bit_count() == 128
            for wrong in (block, block ^ 1 << rng.randrange(257), rng.getrandbits(257)):
                ctx.set(dut.i, wrong)
                await ctx.delay(1e-6)
                assert ctx.get(dut.good) == (wrong == block)
            ctx.set(dut.i, block)
            await ctx.delay(1e-6)
            assert ctx.get(dut.received) == word

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()


def test_the_pattern_stands_at_one_place_only():
    """Lane numbers and flags, with any turnaround, never make a second one."""
    mask = (1 << fec_marker.PATTERN_BITS) - 1
    for lane in range(16):
        for turnaround in range(0, 65536, 97):
            block = fec_marker.encode(lane | turnaround << 16 | 0x700)
            at = [n for n in range(257 - 47) if block >> n & mask == fec_marker.PATTERN]
            assert at == [0]


def test_nibbles_are_those_of_the_block():
    block = fec_marker.encode(0x12345678)
    assert len(fec_marker.NIBBLES) == 24
    assert all(block >> at & 0xF == value for at, value in fec_marker.NIBBLES)
