"""Transcoder: the rules of the clause bit by bit, all mixtures of data and control, bad headers."""

import itertools

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import block, transcoder

DATA, CONTROL = block.HEADER_DATA, block.HEADER_CONTROL
CONTROL_KINDS = [kind for kind in block.Kind if kind not in (block.Kind.DATA,)]


def by_the_clause(blocks):
    """Bit lists, written from the text of 119.2.4.2 and not from the code under test."""
    coded = [[header & 1, header >> 1, *(payload >> k & 1 for k in range(64))]
             for header, payload in blocks]  # fmt: skip
    xcoded = [None] * 257
    if all(b[0] == 0 and b[1] == 1 for b in coded):
        xcoded[0] = 1
        for j in range(4):
            xcoded[64 * j + 1 : 64 * j + 65] = coded[j][2:66]
        return xcoded
    xcoded[0] = 0
    payloads = [bit for b in coded for bit in b[2:66]]
    if all(b[0] != b[1] for b in coded):
        for j in range(4):
            xcoded[j + 1] = coded[j][1]
        c = min(j for j in range(4) if coded[j][0] == 1)
    else:
        xcoded[1:5] = [1, 1, 1, 1]
        c = 0
    xcoded[5 : 64 * c + 9] = payloads[0 : 64 * c + 4]
    xcoded[64 * c + 9 : 257] = payloads[64 * c + 8 : 256]
    return xcoded


def simulate(dut, drive):
    async def bench(ctx):
        await drive(ctx)

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()


def encode_all(groups):
    dut = transcoder.Encoder()
    out = []

    async def drive(ctx):
        for group in groups:
            ctx.set(dut.headers, sum(header << 2 * n for n, (header, _) in enumerate(group)))
            ctx.set(dut.payloads, sum(payload << 64 * n for n, (_, payload) in enumerate(group)))
            await ctx.delay(1e-6)
            out.append(ctx.get(dut.o))

    simulate(dut, drive)
    return out


def decode_all(blocks):
    dut = transcoder.Decoder()
    out = []

    async def drive(ctx):
        for item in blocks:
            ctx.set(dut.i, item)
            await ctx.delay(1e-6)
            headers, payloads = ctx.get(dut.headers), ctx.get(dut.payloads)
            pairs = [(headers >> 2 * n & 3, payloads >> 64 * n & (1 << 64) - 1) for n in range(4)]
            out.append((pairs, ctx.get(dut.invalid)))

    simulate(dut, drive)
    return out


def group(rng, kinds):
    return [block.encode(kind, rng.getrandbits(64), rng.getrandbits(8)) for kind in kinds]


def every_mixture(rng):
    """All 16 positions of control blocks, each kind first once at least."""
    groups = []
    for pattern in itertools.product([True, False], repeat=4):
        for kind in CONTROL_KINDS:
            kinds = [block.Kind.DATA if data else rng.choice(CONTROL_KINDS) for data in pattern]
            if not all(pattern):
                kinds[pattern.index(False)] = kind
            groups.append(group(rng, kinds))
    return groups


def test_every_mixture_follows_the_clause_and_comes_back(rng):
    groups = every_mixture(rng)
    coded = encode_all(groups)
    for blocks, got in zip(groups, coded, strict=True):
        assert got == transcoder.encode(blocks)
        assert [got >> k & 1 for k in range(257)] == by_the_clause(blocks)
    decoded = decode_all(coded)
    assert decoded == [(blocks, 0) for blocks in groups]
    assert [transcoder.decode(item) for item in coded] == groups


def test_every_block_type_comes_back_as_the_first_control_block(rng):
    groups = []
    for first, block_type in itertools.product(range(4), transcoder.TYPES):
        blocks = [(DATA, rng.getrandbits(64)) for _ in range(4)]
        blocks[first] = (CONTROL, block_type | rng.getrandbits(56) << 8)
        groups.append(blocks)
    assert [pairs for pairs, _ in decode_all(encode_all(groups))] == groups
    assert len({block_type & 0xF for block_type in transcoder.TYPES}) == 15


def test_a_literal_block():
    """Start, three data: 0, flags 0111 from block 0 on, then the type without its nibble 7."""
    blocks = [(CONTROL, 0x0706050403020178), (DATA, 0), (DATA, 0), (DATA, (1 << 64) - 1)]
    value = transcoder.encode(blocks)
    assert value & 0x1F == 0b11100
    assert value >> 5 & 0xF == 0x8
    assert value >> 9 & (1 << 56) - 1 == 0x07060504030201
    assert value >> 193 == (1 << 64) - 1
    assert value.bit_length() == 257


@pytest.mark.parametrize("bad", [0b00, 0b11])
@pytest.mark.parametrize("position", range(4))
def test_an_invalid_header_makes_four_errors(rng, bad, position):
    blocks = group(rng, [block.Kind.DATA] * 4)
    blocks[position] = (bad, blocks[position][1])
    (coded,) = encode_all([blocks])
    assert coded == transcoder.encode(blocks)
    assert [coded >> k & 1 for k in range(257)] == by_the_clause(blocks)
    ((pairs, invalid),) = decode_all([coded])
    assert invalid
    assert pairs == transcoder.decode(coded)
    assert [block.decode(*pair)[0] for pair in pairs] == [block.Kind.ERROR] * 4


def test_a_type_nibble_of_zero_is_an_error_block(rng):
    blocks = group(rng, [block.Kind.DATA, block.Kind.IDLE, block.Kind.DATA, block.Kind.IDLE])
    coded = transcoder.encode(blocks) & ~(0xF << 5 + 64)
    ((pairs, invalid),) = decode_all([coded])
    kinds = [block.decode(*pair)[0] for pair in pairs]
    assert not invalid
    assert kinds == [block.Kind.DATA, block.Kind.ERROR, block.Kind.DATA, block.Kind.IDLE]


def test_decoder_equals_the_model_on_anything(rng):
    items = [rng.getrandbits(257) & ~1 | (rng.random() < 0.2) for _ in range(300)]
    items += [rng.getrandbits(252) << 5 | flags << 1 for flags in range(16)]
    for item, (pairs, invalid) in zip(items, decode_all(items), strict=True):
        assert pairs == transcoder.decode(item)
        assert invalid == (item & 0x1F == 0b11110)
