"""Block alignment: every length of SKP set, every width, loss of lock and the way back."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs.pcie import ordered_sets as sets
from lightloom.rtl.pcs.pcie.gearbox130 import to_words
from lightloom.rtl.pcs.pcie.lock import FAULTS_TO_LOSE, SHORT_SETS, BlockAlign, blocks

EIEOS = (130, sets.EIEOS << 2 | sets.HEADER_SET)


def data(rng):
    return 130, rng.getrandbits(128) << 2 | sets.HEADER_DATA


def skp(rng, skips):
    return 34 + 8 * skips, sets.skp(rng.getrandbits(23), skips) << 2 | sets.HEADER_SET


def undefined(rng):
    return 130, rng.getrandbits(128) << 2 | rng.choice([0, 3])


class Bench:
    """Feeds blocks after some random bits; `confirm` with the first block, `reject` at some."""

    def __init__(self, bits, parts, rng, *, skip=0, reject=()):
        self.dut = BlockAlign(bits=bits)
        self.got, self.locked, self.errors = [], [], 0
        self.latency = []
        parts = [(skip, rng.getrandbits(skip)) if skip else (0, 0), *parts, (9 * bits, 0)]
        self.words = list(to_words(parts, bits))
        self.reject = reject
        sim = Simulator(self.dut)
        sim.add_clock(1e-6)
        sim.add_testbench(self.run)
        sim.run()

    async def run(self, ctx):
        dut = self.dut
        ctx.set(dut.i_valid, 1)
        seen = 0
        for word in self.words:
            ctx.set(dut.i, word)
            _, _, there, header, payload, is_skp, value, locked, error = await ctx.tick().sample(
                dut.valid, dut.header, dut.payload, dut.skp, dut.skp_value, dut.locked, dut.error
            )
            ctx.set(dut.confirm, there and seen == 0)
            ctx.set(dut.reject, there and seen in self.reject)
            if there:
                self.got.append((header, payload, is_skp, value))
                seen += 1
            self.locked.append(locked)
            self.errors += error


def wanted(parts):
    out = []
    for length, value in parts:
        header, payload = value & 3, value >> 2
        is_skp = header == sets.HEADER_SET and payload & 0xFF == sets.ID_SKP
        tail = (payload >> (length - 26)).to_bytes(3, "little") if is_skp else b"\0\0\0"
        out.append((header, payload, int(is_skp), int.from_bytes(tail, "big")))
    return out


def same(got, want):
    for (header, payload, is_skp, value), right in zip(got, want, strict=False):
        assert (header, is_skp) == (right[0], right[2])
        if is_skp:
            assert value == right[3]
        else:
            assert payload == right[1]


@pytest.mark.parametrize("bits", [8, 13, 32, 64, 66, 67, 100, 128])
def test_sets_of_all_lengths_between_data(bits, rng):
    parts = []
    for n in range(60):
        parts += [data(rng)] * rng.randint(1, 9)
        parts.append(skp(rng, 4 * (1 + n % 5)))
        # The short ones stand apart when a clock brings more than they have.
        parts += [data(rng) for _ in range(31 if bits > 66 and n % 5 == 0 else 0)]
    bench = Bench(bits, [EIEOS, *parts], rng, skip=rng.randrange(1, 200))
    assert len(bench.got) >= len(parts)
    same(bench.got, wanted(parts))
    assert bench.errors <= 9 * bits // 130 + 1  # the zeros after the last block


@pytest.mark.parametrize("bits", [64, 128])
def test_a_set_ends_at_the_first_end_symbol(bits, rng):
    """Also when what follows has that symbol where a longer set would end."""
    parts = []
    for n, at in enumerate([30, 62, 94] * 3):
        follows = sets.SKP_END << at << 2 | sets.HEADER_DATA
        parts += [skp(rng, 4), (130, follows), *[data(rng) for _ in range(32)]]
        parts.append(data(rng) if n % 2 else skp(rng, 12))
    same(Bench(bits, [EIEOS, *parts], rng).got, wanted(parts))


def test_model_agrees_with_the_blocks_it_was_given(rng):
    parts = [data(rng), skp(rng, 20), data(rng), skp(rng, 4), EIEOS, data(rng)]
    stream = length = 0
    for size, value in [(77, rng.getrandbits(77)), EIEOS, *parts]:
        stream |= value << length
        length += size
    assert list(blocks(stream, length)) == parts
    assert list(blocks(stream >> 80, length - 80)) == [parts[-1]]
    assert list(blocks(rng.getrandbits(500), 500)) == []


@pytest.mark.parametrize("bits", [8, 40, 64])
def test_short_sets_without_end_fit_when_a_clock_brings_no_more_than_they_have(bits, rng):
    parts = [skp(rng, 4) for _ in range(150)]
    bench = Bench(bits, [EIEOS, data(rng), *parts], rng)
    assert all(is_skp for _, _, is_skp, _ in bench.got[1:151])
    assert bench.locked[-20]


def test_short_sets_that_do_not_fit_take_the_lock_away(rng):
    few = [skp(rng, 4) for _ in range(SHORT_SETS)]
    many = [skp(rng, 4) for _ in range(40)]
    rest = [data(rng) for _ in range(30)]
    assert all(Bench(128, [EIEOS, *rest, *few, *rest], rng).locked[20:60])
    locked = Bench(128, [EIEOS, *rest, *many, *rest], rng).locked
    assert locked[20]
    assert not locked[-1]


@pytest.mark.parametrize(("faults", "kept"), [(FAULTS_TO_LOSE - 1, True), (FAULTS_TO_LOSE, False)])
def test_undefined_headers_of_a_window_take_the_lock_away(faults, kept, rng):
    parts = [data(rng) for _ in range(60)]
    for n in rng.sample(range(1, 50), faults):
        parts[n] = undefined(rng)
    bench = Bench(64, [EIEOS, *parts], rng)
    at = (60 * 130) // 64
    assert bench.locked[at] == kept
    if kept:
        assert bench.errors >= faults


def test_faults_spread_over_windows_do_not(rng):
    parts = [data(rng) for _ in range(64 * 6)]
    for window in range(6):
        for n in rng.sample(range(1, 60), 4):
            parts[64 * window + n] = undefined(rng)
    assert Bench(64, [EIEOS, *parts], rng).locked[64 * 6 * 2]


def test_bad_sets_count_like_headers(rng):
    parts = [data(rng) for _ in range(60)]
    some = set(range(10, 10 + FAULTS_TO_LOSE - 1))
    assert Bench(64, [EIEOS, *parts], rng, reject=some).locked[110]
    assert not Bench(64, [EIEOS, *parts], rng, reject=some | {20}).locked[110]


def test_a_slipped_bit_takes_the_lock_away_and_the_next_eieos_brings_it_back(rng):
    before = [data(rng) for _ in range(40)]
    after = [data(rng) for _ in range(60)]
    last = [data(rng) for _ in range(30)]
    parts = [EIEOS, *before, (1, 1), *after, EIEOS, *last]
    bench = Bench(64, parts, rng)
    assert len(bench.got) < 130
    # The last blocks are the last sent; some zeros may follow.
    payloads = [payload for _, payload, _, _ in bench.got]
    start = payloads.index(last[0][1] >> 2)
    assert payloads[start : start + 30] == [value >> 2 for _, value in last]


def test_a_reject_before_lock_starts_the_search_again(rng):
    class Unsure(Bench):
        async def run(self, ctx):
            ctx.set(self.dut.confirm, 0)
            dut = self.dut
            ctx.set(dut.i_valid, 1)
            for word in self.words:
                ctx.set(dut.i, word)
                _, _, there, aligned = await ctx.tick().sample(dut.valid, dut.aligned)
                ctx.set(dut.reject, there)
                self.locked.append(aligned)

    locked = Unsure(64, [EIEOS, *[data(rng) for _ in range(20)]], rng).locked
    assert any(locked)
    assert not any(locked[15:])


def test_latency(rng):
    """Counted from the word with the last bit of a block."""
    dut = BlockAlign(bits=65)
    words = list(to_words([EIEOS, data(rng), data(rng)], 65))
    when = []

    async def bench(ctx):
        ctx.set(dut.i_valid, 1)
        for n, word in enumerate([*words, *[0] * 8]):
            ctx.set(dut.i, word)
            _, _, there = await ctx.tick().sample(dut.valid)
            if there:
                when.append(n)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    # The first data block ends with word 3.
    assert when[:2] == [3 + dut.latency, 5 + dut.latency]


@pytest.mark.parametrize("bits", [7, 129])
def test_bits_are_checked(bits):
    with pytest.raises(ValueError, match=rf"^bits = {bits}; allowed: 8 to 128$"):
        BlockAlign(bits=bits)
