"""Transmit lane: the pattern and the line bits reach the DAC, coded as the parameters say."""

import gc
import random

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma import gray, pattern, precoder, tx_ffe
from lightloom.rtl.pma.tx_lane import TxLane

WIDTH, BITS, SEED = 16, 7, 0x1234567
TAPS = {3: (-3, 50, -6), 4: (2, -5, 48, -6)}
NAMES = {3: ("pre", "main", "post"), 4: ("pre2", "pre", "main", "post")}


def run(lane, words, data=None, taps=3, **inputs):
    lines, codes = [], []

    async def process(ctx):
        for name, tap in zip(NAMES[taps], TAPS[taps], strict=True):
            ctx.set(getattr(lane, name), tap)
        ctx.set(lane.enable, 1)
        ctx.set(lane.prbs_seed, SEED)
        for name, value in inputs.items():
            ctx.set(getattr(lane, name), value)
        await ctx.tick().repeat(3)
        ctx.set(lane.prbs_enable, data is None)
        for k in range(words):
            if data is not None:
                ctx.set(lane.data, data[k])
            await ctx.delay(1e-10)
            lines.append(ctx.get(lane.line))
            await ctx.tick()
            codes.append(ctx.get(lane.codes))

    sim = Simulator(lane)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    return lines, codes


def unpack(words, bits, count=WIDTH):
    return [w >> s * bits & (2**bits - 1) for w in words for s in range(count)]


def check(lane, lines, codes, *, taps=3, precode=False, invert=False):
    """Codes leave `latency` clocks after the bits that `line` shows."""
    pam4 = lane.modulation == "pam4"
    bits = unpack(lines, 1, WIDTH * tx_ffe.BITS[lane.modulation])
    symbols = gray.to_levels(bits) if pam4 else bits
    if precode:
        symbols = precoder.encode(symbols, 4 if pam4 else 2)
    expected = tx_ffe.codes(symbols, TAPS[taps], BITS, lane.modulation)
    got = unpack(codes[lane.latency - 1 :], BITS)
    got = [(v - 2**BITS if v >> (BITS - 1) else v) * (-1 if invert else 1) for v in got]
    assert len(got) > 10 * WIDTH
    assert got[1:] == expected[: len(got) - 1]


def test_line_bits():
    rng = random.Random(8)
    data = [rng.getrandbits(WIDTH) for _ in range(30)]
    lane = TxLane(width=WIDTH, dac_bits=BITS)
    assert lane.latency == TxLane.LATENCY
    lines, codes = run(lane, 30, data)
    assert lines == data
    check(lane, lines, codes)


def test_pattern_starts_at_its_seed():
    lane = TxLane(width=WIDTH, dac_bits=BITS)
    lines, codes = run(lane, 30)
    assert unpack(lines[1:], 1) == pattern.line_bits("prbs31", 29 * WIDTH, SEED)
    check(lane, lines, codes)


@pytest.mark.parametrize("invert", [0, 1])
@pytest.mark.parametrize("precode", [0, 1])
@pytest.mark.parametrize(("modulation", "taps"), [("nrz", 3), ("pam4", 3), ("pam4", 4)])
def test_symbols_are_coded_and_turned(modulation, taps, precode, invert):
    rng = random.Random(taps)
    data = [rng.getrandbits(WIDTH * tx_ffe.BITS[modulation]) for _ in range(30)]
    # The first words carry nothing, so that both ends of the precoder begin at 0.
    data[0] = data[1] = 0
    lane = TxLane(width=WIDTH, dac_bits=BITS, modulation=modulation, taps=taps, with_precoder=True)
    lines, codes = run(lane, 30, data, taps=taps, precode=precode, invert=invert)
    assert lines == data
    check(lane, lines, codes, taps=taps, precode=precode, invert=invert)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_patterns_of_pam4(number):
    patterns = ("prbs13q", "ssprq", "prbs31")
    lane = TxLane(width=WIDTH, dac_bits=BITS, modulation="pam4", taps=4, patterns=patterns)
    lines, codes = run(lane, 30, taps=4, prbs_select=number)
    assert patterns[0] == pattern.TRAINING["pam4"]
    bits = unpack(lines[1:], 1, 2 * WIDTH)
    assert bits == pattern.line_bits(patterns[number], 29 * 2 * WIDTH, SEED)
    check(lane, lines, codes, taps=4)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_nrz_has_no_precoder_unless_asked():
    assert "precode" not in TxLane(width=WIDTH, dac_bits=BITS).signature.members
    lane = TxLane(width=WIDTH, dac_bits=BITS, modulation="pam4")
    assert "precode" in lane.signature.members
    assert lane.latency == 5
    del lane
    gc.collect()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"modulation": "qam"}, "modulation is qam; allowed: nrz, pam4"),
        ({"taps": 1}, "taps is 1; allowed: 2, 3, 4"),
        ({"patterns": ("prbs8",)}, "patterns is prbs8; allowed: some of prbs7, prbs9"),
    ],
)
def test_bad_parameters_are_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        TxLane(width=WIDTH, dac_bits=BITS, **keywords)
    gc.collect()  # so that the refused component warns here and not in another test
