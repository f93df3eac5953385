"""Lane coder: golden model, lock at every bit offset, damage."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.pcie import ordered_sets as sets
from lightloom.rtl.pcs.pcie.coder import PcieRx, PcieTx
from lightloom.rtl.pcs.pcie.gearbox130 import to_words
from lightloom.rtl.pcs.pcie.lock import blocks
from lightloom.rtl.pcs.pcie.model import RxModel, TxModel
from lightloom.rtl.pcs.pcie.rows import spread
from lightloom.rtl.pcs.row import RowKind

ERROR = (Kind.ERROR, Kind.ERROR)


def random_rows(rng, count, *, marker_every=40, lane=0):
    """Rows of one lane of one: kinds, data, marker word."""
    rows, left = [], 0
    for n in range(count):
        data = rng.getrandbits(128)
        if n % marker_every == 3:
            kind, use = RowKind.MARKER, 0
        elif left == 0:
            kind = rng.choice([RowKind.START, RowKind.IDLE])
            left = rng.randint(1, 12) if kind == RowKind.START else 0
            use = 0
        elif left == 1:
            kind, use, left = rng.choice([RowKind.END, RowKind.ERROR]), rng.randrange(16), 0
        else:
            kind, use = rng.choice([RowKind.DATA] * 4 + [RowKind.IDLE]), 0
            left -= 1
        rows.append((spread(kind, use, 1)[0], data, lane | rng.getrandbits(24) << 8))
    return rows


def line(model, rows):
    """Blocks (length, value) of rows, and the rows' places among them."""
    return [(sets.BLOCK, block) for row in rows for block in model.row(*row)]


def stream_of(parts):
    value = length = 0
    for size, part in parts:
        value |= part << length
        length += size
    return value, length


def expected(stream, length):
    model = RxModel()
    out = [model.block(*block) for block in blocks(stream, length)]
    return [row for row in out if row is not None]


class Receiver:
    """`PcieRx` fed with bit streams one after the other, each with a new search before it."""

    def __init__(self, bits, *, pause=0.0, rng=None):
        self.dut = PcieRx(bits)
        self.bits, self.pause, self.rng = bits, pause, rng
        self.sim = Simulator(self.dut)
        self.sim.add_clock(1e-6)

    def run(self, *streams):
        """Rows, errors counted and `locked` by clock for each stream (value, length)."""
        results = []

        async def bench(ctx):
            for stream in streams:
                await self._feed(ctx, *stream)
                results.append((self.rows, self.errors, self.locked))

        self.sim.add_testbench(bench)
        self.sim.run()
        return results

    async def _feed(self, ctx, value, length):
        dut = self.dut
        self.rows, self.errors, self.locked = [], 0, []
        ctx.set(dut.run, 0)
        ctx.set(dut.i_valid, 0)
        await ctx.tick().repeat(3)
        ctx.set(dut.run, 1)
        # What follows the stream must not look like a part of it: zeros are no header.
        tail = (8 + dut.latency) * self.bits
        for word in to_words([(length, value), (tail, 0)], self.bits):
            while self.rng is not None and self.rng.random() < self.pause:
                ctx.set(dut.i_valid, 0)
                await self._step(ctx)
            ctx.set(dut.i, word)
            ctx.set(dut.i_valid, 1)
            await self._step(ctx)

    async def _step(self, ctx):
        dut = self.dut
        _, _, there, kinds, data, errors, locked = await ctx.tick().sample(
            dut.valid, dut.kinds, dut.data, dut.header_errors, dut.locked
        )
        self.errors += errors
        self.locked.append(locked)
        if there:
            self.rows.append(((Kind(kinds & 15), Kind(kinds >> 4)), data))


def same(got, want):
    assert [kinds for kinds, _ in got[: len(want)]] == [kinds for kinds, _ in want]
    for (kinds, data), (_, right) in zip(got, want, strict=False):
        if kinds[0] == Kind.MARKER:
            assert data & 0xFFFF_FFFF == right
        for half, kind in enumerate(kinds):
            used = 8 if kind == Kind.DATA else max(0, kind - Kind.TERM0)
            mask = (1 << 8 * used) - 1
            assert data >> 64 * half & mask == right >> 64 * half & mask


