"""Coders of a lane with FEC: transmitter against its model, both through a channel of bits."""

import json
import random
import subprocess
from pathlib import Path

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.fec.codes import KP4, KR4
from lightloom.rtl.pcs import fec_lane
from lightloom.rtl.pcs.block import Kind

MAIN = Path(__file__).with_name("fec_lane.cpp")


def random_rows(rng, count, marker_rows):
    """Rows as `fec_lane.line` takes them; one stray MARKER row is in them."""
    rows = []
    for n in range(count):
        kinds = [rng.choice(list(Kind)) if rng.random() < 0.3 else Kind.DATA for _ in range(4)]
        if n % marker_rows == 0 or n == 7:
            kinds = [Kind.MARKER] * 4
        rows.append((kinds, [rng.getrandbits(64) for _ in range(4)], rng.getrandbits(32)))
    return rows


def words_sent(dut, rows, seed, clocks, rng=None):
    """Words after each `run` clock, and whether a row was taken in each clock."""
    words, slots = [], []

    async def bench(ctx):
        taken = 0
        ctx.set(dut.seed, seed)
        for _ in range(clocks):
            kinds, data, marker = rows[taken % len(rows)]
            ctx.set(dut.kinds, sum(kind << 4 * n for n, kind in enumerate(kinds)))
            ctx.set(dut.data, sum(value << 64 * n for n, value in enumerate(data)))
            ctx.set(dut.marker, marker)
            run = rng is None or rng.random() < 0.5
            ctx.set(dut.run, run)
            _, _, slot = await ctx.tick().sample(dut.slot)
            taken += slot
            slots.append(slot)
            # `word` is 0 before the latency is over.
            if run and len(slots) >= dut.latency:
                words.append(ctx.get(dut.word))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return words, slots


