"""Transmit lane: coded words and patterns to codes, by what the control says."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from lightloom.rtl.link import coders
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.lane_tx import LaneTx
from lightloom.rtl.pma.pattern import line_bits

WIDTH = 16
DAC_BITS = 7
TOP = 63


def run(control, clocks=120, *, invert=0, modulation="nrz", **config):
    """Words of the coder and codes as numbers, clock by clock."""
    made = Config(
        symbols_per_clock=WIDTH,
        tx_dac_bits=DAC_BITS,
        modulation=modulation,
        **({"profile": "xsr-raw"} if modulation == "pam4" else {}),
        **config,
    )
    dut = LaneTx(made, coders.transmit(made))
    words, codes = [], []

    async def bench(ctx):
        ctx.set(dut.seed, 0x155)
        ctx.set(dut.run, 1)
        ctx.set(dut.invert, invert)
        await ctx.tick()  # seeds are loaded
        for name, value in ({"enable": 1, "main": TOP} | control).items():
            ctx.set(dut.control[name], value)
        for clock in range(clocks):
            ctx.set(dut.data, 0x0123_4567_89AB_CDEF * (clock + 1) & 2**64 - 1)
            await ctx.tick()
            words.append(ctx.get(dut.word))
            value = ctx.get(dut.codes)
            part = [value >> n * DAC_BITS & 127 for n in range(WIDTH)]
            codes.append([code - 128 if code > 63 else code for code in part])

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return words, codes


def test_codes_follow_the_line_bits_at_full_scale():
    """With the main tap alone a one is +63 and a zero -63, two clocks after the word."""
    words, codes = run({})
    for n in range(20, 110):
        assert codes[n + 2] == [TOP if words[n] >> s & 1 else -TOP for s in range(WIDTH)]


def test_polarity():
    assert run({}, invert=1)[1] == [[-code for code in word] for word in run({})[1]]


def test_pam4_levels_are_gray_coded():
    words, codes = run({}, modulation="pam4")
    levels = {0: -3, 2: -1, 3: 1, 1: 3}  # first bit in time is the low one and the left of Gray
    delay = next(d for d in range(2, 8) if match(words, codes, levels, d))
    assert delay <= 6


def match(words, codes, levels, delay):
    return all(
        codes[n + delay] == [TOP * levels[words[n] >> 2 * s & 3] // 3 for s in range(WIDTH)]
        for n in range(20, 100)
    )


@pytest.mark.parametrize(("told", "name"), [("prbs", "prbs31"), ("train", "prbs13")])
def test_patterns(told, name):
    _, codes = run({told: 1}, 60)
    got = [int(code > 0) for word in codes[5:] for code in word]
    bits = line_bits(name, 16 * 70, 0x155)
    text, whole = "".join(map(str, got)), "".join(map(str, bits))
    assert text[:800] in whole


def test_four_taps_are_wired_in_order():
    """An impulse response: pre2 acts two symbols before main, post one after."""
    taps = {"pre2": 5, "pre": -7, "main": 40, "post": -9}
    words, codes = run(taps, tx_ffe=(0, 0, 63, 0))
    line = np.array([2 * (w >> s & 1) - 1 for w in words for s in range(WIDTH)])
    sent = np.array([code for word in codes for code in word])
    expected = np.convolve(line, [5, -7, 40, -9])
    for delay in range(6 * WIDTH):
        part = expected[200 : 200 + 800]
        if np.array_equal(sent[200 + delay : 200 + delay + len(part)], part):
            return
    raise AssertionError("no delay at which the codes are the convolution")