@pytest.mark.parametrize(("bits", "lane"), [(8, 0), (33, 1), (64, 5), (66, 6), (128, 15)])
def test_transmit_equals_the_model(bits, lane, rng):
    word = lane | rng.getrandbits(24) << 8
    rows = [(kinds, data, word) for kinds, data, _ in random_rows(rng, 120)]
    dut = PcieTx(bits)
    words, taken = [], 0

    async def bench(ctx):
        nonlocal taken
        ctx.set(dut.marker, word)
        await ctx.tick()
        while taken < len(rows):
            ctx.set(dut.kinds, rows[taken][0])
            ctx.set(dut.data, rows[taken][1])
            run = rng.random() < 0.8
            ctx.set(dut.run, run)
            _, _, slot = await ctx.tick().sample(dut.slot)
            if run:
                words.append(ctx.get(dut.word))
            assert run or not slot
            taken += slot

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    parts = [(sets.BLOCK, sets.HEADER_DATA), *line(TxModel(lane), rows)]
    want = list(to_words(parts, bits))
    assert words == want[: len(words)]
    assert len(words) > 110 * 130 / bits


@pytest.mark.parametrize(("bits", "pause"), [(8, 0), (17, 0.2), (32, 0), (64, 0.1), (128, 0)])
def test_rows_come_back(bits, pause, rng):
    lane = rng.randrange(16)
    rows = random_rows(rng, 150, lane=lane)
    stream, length = stream_of(line(TxModel(lane), rows))
    want = expected(stream, length)
    ((got, _, _),) = Receiver(bits, pause=pause, rng=rng).run((stream, length))
    same(got, want)
    assert len(want) > 130
    sent = [kinds for kinds, _, _ in rows if kinds == 0x33]
    assert sum(kinds == (Kind.MARKER, Kind.MARKER) for kinds, _ in got) == len(sent) == 4


@pytest.mark.parametrize("bits", [32, 64, 128])
def test_lock_from_every_bit_offset(bits, rng):
    """Random bits, any number of them, then a marker: all that follows is received."""
    streams, wants = [], []
    for skip in range(130):
        lane = skip % 8
        rows = [(0x33, 0, lane), *random_rows(rng, 6, lane=lane)]
        stream, length = stream_of(line(TxModel(lane), rows))
        wants.append(expected(stream, length))
        streams.append((rng.getrandbits(skip) | stream << skip, length + skip))
    for skip, (got, _, locked) in enumerate(Receiver(bits).run(*streams)):
        want = wants[skip]
        assert len(want) >= 8
        assert want[1] == ((Kind.MARKER, Kind.MARKER), skip % 8)
        same(got, want)
        # EIEOS twice, SKP, and the pipeline.
        first = locked.index(1)
        assert first * bits <= skip + 3 * 130 + (PcieRx.latency + 1) * bits


