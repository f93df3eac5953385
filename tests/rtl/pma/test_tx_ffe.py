"""Transmit equalizer against its model, against a convolution, and at its bounds."""

import gc
import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma import tx_ffe


def run(width, dac_bits, taps, bits, enable=1):
    """Codes of the words of `bits`, each word as it leaves."""
    dut = tx_ffe.TxFfe(width=width, dac_bits=dac_bits)
    out = []

    async def process(ctx):
        for name, tap in zip(("pre", "main", "post"), taps, strict=True):
            ctx.set(getattr(dut, name), tap)
        ctx.set(dut.enable, enable)
        await ctx.tick().repeat(2)
        for k in range(0, len(bits), width):
            ctx.set(dut.i, sum(bit << s for s, bit in enumerate(bits[k : k + width])))
            await ctx.tick()
            value = ctx.get(dut.o)
            for s in range(width):
                code = value >> s * dac_bits & (2**dac_bits - 1)
                out.append(code - 2**dac_bits if code >> (dac_bits - 1) else code)

    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()
    return out


@pytest.mark.parametrize(("width", "dac_bits"), [(2, 4), (16, 7), (64, 7), (33, 10)])
def test_codes_are_the_models(width, dac_bits):
    rng = random.Random(width * dac_bits)
    top = 2 ** (dac_bits - 1)
    for _ in range(3):
        # The least code has no positive twin and must saturate, not wrap.
        taps = [-top, rng.randrange(-top, top), rng.randrange(-top, top)]
        rng.shuffle(taps)
        bits = [rng.getrandbits(1) for _ in range(20 * width)]
        got = run(width, dac_bits, taps, bits)
        # The model's first code is that of bit 1; a word leaves one word after it came.
        expected = tx_ffe.codes(bits, taps, dac_bits)
        assert got[width + 1 :] == expected[: len(got) - width - 1]


def test_codes_are_a_convolution_when_nothing_saturates():
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2, 640)
    taps = [-4, 55, -4]
    got = run(64, 7, taps, bits.tolist())
    levels = 2 * bits - 1
    expected = np.convolve(levels, taps, mode="same")
    assert got[65:640] == expected[1 : 640 - 64].tolist()


def test_polarities_reach_equally_far():
    got = run(16, 7, (63, 63, 63), [1] * 160 + [0] * 160)
    assert max(got) == 63
    assert min(got) == -63


def test_the_least_code_saturates():
    # One beyond the range: the only sum whose negative would wrap.
    assert set(run(16, 7, (-64, 0, 0), [1, 1, 0] * 80)[17:]) == {-63, 63}


def test_disabled_is_silent():
    assert set(run(16, 7, (1, 60, 1), [1, 0] * 80, enable=0)) == {0}


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"width": 1, "dac_bits": 7}, "width is 1; allowed: 2 to 512"),
        ({"width": 16, "dac_bits": 3}, "dac_bits is 3; allowed: 4 to 10"),
    ],
)
def test_bad_parameters_are_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        tx_ffe.TxFfe(**keywords)
    gc.collect()  # so that the refused component warns here and not in another test
