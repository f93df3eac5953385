"""Rows from the words of lanes that software coded, in any order and with skew."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link.config import Config
from lightloom.rtl.link.receiver import Receiver
from lightloom.rtl.pcs import block, framer, gearbox, scrambler
from lightloom.rtl.pcs.row import RowKind, spread

LANES = 3


def coded(rows, bits):
    """Words of each lane."""
    words = []
    together = gearbox.blocks_together(bits)
    for lane in range(LANES):
        state, blocks = 0x55 + lane, []
        for kind, data, count in rows:
            kinds = spread(kind, count, LANES * together)
            for n in range(together):
                at = lane * together + n
                part = data >> 64 * at & (1 << 64) - 1
                word = lane | 1 << 8 | block.SECOND * n
                header, payload = block.encode(kinds[at], part, word)
                scrambled, state = scrambler.scramble(payload, state)
                blocks.append(header | scrambled << 2)
        words.append(list(gearbox.from_blocks(blocks, bits)))
    return words


@pytest.mark.parametrize("bits", [64, 128])
def test_rows_come_back(bits, rng):
    model = framer.Model(LANES * gearbox.blocks_together(bits))
    rows, queue = [], []
    for n in range(700):
        if n % 64 == 0:
            rows.append((RowKind.MARKER, 0, 0))
            continue
        queue = queue or [(RowKind.IDLE, 0, 0), *model.rows(rng.randbytes(rng.randint(1, 90)))]
        rows.append(queue.pop(0))
    words, source, skew = coded(rows, bits), [2, 0, 1], [0, 5, 3]
    dut = Receiver(Config(lanes=LANES, symbols_per_clock=bits, marker_rows=64, rx_ffe_taps=1))
    got = []

    async def bench(ctx):
        ctx.set(dut.control.loopback, 1)
        ctx.set(dut.control.lock_run, 1)
        ctx.set(dut.align, 1)
        ctx.set(dut.loop_valid, 1)
        for clock in range(len(words[0]) - 1):
            value = 0
            for lane in range(LANES):
                place = clock - skew[lane]
                value |= (words[source[lane]][place] if place >= 0 else 0) << bits * lane
            ctx.set(dut.loop_words, value)
            await ctx.tick()
            if ctx.get(dut.o_valid):
                kind = RowKind(ctx.get(dut.o.kind))
                got.append((kind, ctx.get(dut.o.data), ctx.get(dut.o.count)))
        assert ctx.get(dut.aligned)
        assert ctx.get(dut.remote_ready)
        assert ctx.get(dut.remote) == 0x100
        assert ctx.get(dut.present) == 0b111
        assert [ctx.get(dut.lane_ids) >> 4 * n & 15 for n in range(LANES)] == source

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert len(got) > 200
    start = next(n for n in range(0, len(rows), 64) if same(got, rows[n : n + len(got)]))
    print("from row", start)


def same(got, sent):
    """Whether the parts of rows that mean something are equal."""
    for (kind, data, count), (wanted, content, used) in zip(got, sent, strict=False):
        if kind != wanted or (kind == RowKind.DATA and data != content):
            return False
        if kind == RowKind.END and (count != used or data & ((1 << 8 * used) - 1) != content):
            return False
    return len(sent) >= len(got)
