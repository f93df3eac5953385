"""Transmit equalizer against its model, against a convolution, and at its bounds."""

import gc
import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma import tx_ffe

NAMES = {2: ("pre", "main"), 3: ("pre", "main", "post"), 4: ("pre2", "pre", "main", "post")}
MODULATIONS = ("nrz", "pam4")


def run(width, dac_bits, taps, symbols, enable=1, modulation="nrz", invert=0):
    """Codes from that of the first symbol that has all its neighbours."""
    dut = tx_ffe.TxFfe(width=width, dac_bits=dac_bits, modulation=modulation, taps=len(taps))
    bits = tx_ffe.BITS[modulation]
    out = []

    async def process(ctx):
        for name, tap in zip(NAMES[len(taps)], taps, strict=True):
            ctx.set(getattr(dut, name), tap)
        ctx.set(dut.enable, enable)
        ctx.set(dut.invert, invert)
        await ctx.tick().repeat(3)
        for k in range(0, len(symbols), width):
            word = symbols[k : k + width]
            ctx.set(dut.i, sum(symbol << s * bits for s, symbol in enumerate(word)))
            await ctx.tick()
            value = ctx.get(dut.o)
            for s in range(width):
                code = value >> s * dac_bits & (2**dac_bits - 1)
                out.append(code - 2**dac_bits if code >> (dac_bits - 1) else code)

    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    return out[(dut.latency - 1) * width + (len(taps) > 2) :]


@pytest.mark.parametrize("modulation", MODULATIONS)
@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize(("width", "dac_bits"), [(2, 4), (16, 7), (33, 10)])
def test_codes_are_the_models(width, dac_bits, count, modulation):
    seed = width * dac_bits * count
    print("seed", seed)
    rng = random.Random(seed)
    top = 2 ** (dac_bits - 1)
    for invert in (0, 1, 0):
        # The least code has no positive twin and must saturate, not wrap.
        taps = [-top, *(rng.randrange(-top, top) for _ in range(count - 1))]
        rng.shuffle(taps)
        symbols = [rng.getrandbits(tx_ffe.BITS[modulation]) for _ in range(20 * width)]
        got = run(width, dac_bits, taps, symbols, modulation=modulation, invert=invert)
        expected = tx_ffe.codes(symbols, taps, dac_bits, modulation)
        sign = -1 if invert else 1
        assert [sign * code for code in got] == expected[: len(got)]


@pytest.mark.parametrize("taps", [(-4, 55, -4), (3, -9, 48, -3), (-13, 50)])
@pytest.mark.parametrize("modulation", MODULATIONS)
def test_codes_are_a_convolution_when_nothing_saturates(modulation, taps):
    rng = np.random.default_rng(3)
    outer = 2 ** tx_ffe.BITS[modulation] - 1
    symbols = rng.integers(0, outer + 1, 640)
    got = run(64, 7, taps, symbols.tolist(), modulation=modulation)
    levels = (2 * symbols - outer) / outer
    # numpy weights the newest sample with the first coefficient: so is the tap of what comes last.
    expected = np.round(np.convolve(levels, taps, mode="valid"))
    assert got == expected[: len(got)].tolist()
    assert max(map(abs, got)) <= sum(map(abs, taps)) <= 63


@pytest.mark.parametrize("dac_bits", [4, 7, 10])
def test_rounding_is_to_the_nearest_for_every_tap(dac_bits):
    """Third parts of taps: wrong in a thousandth they would show at one of the levels."""
    top = 2 ** (dac_bits - 1) - 1
    symbols = [0, 1, 2, 3, 2, 0, 3, 1, 1, 3, 0, 2] * 2
    for tap in {1, 2, top // 3, top - 2, top - 1, top, -1, -2, -top, -top - 1}:
        for place in range(3):
            taps = [0, 0, 0]
            taps[place] = tap
            got = run(4, dac_bits, taps, symbols, modulation="pam4")
            assert got == tx_ffe.codes(symbols, taps, dac_bits, "pam4")[: len(got)]


@pytest.mark.parametrize("modulation", MODULATIONS)
def test_outer_levels_have_the_full_swing(modulation):
    outer = 2 ** tx_ffe.BITS[modulation] - 1
    got = run(16, 7, (0, 63, 0), [outer] * 160 + [0] * 160, modulation=modulation)
    assert max(got) == 63
    assert min(got) == -63


def test_polarities_reach_equally_far():
    got = run(16, 7, (63, 63, 63), [1] * 160 + [0] * 160)
    assert max(got) == 63
    assert min(got) == -63


def test_the_least_code_saturates():
    # One beyond the range: the only sum whose negative would wrap.
    assert set(run(16, 7, (-64, 0, 0), [1, 1, 0] * 80)) == {-63, 63}


@pytest.mark.parametrize("modulation", MODULATIONS)
def test_disabled_is_silent(modulation):
    assert set(run(16, 7, (1, 60, 1), [1, 0] * 80, enable=0, modulation=modulation)) == {0}


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"width": 1, "dac_bits": 7}, "width is 1; allowed: 2 to 512"),
        ({"width": 16, "dac_bits": 3}, "dac_bits is 3; allowed: 4 to 10"),
        (
            {"width": 16, "dac_bits": 7, "modulation": "qam"},
            "modulation is qam; allowed: nrz, pam4",
        ),
        ({"width": 16, "dac_bits": 7, "taps": 5}, "taps is 5; allowed: 2, 3, 4"),
    ],
)
def test_bad_parameters_are_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        tx_ffe.TxFfe(**keywords)
    gc.collect()  # so that the refused component warns here and not in another test