@pytest.mark.parametrize(("code", "bits", "depth"), [(KP4, 64, 1), (KR4, 32, 2), (KP4, 64, 4)])
def test_transmitter_equals_the_model(rng, code, bits, depth):
    dut = fec_lane.FecTx(code, bits, depth)
    per = fec_lane.group_rows(code, depth)
    rows = random_rows(rng, 2 * per, per)
    seed = rng.getrandbits(58)
    symbols = list(fec_lane.line(rows, code, depth, seed))
    expected = sum(symbol << 10 * n for n, symbol in enumerate(symbols))
    words, _ = words_sent(dut, rows, seed, 20 * len(symbols) // bits + dut.latency, rng)
    got = sum(word << bits * n for n, word in enumerate(words))
    known = min(bits * len(words), 10 * len(symbols))
    assert known > 8 * len(symbols)
    assert (got ^ expected) & (1 << known) - 1 == 0


def test_lanes_with_other_data_take_rows_together(rng):
    slots = []
    for _ in range(2):
        dut = fec_lane.FecTx(KR4, 64)
        rows = random_rows(rng, 40, 20)
        _, taken = words_sent(dut, rows, rng.getrandbits(58), 300, random.Random(5))
        slots.append(taken)
    assert slots[0] == slots[1]
    assert sum(slots[0]) > 20


CASES = [
    pytest.param((KP4, 64, 1), id="kp4-64-1"),
    pytest.param((KR4, 8, 2), id="kr4-8-2"),
    pytest.param((KP4, 128, 2), id="kp4-128-2", marks=pytest.mark.slow),
    pytest.param((KR4, 256, 1), id="kr4-256-1", marks=pytest.mark.slow),
    pytest.param((KP4, 256, 4), id="kp4-256-4", marks=pytest.mark.slow),
]


class Link:
    """The pair of a case as a program; a run takes so many groups of codewords."""

    def __init__(self, case, coder_pair, verilate):
        self.code, self.bits, self.depth = case
        self.pair = coder_pair(fec_lane.FecTx(*case), fec_lane.FecRx(*case))
        self.rows = fec_lane.group_rows(self.code, self.depth)
        self.group = 10 * self.code.n * self.depth
        text = f"""#define LINE_BITS {self.bits}
#define GROUP_ROWS {self.rows}
#define GROUP_BITS {self.group}
#define TX_LATENCY {self.pair.tx.latency}
"""
        self.program = verilate(self.pair, "pair", text + MAIN.read_text())

    def run(self, groups, *, markers=4, run=100, **arguments):
        """Figures of a run with a marker every `markers` groups."""
        clocks = groups * self.group // self.bits * 100 // run
        options = {"clocks": clocks, "marker_rows": markers * self.rows, "run": run, **arguments}
        command = [self.program, *(f"{name}={value}" for name, value in options.items())]
        print(*command[1:])
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(done.stdout)
        return json.loads(done.stdout)


@pytest.fixture(scope="module", params=CASES)
def link(request, coder_pair, verilate):
    return Link(request.param, coder_pair, verilate)


def seed():
    """Seed of a run, printed with its arguments."""
    return random.getrandbits(30)


def test_all_rows_arrive_from_any_offset(link):
    offsets = {0, 1, link.bits - 1, link.bits, link.group // 2, link.group - 3, link.group}
    for offset in offsets | {random.randrange(link.group) for _ in range(4)}:
        got = link.run(40, seed=seed(), offset=offset)
        assert got["wrong"] == got["bad"] == got["misplaced"] == got["headers"] == 0
        assert (got["locks"], got["losses"]) == (1, 0)
        # Lock comes with the second marker, rows from there on.
        first = (offset + 4 * link.group) // link.bits
        assert first < got["locked_at"] < first + link.group // link.bits
        assert got["good"] > 30 * link.rows
        assert got["markers"] >= 8
        assert got["corrected"] == got["uncorrectable"] == got["symbols"] == 0


@pytest.mark.parametrize("run", [5, 60, 97])
def test_all_rows_arrive_when_the_line_stops_and_goes(link, run):
    got = link.run(30, seed=seed(), offset=random.randrange(link.group), run=run)
    assert got["wrong"] == got["bad"] == got["misplaced"] == got["losses"] == 0
    assert got["good"] > 20 * link.rows


def test_rows_are_taken_at_the_line_rate_and_latency_is_as_stated(link):
    got = link.run(60, seed=seed())
    tx, rx = link.pair.tx, link.pair.rx
    assert abs(got["slots"] - got["line_bits"] * link.rows / link.group) < 12
    assert got["tx_first"] == tx.latency
    assert rx.latency <= got["first_least"] <= got["first_most"] <= rx.latency + 1
    # The other rows follow, each in its turn.
    assert got["row_most"] - got["row_least"] < 2 * link.group // link.bits


@pytest.mark.parametrize("ber", [1e-4, 1e-3])
def test_errors_are_corrected(link, ber):
    got = link.run(100, seed=seed(), offset=random.randrange(link.group), ber=ber)
    assert got["wrong"] == got["misplaced"] == 0
    assert got["corrected"] > 20 * link.depth
    assert got["symbols"] > got["corrected"]
    if ber == 1e-4 or link.code is KP4:
        # A codeword in 6500 fails for KP4 at 1e-3, in 1e7 for KR4 at 1e-4.
        assert got["losses"] == 0
        assert got["uncorrectable"] <= 2
        assert got["codewords"] > 90 * link.depth
        assert got["good"] > 90 * link.rows
        assert got["bad"] <= 2 * (link.rows + 1)
    else:
        # One in six fails; lock goes with three in a row.
        assert got["uncorrectable"] > 5
        assert got["bad"] > 2 * link.rows
        assert got["good"] > 2 * link.rows


def test_bypass_marks_every_codeword_with_errors_and_keeps_lock(link):
    got = link.run(100, seed=seed(), offset=random.randrange(link.group), ber=2e-5, bypass=1)
    assert got["wrong"] == got["misplaced"] == got["losses"] == 0
    assert got["corrected"] == got["symbols"] == 0
    assert got["uncorrectable"] > 2
    assert got["bad"] > link.rows
    assert got["good"] > 10 * link.rows


def test_at_one_percent_nothing_wrong_is_delivered(link):
    # KR4 takes one in 500000 of such words for another codeword: the seed is one without.
    got = link.run(300, markers=2, seed=11, offset=1234, ber=1e-2)
    assert got["wrong"] == got["misplaced"] == 0
    assert got["unknown"] == 0
    assert got["uncorrectable"] > 20
    assert got["locks"] > 3
    assert got["losses"] > 3


def test_bursts_up_to_t_symbols_are_corrected_and_longer_ones_flagged(link):
    """A burst touches at most one symbol more than it has tenths of bits."""
    quiet = 8 * link.group
    most = 10 * (link.code.t * link.depth - 1) + 1
    place = {"offset": random.randrange(link.group), "seed": seed(), "quiet": quiet}
    got = link.run(60, burst=most, every=link.group + 10 * random.randrange(20), **place)
    assert got["wrong"] == got["bad"] == got["uncorrectable"] == got["losses"] == 0
    assert got["corrected"] > 40 * link.depth
    long = 10 * (link.code.t + 1) * link.depth
    got = link.run(60, burst=long, every=7 * link.group, **place)
    assert got["wrong"] == got["losses"] == 0
    # Five to eight groups of all codewords, with the row that follows each; the marker may be bad.
    assert 5 * link.depth <= got["uncorrectable"] <= 9 * link.depth
    assert got["bad"] >= 5 * link.rows
    assert got["good"] > 40 * link.rows


def test_lock_is_lost_and_found_after_a_slip_or_by_run(link):
    place = {"offset": random.randrange(link.group), "seed": seed()}
    got = link.run(60, slip=20 * link.group + 1234, **place)
    assert got["wrong"] == got["misplaced"] == 0
    assert (got["locks"], got["losses"]) == (2, 1)
    assert got["uncorrectable"] >= fec_lane.FAILED_TO_LOSE
    assert got["good"] > 30 * link.rows
    got = link.run(60, cut=20 * link.group // link.bits, cut_clocks=3, **place)
    assert got["wrong"] == got["misplaced"] == got["bad"] == 0
    assert (got["locks"], got["losses"]) == (2, 1)


@pytest.mark.parametrize("side", [fec_lane.FecTx, fec_lane.FecRx])
def test_parameters_are_checked(side):
    with pytest.raises(ValueError, match=r"bits = 48; allowed: 8, 16, 32, 64, 128, 256"):
        side(KP4, 48)
    with pytest.raises(ValueError, match=r"depth = 3; allowed: 1, 2, 4"):
        side(KR4, 64, 3)


def test_symbols_a_clock():
    """A word of symbols holds a line word, codewords are of whole words."""
    for code in (KP4, KR4):
        for bits in (8, 16, 32, 64, 128, 256):
            for depth in (1, 2, 4):
                symbols = fec_lane.symbols_per_clock(code, bits, depth)
                assert symbols % depth == 0
                assert code.n * depth % symbols == 0
                assert bits <= 10 * symbols <= max(1.6 * bits, 40)
    assert fec_lane.symbols_per_clock(KP4, 128, 1) == 16
    assert fec_lane.symbols_per_clock(KR4, 256, 1) == 33
