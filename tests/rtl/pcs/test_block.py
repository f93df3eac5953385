"""Block encoder and decoder: every kind, every header, broken blocks."""

import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import block
from lightloom.rtl.pcs.block import Kind


def evaluate(dut, inputs, outputs):
    """Drive a combinational block with dicts of inputs; returns tuples of outputs."""
    results = []

    async def bench(ctx):
        for values in inputs:
            for name, value in values.items():
                ctx.set(getattr(dut, name), value)
            await ctx.delay(1e-9)
            results.append(tuple(ctx.get(getattr(dut, name)) for name in outputs))

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()
    return results


def test_known_payloads_of_clause_49():
    """Type fields and byte places written from figure 49-7."""
    data = 0x8877665544332211
    assert block.encode(Kind.IDLE) == (0b01, 0x1E)
    assert block.encode(Kind.DATA, data) == (0b10, data)
    assert block.encode(Kind.START) == (0b01, 0x78)
    assert block.encode(Kind.TERM0, data) == (0b01, 0x87)
    assert block.encode(Kind.TERM1, data) == (0b01, 0x1199)
    assert block.encode(Kind.TERM2, data) == (0b01, 0x2211AA)
    assert block.encode(Kind.TERM3, data) == (0b01, 0x332211B4)
    assert block.encode(Kind.TERM4, data) == (0b01, 0x44332211CC)
    assert block.encode(Kind.TERM5, data) == (0b01, 0x5544332211D2)
    assert block.encode(Kind.TERM6, data) == (0b01, 0x665544332211E1)
    assert block.encode(Kind.TERM7, data) == (0b01, 0x77665544332211FF)
    # Eight error codes 0x1e of 7 bits after the type.
    assert block.encode(Kind.ERROR)[1] == 0x3C78F1E3C78F1E1E
    # Lane 5, ready, turnaround 0x1234: 55 05 01 check, O codes 5 and 5, 34 12 check.
    assert block.encode(Kind.MARKER, marker=0x1234_0105) == (0b01, 0x22_12_34_55_DD_01_05_55)


@pytest.fixture
def cases():
    seed = random.getrandbits(32)
    print("seed", seed)
    rng = random.Random(seed)
    return [
        {
            "kind": kind,
            "data": rng.getrandbits(64),
            "marker": rng.getrandbits(32),
        }
        for kind in Kind
        for _ in range(8)
    ]


def test_encoder_equals_the_model(cases):
    got = evaluate(block.Encoder(), cases, ("header", "payload"))
    assert got == [block.encode(**case) for case in cases]


@pytest.mark.parametrize("kind", [5, 6, 7])
def test_unnamed_kinds_are_error_blocks(kind):
    got = evaluate(block.Encoder(), [{"kind": kind, "data": 1}], ("header", "payload"))
    assert got == [block.encode(Kind.ERROR)]


def test_decoder_undoes_the_encoder(cases):
    blocks = [dict(zip(("header", "payload"), block.encode(**c), strict=True)) for c in cases]
    got = evaluate(block.Decoder(), blocks, ("kind", "data"))
    for case, (kind, data) in zip(cases, got, strict=True):
        assert kind == case["kind"]
        if kind == Kind.DATA:
            assert data == case["data"]
        if kind >= Kind.TERM0:
            assert data == case["data"] & ((1 << 8 * (kind - 8)) - 1)
        if kind == Kind.MARKER:
            assert data == case["marker"]


def test_decoder_equals_the_model_on_broken_blocks(cases):
    rng = random.Random(7)
    blocks = []
    for case in cases:
        header, payload = block.encode(**case)
        for _ in range(4):
            broken = payload
            for _ in range(rng.randrange(3)):
                broken ^= 1 << rng.randrange(64)
            blocks.append({"header": rng.choice([header, header, 0, 3]), "payload": broken})
    got = evaluate(block.Decoder(), blocks, ("kind", "data"))
    assert got == [block.decode(b["header"], b["payload"]) for b in blocks]
    assert sum(kind == Kind.ERROR for kind, _ in got) > 50


def test_no_single_error_in_idle_or_marker_goes_unseen():
    for kind in (Kind.IDLE, Kind.MARKER):
        header, payload = block.encode(kind, marker=0x0103)
        blocks = [{"header": header, "payload": payload ^ 1 << n} for n in range(64)]
        got = evaluate(block.Decoder(), blocks, ("kind",))
        # A flip in the type can make another type; it must not be the same kind with other content.
        assert all(k != kind for (k,) in got)