@pytest.mark.parametrize(("bits", "rate"), [(32, 1e-4), (64, 1e-3), (128, 3e-4)])
def test_damaged_lines_give_what_the_model_gives(bits, rate, rng):
    """Up to the loss of lock, which the model does not know."""
    rows = random_rows(rng, 500, lane=6)
    stream, length = stream_of(line(TxModel(6), rows))
    first = 8 * 130
    for bit in range(first, length):
        if rng.random() < rate:
            stream ^= 1 << bit
    want = expected(stream, length)
    ((got, errors, locked),) = Receiver(bits).run((stream, length))
    start, tail = locked.index(1), length // bits - 1
    kept = locked[start:tail].index(0) if 0 in locked[start:tail] else tail - start
    count = min(len(want), kept * bits // 130 - 2)
    same(got, want[:count])
    assert count > 60
    assert any(kinds == ERROR for kinds, _ in want[:count])
    assert errors > 0


def test_damage_of_each_kind_of_block_gives_what_the_model_gives(rng):
    """Header, first symbol, end symbol, state, half a set, all bits: see `test_model`."""
    kinds = [RowKind.MARKER, RowKind.START, RowKind.DATA, RowKind.IDLE, RowKind.DATA]
    kinds += [RowKind.IDLE, RowKind.MARKER, RowKind.DATA, RowKind.END, RowKind.IDLE]
    kinds += [RowKind.IDLE, RowKind.MARKER, RowKind.IDLE, RowKind.IDLE]
    rows = [(spread(kind, 3, 1)[0], rng.getrandbits(128), 0x0100_0005) for kind in kinds]
    parts = line(TxModel(5), rows)
    masks = [1, 2, 3, 4, 1 << 10, 1 << 98, 1 << 129, 0b1110 << 110, 0xFFFF << 106]
    masks.append(sum(0xFF << 2 + 8 * n for n in range(6)))
    streams = []
    # From the block after the lock's on: a fault beside it starts the search again.
    for at in range(4, len(parts)):
        for mask in masks:
            damaged = list(parts)
            damaged[at] = (130, parts[at][1] ^ mask)
            streams.append(stream_of(damaged))
    seen = set()
    for stream, (got, _, _) in zip(streams, Receiver(128).run(*streams), strict=True):
        want = expected(*stream)
        seen.add(tuple(kinds for kinds, _ in want))
        same(got, want)
    assert len(seen) > 20


def test_another_seed_is_learnt_without_loss_of_lock(rng):
    """As after a switch of lanes that keeps the blocks' boundary."""
    first = line(TxModel(2), random_rows(rng, 20, lane=2))
    second = line(TxModel(5), random_rows(rng, 120, lane=5))
    stream, length = stream_of(first + second)
    want = expected(stream, length)
    ((got, errors, locked),) = Receiver(64).run((stream, length))
    assert sum(locked) >= (length - 20 * 130) // 64
    assert errors > 0
    same(got, want)
    last = max(n for n, (kinds, _) in enumerate(want) if kinds == (Kind.MARKER, Kind.MARKER))
    assert want[last][1] & 0xFF == 5


@pytest.mark.parametrize("bits", [16, 64, 128])
def test_skp_sets_of_other_lengths(bits, rng):
    """As a retimer on the way makes them; rows stay the same."""
    rows = random_rows(rng, 150, lane=4)
    parts = line(TxModel(4), rows)
    changed = []
    for size, block in parts:
        if block & 0x3FF == sets.ID_SKP << 2 | sets.HEADER_SET:
            skips = rng.choice([8, 12, 16, 20] if bits > 66 else [4, 8, 12, 16, 20])
            tail = block >> 98
            payload = sum(sets.ID_SKP << 8 * n for n in range(skips)) | tail << 8 * skips
            changed.append((34 + 8 * skips, payload << 2 | sets.HEADER_SET))
        else:
            changed.append((size, block))
    assert changed != parts
    want = expected(*stream_of(parts))
    ((got, _, _),) = Receiver(bits).run(stream_of(changed))
    same(got, want)


def test_latency_of_receive(rng):
    """From the word with a block's last bit to its row."""
    rows = [(0x33, 0, 0), (0x22, 0, 0), *[(0x11, n, 0) for n in range(1, 9)]]
    stream, length = stream_of(line(TxModel(0), rows))
    dut = PcieRx(130 - 2)
    when = []

    async def bench(ctx):
        ctx.set(dut.run, 1)
        ctx.set(dut.i_valid, 1)
        for n, word in enumerate(to_words([(length, stream), (128 * 9, 0)], 128)):
            ctx.set(dut.i, word)
            _, _, there = await ctx.tick().sample(dut.valid)
            if there:
                when.append(n)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    # Block n ends in word (130 n + 129) // 128; the SKP set is block 2.
    ends = [(130 * n + 129) // 128 for n in range(2, 12)]
    assert when[:10] == [end + dut.latency for end in ends]


def test_latency_of_transmit():
    """From the slot of a row to the word with its first bit, the gearbox being empty."""
    dut = PcieTx(65)
    words, slots = [], []

    async def bench(ctx):
        ctx.set(dut.run, 1)
        for _ in range(20):
            ctx.set(dut.kinds, 0x44)
            _, _, slot, word = await ctx.tick().sample(dut.slot, dut.word)
            slots.append(slot)
            words.append(word)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    block = sets.ERROR << 2 | sets.HEADER_SET
    first = slots.index(1)
    assert words[first + 1] == sets.HEADER_DATA
    assert words.index(block & (1 << 65) - 1) - first == dut.latency + 1


@pytest.mark.parametrize("coder", [PcieRx, PcieTx])
@pytest.mark.parametrize("bits", [7, 129])
def test_bits_are_checked(coder, bits):
    with pytest.raises(ValueError, match=rf"^bits = {bits}; allowed: 8 to 128$"):
        coder(bits)
