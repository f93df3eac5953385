"""Line coder of 64b/66b: read back by software from the bits alone, and from bits by software."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import block, gearbox, scrambler
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.eth_lane import EthRx, EthTx

MARKER = 0x0102_0105


def send(bits, items, clocks, rng=None):
    """Words of the line; `items` are (kind, data), one a slot, then idle."""
    dut = EthTx(bits)
    words = []

    async def bench(ctx):
        ctx.set(dut.marker, MARKER)
        ctx.set(dut.seed, 0x155)
        queue = list(items)
        await ctx.tick()  # the seed is loaded
        for _ in range(clocks):
            kind, data = queue[0] if queue else (Kind.IDLE, 0)
            ctx.set(dut.kinds, kind)
            ctx.set(dut.data, data)
            move = rng is None or rng.random() < 0.7
            ctx.set(dut.run, move)
            _, _, slot = await ctx.tick().sample(dut.slot)
            if slot and queue:
                queue.pop(0)
            if move:
                words.append(ctx.get(dut.word))
        assert not queue

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return words


def blocks_of(words, bits):
    """Find the block boundary by headers, descramble, decode."""
    for skip in range(66):
        blocks = list(gearbox.to_blocks(words, bits, skip=skip))[1:]
        if all(b & 3 in (1, 2) for b in blocks):
            break
    else:
        raise AssertionError("no boundary where every header is valid")
    state, out = 0, []
    for item in blocks:
        data, state = scrambler.descramble(item >> 2, state)
        out.append(block.decode(item & 3, data))
    return out[1:]  # the descrambler had no history in the first


def useful(kind, data):
    """Data of the kinds that carry some."""
    return kind, data if kind in (Kind.DATA, Kind.MARKER) or kind >= Kind.TERM0 else 0


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("pauses", [False, True])
def test_software_reads_the_line(bits, pauses, rng):
    items = [(Kind.IDLE, 0)] * 40
    for _ in range(60):
        items.append((rng.choice(list(Kind)), rng.getrandbits(64)))
    clocks = 66 * 110 // bits * (2 if pauses else 1)
    got = blocks_of(send(bits, items, clocks, rng if pauses else None), bits)
    expected = [block.decode(*block.encode(k, d, MARKER)) for k, d in items[40:]]
    first = next(n for n, (kind, _) in enumerate(got) if kind != Kind.IDLE)
    lead = next(n for n, (kind, _) in enumerate(expected) if kind != Kind.IDLE)
    part = got[first - lead :][:60]
    assert len(part) == 60
    assert [useful(*item) for item in part] == [useful(*item) for item in expected]


def test_statistics_of_idle():
    """Idle rows are control blocks: every header is 01 in time order, payload bits are balanced."""
    words = send(64, [], 400)
    for skip in range(66):
        blocks = list(gearbox.to_blocks(words, 64, skip=skip))[1:]
        headers = {b & 3 for b in blocks}
        if headers == {block.HEADER_CONTROL}:
            break
    assert headers == {block.HEADER_CONTROL}
    ones = sum((b >> 2).bit_count() for b in blocks)
    assert abs(ones / (64 * len(blocks)) - 0.5) < 0.02


def line(items):
    """Coded and scrambled 66-bit blocks of (kind, data)."""
    state, coded = 0x123, []
    for kind, data in items:
        header, payload = block.encode(kind, data, MARKER)
        scrambled, state = scrambler.scramble(payload, state)
        coded.append(header | scrambled << 2)
    return coded


def receive(bits, words, rng=None):
    """Blocks given while locked, header errors, and whether it is locked at the end."""
    dut = EthRx(bits)
    got, state = [], {"errors": 0}

    async def bench(ctx):
        async def clock():
            await ctx.tick()
            if ctx.get(dut.valid):
                got.append((Kind(ctx.get(dut.kinds)), ctx.get(dut.data)))
            state["errors"] += ctx.get(dut.header_errors)

        ctx.set(dut.run, 1)
        for word in words:
            while rng is not None and rng.random() < 0.2:
                ctx.set(dut.i_valid, 0)
                await clock()
            ctx.set(dut.i, word)
            ctx.set(dut.i_valid, 1)
            await clock()
        state["locked"] = ctx.get(dut.locked)
        ctx.set(dut.run, 0)
        await clock()
        assert not ctx.get(dut.locked)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return got, state


@pytest.mark.parametrize(("bits", "offset"), [(8, 3), (16, 7), (64, 0), (64, 41)])
def test_blocks_made_by_software_are_found(bits, offset, rng):
    kinds = [Kind.IDLE, Kind.DATA, Kind.START, Kind.MARKER, Kind.TERM3, Kind.TERM7]
    items = [(rng.choice(kinds), rng.getrandbits(64)) for _ in range(700)]
    coded = line(items)
    stream = sum(b << 66 * n for n, b in enumerate(coded)) >> offset
    words = [
        stream >> bits * n & ((1 << bits) - 1) for n in range((66 * len(coded) - offset) // bits)
    ]
    got, state = receive(bits, words, rng)
    assert state == {"errors": 0, "locked": 1}
    assert len(got) > 120
    expected = [block.decode(*block.encode(k, d, MARKER)) for k, d in items]
    tail = got[-100:]
    assert any(expected[n : n + 100] == tail for n in range(len(expected) - 99))


def test_line_errors_are_seen():
    """Two wrong headers and one damaged idle payload, far apart."""
    coded = line([(Kind.IDLE, 0)] * 1200)
    coded[900] ^= 1
    coded[1000] ^= 2
    coded[1100] ^= 1 << 30
    got, state = receive(64, list(gearbox.from_blocks(coded, 64)))
    assert state == {"errors": 2, "locked": 1}
    # The payload error is seen at distance 0, 39 and 58 bits: in this block and the next.
    assert sum(kind == Kind.ERROR for kind, _ in got) == 2 + 2


def test_latency_is_what_it_says():
    """From the slot clock of a block to its first bits, behind the rest of the block of reset."""
    words = send(64, [(Kind.DATA, 0)], 4)
    first = words[EthTx.latency - 1]  # words are read after the clock, the first after the slot
    assert first >> 66 - 64 & 3 == block.HEADER_DATA
    assert words[EthTx.latency - 2] == 0


@pytest.mark.parametrize("coder", [EthTx, EthRx])
def test_bits_are_checked(coder):
    with pytest.raises(ValueError, match="width = 128; allowed: 8, 16, 32, 64"):
        coder(128)
