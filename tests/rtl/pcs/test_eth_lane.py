"""Line coder of 64b/66b: read back by software from the bits alone, and from bits by software."""

import json
import subprocess
from pathlib import Path

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import block, gearbox, scrambler
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.eth_lane import EthRx, EthTx

MARKER = 0x0102_0105


def word(n, bits):
    """Marker word of block `n` of a line that begins with a row."""
    return MARKER | block.SECOND * (n % gearbox.blocks_together(bits))


def joined(values, width):
    """One number of values of `width` bits, the first in the low bits."""
    return sum(value << width * n for n, value in enumerate(values))


def send(bits, items, clocks, rng=None):
    """Words of the line; `items` are (kind, data), a row of them a slot, then idle."""
    dut = EthTx(bits)
    words = []

    async def bench(ctx):
        ctx.set(dut.marker, MARKER)
        ctx.set(dut.seed, 0x155)
        queue = list(items)
        await ctx.tick()  # the seed is loaded
        for _ in range(clocks):
            row = [*queue[: dut.blocks], *[(Kind.IDLE, 0)] * dut.blocks][: dut.blocks]
            ctx.set(dut.kinds, joined([kind for kind, _ in row], 4))
            ctx.set(dut.data, joined([data for _, data in row], 64))
            move = rng is None or rng.random() < 0.7
            ctx.set(dut.run, move)
            _, _, slot = await ctx.tick().sample(dut.slot)
            if slot:
                del queue[: dut.blocks]
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
        blocks = list(gearbox.to_blocks(words, bits, skip=skip))[2:]  # the row of reset apart
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


@pytest.mark.parametrize("bits", [8, 16, 32, 64, 128])
@pytest.mark.parametrize("pauses", [False, True])
def test_software_reads_the_line(bits, pauses, rng):
    items = [(Kind.IDLE, 0)] * 40
    for _ in range(60):
        items.append((rng.choice(list(Kind)), rng.getrandbits(64)))
    clocks = 66 * 110 // bits * (2 if pauses else 1)
    got = blocks_of(send(bits, items, clocks, rng if pauses else None), bits)
    expected = [
        block.decode(*block.encode(k, d, word(n, bits))) for n, (k, d) in enumerate(items[40:])
    ]
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


def line(items, bits=64):
    """Coded and scrambled 66-bit blocks of (kind, data)."""
    state, coded = 0x123, []
    for n, (kind, data) in enumerate(items):
        header, payload = block.encode(kind, data, word(n, bits))
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
                kinds, data = ctx.get(dut.kinds), ctx.get(dut.data)
                for n in range(dut.blocks):
                    kind = Kind(kinds >> 4 * n & 15)
                    got.append((kind, data >> 64 * n & (1 << 64) - 1))
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


WAYS = [(8, 3), (16, 7), (64, 0), (64, 41), (128, 0), (128, 41), (128, 66), (128, 107)]


