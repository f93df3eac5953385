"""Rows behind the decoder: every kind comes back, nothing of a failed group passes for good."""

from amaranth.sim import Simulator

from lightloom.rtl.pcs import block, fec_marker, fec_rows, transcoder, wide_scrambler
from lightloom.rtl.pcs.block import Kind

GROUP = 20
KINDS = [kind for kind in Kind if kind != Kind.MARKER]


def send(rng, count, *, marker_every=2 * GROUP):
    """Rows (kinds, data) and the blocks of 257 bits that carry them."""
    state = rng.getrandbits(58)
    sent, line = [], []
    for n in range(count):
        if n % marker_every == 0:
            word = rng.getrandbits(32)
            sent.append(([Kind.MARKER] * 4, [word, 0, 0, 0]))
            line.append(fec_marker.encode(word))
            continue
        kinds = [rng.choice(KINDS) if rng.random() < 0.4 else Kind.DATA for _ in range(4)]
        data = [rng.getrandbits(64) for _ in range(4)]
        item = transcoder.encode([block.encode(k, d) for k, d in zip(kinds, data, strict=True)])
        item, state = wide_scrambler.scramble(item, state, 257)
        kept = [d & (1 << 8 * (k - Kind.TERM0)) - 1 if k >= Kind.TERM0 else d
                for k, d in zip(kinds, data, strict=True)]  # fmt: skip
        sent.append((kinds, kept))
        line.append(item)
    return sent, line


def run(blocks, rng, *, restarts=()):
    """Rows that leave for (block, first, failed), `None` where the restart took one."""
    dut = fec_rows.FecRows()
    out = []

    async def clock(ctx):
        await ctx.tick()
        if ctx.get(dut.valid):
            kinds, data = ctx.get(dut.kinds), ctx.get(dut.data)
            row = ([Kind(kinds >> 4 * n & 15) for n in range(4)],
                   [data >> 64 * n & (1 << 64) - 1 for n in range(4)])  # fmt: skip
            out.append((*row, ctx.get(dut.invalid)))
        else:
            assert not ctx.get(dut.invalid)

    async def bench(ctx):
        for n, (item, first, failed) in enumerate(blocks):
            while rng.random() < 0.3:
                ctx.set(dut.i_valid, 0)
                ctx.set(dut.i, rng.getrandbits(257))
                await clock(ctx)
            ctx.set(dut.i_valid, 1)
            ctx.set(dut.i, item)
            ctx.set(dut.i_first, first)
            ctx.set(dut.i_failed, failed)
            ctx.set(dut.restart, n in restarts)
            await clock(ctx)
        ctx.set(dut.i_valid, 0)
        for _ in range(dut.latency):
            await clock(ctx)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


def means(kinds, data):
    """What counts of a row: data of the kinds that carry any."""
    carries = (Kind.DATA, Kind.MARKER)
    return [(k, d if k in carries or k >= Kind.TERM0 else 0)
            for k, d in zip(kinds, data, strict=True)]  # fmt: skip


def test_rows_come_back_and_equal_the_model(rng):
    sent, line = send(rng, 160)
    blocks = [(item, n % GROUP == 0, False) for n, item in enumerate(line)]
    got = run(blocks, rng)
    assert [row[:2] for row in got] == list(fec_rows.rows(blocks))
    assert not any(invalid for *_, invalid in got)
    # The first row after the marker has no history in the descrambler.
    assert got[1][0] == [Kind.ERROR] * 4
    for n, ((kinds, data, _), row) in enumerate(zip(got, sent, strict=True)):
        if n != 1:
            assert means(kinds, data) == means(*row)


def test_no_wrong_row_of_a_failed_group_or_after_it_is_good(rng):
    sent, line = send(rng, 400)
    bad = {n for n in range(400) if n // GROUP in (2, 5, 6, 9, 13, 14, 15)}
    damaged = [item ^ (rng.getrandbits(257) if n in bad else 0) for n, item in enumerate(line)]
    blocks = [(item, n % GROUP == 0, n in bad) for n, item in enumerate(damaged)]
    got = run(blocks, rng)
    assert [row[:2] for row in got] == list(fec_rows.rows(blocks))
    trusted = 0
    for n, ((kinds, data, _), row) in enumerate(zip(got, sent, strict=True)):
        if n in bad:
            assert kinds == [Kind.ERROR] * 4
        elif kinds == [Kind.MARKER] * 4 or kinds != [Kind.ERROR] * 4:
            assert means(kinds, data) == means(*row)
            trusted += 1
        else:
            # One row only: the first that is scrambled behind a failed group.
            before = n - 1 if (n - 1) % (2 * GROUP) or n == 1 else n - 2
            assert n == 1 or before in bad
    assert trusted > 400 - len(bad) - 10


def test_headers_and_marker_blocks_in_wrong_places(rng):
    """An invalid group of blocks is four errors, a 66-bit marker or a marker elsewhere is one."""
    state = rng.getrandbits(58)
    data = block.encode(Kind.DATA, 5)
    items = [
        transcoder.encode([data] * 4),
        transcoder.encode([data, (0b11, 0), data, data]),
        transcoder.encode([data, data, block.encode(Kind.MARKER, marker=7), data]),
        transcoder.encode([data] * 4),
    ]
    line = []
    for item in items:
        item, state = wide_scrambler.scramble(item, state, 257)
        line.append(item)
    blocks = [(item, False, False) for item in line] + [(fec_marker.encode(3), False, False)]
    got = run(blocks, rng)
    assert got[1] == ([Kind.ERROR] * 4, got[1][1], 1)
    assert got[2][0] == [Kind.DATA, Kind.DATA, Kind.ERROR, Kind.DATA]
    assert got[3] == ([Kind.DATA] * 4, [5] * 4, 0)
    assert Kind.MARKER not in got[4][0]


def test_a_block_that_is_nearly_a_marker_is_not_one(rng):
    for bit in (0, 50, 58, 170, 256):
        blocks = [(fec_marker.encode(9) ^ 1 << bit, True, False)]
        ((kinds, _, _),) = run(blocks, rng)
        assert kinds == [Kind.ERROR] * 4


def test_restart_forgets_the_history(rng):
    sent, line = send(rng, 30)
    blocks = [(item, n % GROUP == 0, False) for n, item in enumerate(line)]
    got = run(blocks, rng, restarts={10})
    # Rows 10 and, unless a gap came before it, 9 are dropped, 11 is doubtful.
    assert len(got) in (28, 29)
    tail = got[-19:]
    assert tail[0][0] == [Kind.ERROR] * 4
    for (kinds, data, _), row in zip(tail[1:], sent[12:], strict=True):
        assert means(kinds, data) == means(*row)
