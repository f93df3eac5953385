"""Codeword lock: every bit offset, tolerance of markers, distance, loss, model."""

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pcs import codeword_lock, fec_marker

# bits of a word, of a word of groups, of a group; the last is that of KR4 at 256 bits.
SIZES = {8: (20, 400), 16: (20, 400), 32: (40, 400), 64: (80, 400), 128: (160, 480),
         256: (330, 990)}  # fmt: skip


class Line:
    """Groups with a marker every `distance` of them; `marker(n)` gives the n-th marker block."""

    def __init__(self, rng, group, distance, groups, *, offset=0, marker=None):
        self.group, self.distance, self.offset = group, distance, offset
        self.groups = []
        for n in range(groups):
            value = rng.getrandbits(group)
            if n % distance == 0:
                block = fec_marker.encode(rng.getrandbits(32))
                block = marker(n // distance, block) if marker else block
                value = value >> 257 << 257 | block
            self.groups.append(value)
        self.stream = sum(value << group * n for n, value in enumerate(self.groups))
        self.stream = self.stream << offset | rng.getrandbits(offset) if offset else self.stream
        self.length = group * groups + offset

    def words(self, bits):
        mask = (1 << bits) - 1
        return [self.stream >> n & mask for n in range(0, self.length, bits)]

    def start(self):
        """The model: the first group that leaves, the one after the first whole pattern."""
        place = codeword_lock.search(self.stream, self.length)
        assert (place - self.offset) % self.group == 0
        return (place - self.offset) // self.group + 1


def run(dut, words, rng=None, control=None):
    """What leaves, clock by clock: ((o, first) or None, aligned, locked, error) after each clock.

    `control(clock)` gives (run, restart).
    """
    out = []

    async def bench(ctx):
        ctx.set(dut.run, 1)
        for word in words:
            while rng and rng.random() < 0.25:
                ctx.set(dut.i_valid, 0)
                ctx.set(dut.i, rng.getrandbits(dut.bits))
                await clock(ctx)
            ctx.set(dut.i, word)
            ctx.set(dut.i_valid, 1)
            await clock(ctx)
        ctx.set(dut.i_valid, 0)
        for _ in range(5):
            await clock(ctx)

    async def clock(ctx):
        if control:
            run, restart = control(len(out))
            ctx.set(dut.run, run)
            ctx.set(dut.restart, restart)
        await ctx.tick()
        beat = (ctx.get(dut.o), ctx.get(dut.o_first)) if ctx.get(dut.o_valid) else None
        out.append((beat, ctx.get(dut.aligned), ctx.get(dut.locked), ctx.get(dut.error)))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return out


def make(bits):
    o_width, group = SIZES[bits]
    return codeword_lock.CodewordLock(bits=bits, o_width=o_width, group=group)


def beats(out):
    return [beat for beat, *_ in out if beat]


def cut(groups, dut):
    """Words of whole groups."""
    mask = (1 << dut.o_width) - 1
    return [(value >> at & mask, int(at == 0))
            for value in groups for at in range(0, dut.group, dut.o_width)]  # fmt: skip


def lock_groups(out):
    """For each rise of `locked`, the number, from 1, of the group whose marker gave it."""
    rises = [n for n in range(1, len(out)) if out[n][2] and not out[n - 1][2]]
    return [sum(1 for beat, *_ in out[: n - 2] if beat and beat[1]) for n in rises]


@pytest.mark.parametrize("bits", SIZES)
def test_locks_at_any_offset_and_gives_whole_groups(rng, bits):
    offsets = range(bits) if bits <= 16 else [*rng.sample(range(bits), 4), 0, bits - 1]
    for offset in offsets:
        dut = make(bits)
        line = Line(rng, dut.group, 3, 8, offset=offset)
        out = run(dut, line.words(bits), rng)
        expected = cut(line.groups[line.start() :], dut)
        got = beats(out)
        assert got == expected[: len(got)]
        assert len(got) >= len(expected) - 2
        # The second marker is that of the third group that leaves.
        assert lock_groups(out) == [3]
        assert out[-1][2]
        assert not any(error for *_, error in out)


@pytest.mark.parametrize("bits", [16, 64, 256])
def test_latency(rng, bits):
    dut = make(bits)
    line = Line(rng, dut.group, 2, 6, offset=rng.randrange(bits))
    out = run(dut, line.words(bits))
    ends = [n for n, (beat, *_) in enumerate(out) if beat]
    first = line.offset + line.start() * dut.group
    for k, clock in enumerate(ends[:-1]):
        last_bit = (first + (k + 1) * dut.o_width - 1) // bits
        # `out[n]` is seen one clock after word n entered.
        assert clock + 1 - last_bit in (dut.latency, dut.latency + 1)
    compared = next(k for k in range(len(ends)) if (k + 1) * dut.o_width >= 160)
    per = dut.group // dut.o_width
    locked = next(n for n, (_, _, locked, _) in enumerate(out) if locked)
    assert locked == ends[per + compared] + 3


@pytest.mark.parametrize("bits", [8, 256])
@pytest.mark.parametrize(("wrong", "fine"), [(6, True), (7, False)])
def test_a_quarter_of_the_nibbles_may_be_wrong(rng, bits, wrong, fine):
    def damage(n, block):
        if n == 1:
            for at, _ in rng.sample(fec_marker.NIBBLES, wrong):
                block ^= rng.randrange(1, 16) << at
        assert codeword_lock.is_marker(block) == (n != 1 or fine)
        return block

    dut = make(bits)
    line = Line(rng, dut.group, 2, 8, offset=3, marker=damage)
    out = run(dut, line.words(bits))
    assert lock_groups(out) == [2 if fine else 4]


def test_four_bad_markers_in_a_row_lose_lock(rng):
    def damage(n, block):
        return 0 if 2 <= n <= 4 or 7 <= n <= 10 else block

    dut = make(64)
    line = Line(rng, dut.group, 2, 36, offset=11, marker=damage)
    out = run(dut, line.words(64))
    assert sum(error for *_, error in out) == 7
    falls = [n for n in range(1, len(out)) if out[n - 1][2] and not out[n][2]]
    assert len(falls) == 1
    assert sum(error for *_, error in out[: falls[0] + 1]) == 7
    # Marker 11 begins the next search, 12 locks.
    assert len(lock_groups(out)) == 2
    assert out[-1][2]
    tail = cut(line.groups[23:], dut)
    assert beats(out)[-len(tail) + 2 :] in (tail[2:], tail[1:-1], tail[:-2])


def test_the_distance_is_shortened_by_an_earlier_marker(rng):
    """The second marker is missed at first: lock at the third, with twice the distance."""

    def damage(n, block):
        return 0 if n in (1, 5) else block

    dut = make(64)
    line = Line(rng, dut.group, 2, 14, marker=damage)
    out = run(dut, line.words(64))
    assert lock_groups(out) == [4]
    assert sum(error for *_, error in out) == 1


@pytest.mark.parametrize("how", ["restart", "run"])
def test_gives_up_lock_when_told(rng, how):
    dut = make(64)
    line = Line(rng, dut.group, 2, 20, offset=7)
    when = (7 * dut.group) // 64

    def control(clock):
        now = clock == when
        return not (now and how == "run"), now and how == "restart"

    out = run(dut, line.words(64), control=control)
    assert out[when - 1][1:3] == (1, 1)
    assert out[when][1:3] == (0, 0)
    assert len(lock_groups(out)) == 2
    assert out[-1][2]


def test_a_pattern_that_is_no_marker_does_not_lock(rng, monkeypatch):
    monkeypatch.setattr(codeword_lock, "MOST_GROUPS", 4)
    dut = make(64)
    false = rng.getrandbits(500) << 48 | fec_marker.PATTERN
    line = Line(rng, dut.group, 2, 16)
    stream = false | line.stream << 548
    words = [stream >> n & (1 << 64) - 1 for n in range(0, line.length + 548, 64)]
    out = run(dut, words)
    aligned = [n for n in range(1, len(out)) if out[n][1] and not out[n - 1][1]]
    assert len(aligned) == 2
    assert len(lock_groups(out)) == 1
    assert out[-1][2]


def test_errors_at_one_percent(rng):
    """A marker in two has no error in its pattern; then the tolerance holds the lock."""
    dut = make(64)
    line = Line(rng, dut.group, 2, 120, offset=5)
    for n in range(line.length):
        if rng.random() < 0.01:
            line.stream ^= 1 << n
    out = run(dut, line.words(64))
    first = next(n for n, (_, _, locked, _) in enumerate(out) if locked)
    assert first * 64 < 60 * dut.group
    assert all(locked for _, _, locked, _ in out[first:])


@pytest.mark.parametrize("bits", SIZES)
def test_search_equals_the_model(rng, bits):
    dut = codeword_lock.MarkerSearch(bits)
    gap = 2 * max(bits, 48)
    places = [48 + n * gap + rng.randrange(bits) for n in range(40)]
    stream = rng.getrandbits(41 * gap)
    for place in places:
        stream = stream & ~((1 << 48) - 1 << place) | fec_marker.PATTERN << place
    found = []

    async def bench(ctx):
        for n in range(41 * gap // bits + 4):
            while rng.random() < 0.2:
                ctx.set(dut.i_valid, 0)
                await ctx.tick()
            ctx.set(dut.i, stream >> bits * n & (1 << bits) - 1)
            ctx.set(dut.i_valid, 1)
            _, _, hit, offset = await ctx.tick().sample(dut.found, dut.offset)
            if hit:
                found.append((n - dut.latency) * bits - dut.before + offset)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    model, place = [], -1
    while (place := codeword_lock.search(stream, 41 * gap, place + 1)) is not None:
        model.append(place)
    assert found == model == places


def test_parameters_are_checked():
    with pytest.raises(ValueError, match=r"bits = 48; allowed: 8, 16, 32, 64, 128, 256"):
        codeword_lock.MarkerSearch(48)
    with pytest.raises(ValueError, match=r"bits = 4; allowed: 8, 16, 32, 64, 128, 256"):
        codeword_lock.CodewordLock(bits=4, o_width=20, group=400)
    for o_width in (60, 150):
        with pytest.raises(
            ValueError,
            match=rf"o_width = {o_width}; allowed: at least 64, and a multiple of 4 or at least",
        ):
            codeword_lock.CodewordLock(bits=64, o_width=o_width, group=600)
    for group in (490, 160):
        with pytest.raises(
            ValueError, match=rf"group = {group}; allowed: a multiple of 80, at least 239 bits"
        ):
            codeword_lock.CodewordLock(bits=64, o_width=80, group=group)