@pytest.mark.parametrize(("bits", "offset"), WAYS)
def test_blocks_made_by_software_are_found(bits, offset, rng):
    together = gearbox.blocks_together(bits)
    kinds = [Kind.IDLE, Kind.DATA, Kind.START, Kind.TERM3, Kind.TERM7]
    items = []
    while len(items) < 700 * together:
        row = [(rng.choice(kinds), rng.getrandbits(64)) for _ in range(together)]
        items += row if rng.random() < 0.8 else [(Kind.MARKER, 0)] * together
    coded = line(items, bits)
    stream = sum(b << 66 * n for n, b in enumerate(coded)) >> offset
    words = [
        stream >> bits * n & ((1 << bits) - 1) for n in range((66 * len(coded) - offset) // bits)
    ]
    got, state = receive(bits, words, rng)
    assert state == {"errors": 0, "locked": 1}
    assert len(got) > 120
    expected = [block.decode(*block.encode(k, d, word(n, bits))) for n, (k, d) in enumerate(items)]
    assert got[0][0] == Kind.MARKER or together == 1
    tail = got[-100:]
    assert any(expected[n : n + 100] == tail for n in range(0, len(expected) - 99, together))


@pytest.mark.parametrize("bits", [64, 128])
def test_line_errors_are_seen(bits):
    """Two wrong headers and one damaged idle payload, far apart."""
    coded = line([*[(Kind.IDLE, 0)] * 800, *[(Kind.MARKER, 0)] * 2, *[(Kind.IDLE, 0)] * 398], bits)
    coded[900] ^= 1
    coded[1000] ^= 2
    coded[1100] ^= 1 << 30
    got, state = receive(bits, list(gearbox.from_blocks(coded, bits)))
    assert state == {"errors": 2, "locked": 1}
    # The payload error is seen at distance 0, 39 and 58 bits: in this block and the next.
    assert sum(kind == Kind.ERROR for kind, _ in got) == 2 + 2


@pytest.mark.parametrize("bits", [64, 128])
def test_latency_is_what_it_says(bits):
    """From the slot clock of a row to its first bits, behind the rest of the row of reset."""
    together = gearbox.blocks_together(bits)
    words = send(bits, [(Kind.DATA, 0)] * together, 4)
    first = words[EthTx.latency - 1]  # words are read after the clock, the first after the slot
    assert first >> 66 * together - bits & 3 == block.HEADER_DATA
    assert words[EthTx.latency - 2] == 0


@pytest.mark.parametrize("coder", [EthTx, EthRx])
def test_bits_are_checked(coder):
    with pytest.raises(ValueError, match="width = 256; allowed: 8, 16, 32, 64, 128"):
        coder(256)


@pytest.fixture(scope="module")
def pairs(coder_pair, verilate):
    """Runs of both coders at 128 bits, one an offset: `pairs(**arguments)`."""
    pair = coder_pair(EthTx(128), EthRx(128))
    program = verilate(pair, "pair", Path(__file__).with_name("eth_lane.cpp"))

    def run(**arguments):
        command = [program, *(f"{name}={value}" for name, value in arguments.items())]
        print(*command[1:])
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


def test_two_blocks_a_clock_come_back_whole_from_every_offset(pairs, rng):
    """A slip costs about four pairs and the hold-off, lock 32 pairs, the order a marker."""
    clocks, markers = 900, 64
    every = pairs(seed=rng.getrandbits(30), clocks=clocks, marker_rows=markers)
    assert [got["offset"] for got in every] == list(range(132))
    for got in every:
        assert got["locked"] == 1, got
        assert got["losses"] == got["wrong"] == got["unknown"] == got["headers"] == 0, got
        assert got["locked_at"] < 66 * 8 + 40, got
        assert got["good"] > clocks * 32 // 33 - got["locked_at"] - markers - 10, got
        assert got["markers"] >= 4, got


def test_a_slip_by_a_block_is_found_at_the_next_marker(pairs, rng):
    """Headers fit as before; until the marker rows are out of order, after it they are right."""
    seed = rng.getrandbits(30)
    (whole,) = pairs(seed=seed, clocks=3000, first=17, last=17)
    for blocks in (1, 3):
        (got,) = pairs(
            seed=seed, clocks=3000, first=17, last=17, cut_at=128 * 1500, cut=66 * blocks
        )
        assert (got["losses"], got["locked"]) == (1, 1), got
        assert got["headers"] <= 1
        assert got["wrong"] <= 64 + 2
        assert got["good"] > whole["good"] - 3 * 64


def test_a_slip_of_a_bit_or_a_wrong_polarity_takes_the_lock(pairs, rng):
    """A slip: 16 bad headers, and lock again; an inverted line locks and has no marker."""
    (got,) = pairs(seed=rng.getrandbits(30), clocks=3000, first=5, last=5, cut_at=128 * 1500, cut=1)
    assert (got["losses"], got["locked"]) == (1, 1), got
    assert got["headers"] >= 15
    assert got["good"] > 1500
    (got,) = pairs(seed=rng.getrandbits(30), clocks=1500, first=9, last=9, invert=1)
    assert (got["locked"], got["good"], got["wrong"], got["unknown"]) == (1, 0, 0, 0), got
