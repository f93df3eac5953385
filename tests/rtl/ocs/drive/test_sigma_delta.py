"""One-bit outputs: golden models, and that their mean is the code."""

import gc
import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from lightloom.rtl.ocs.drive.sigma_delta import Pwm, SigmaDelta, run_pwm, run_sigma_delta


def record(dut, codes, clocks, off=None):
    """Bits of each output; `codes` by clock or constant."""
    width = dut.bits
    out = []

    async def process(ctx):
        for clock in range(clocks):
            now = codes(clock) if callable(codes) else codes
            ctx.set(dut.codes, sum(c << n * width for n, c in enumerate(now)))
            if off is not None:
                ctx.set(dut.off, off(clock))
            await ctx.tick()
            out.append(ctx.get(dut.o))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(process)
    sim.run()
    return np.array([[o >> n & 1 for o in out] for n in range(dut.cells)])


@pytest.mark.parametrize("order", [1, 2])
def test_sigma_delta_follows_its_model_and_its_mean_is_the_code(order):
    bits, clocks = 4, 300
    codes = list(range(2**bits))
    got = record(SigmaDelta(len(codes), bits, order=order), codes, clocks)
    full = 2**bits - (order == 2)
    for code, stream in zip(codes, got, strict=True):
        assert list(stream) == run_sigma_delta(code, bits, clocks, order)
        sums = np.cumsum(stream)
        due = np.arange(1, clocks + 1) * code / full
        assert np.abs(sums - due).max() <= (1 if order == 1 else 3)
        if order == 1:
            assert stream[:16].sum() == code
            windows = sums[40:] - sums[:-40]
            assert np.abs(windows - 40 * code / full).max() < 1 + 1e-9


@pytest.mark.parametrize("order", [1, 2])
def test_codes_may_change_in_every_clock(order):
    rng = random.Random(order)
    bits, clocks = 6, 3000
    streams = [[rng.choice([0, 63, rng.randrange(64)]) for _ in range(clocks)] for _ in range(2)]
    full = 2**bits - (order == 2)
    got = record(SigmaDelta(2, bits, order=order), lambda t: [s[t] for s in streams], clocks)
    for codes, stream in zip(streams, got, strict=True):
        difference = np.cumsum(stream) - np.cumsum(codes) / full
        assert np.abs(difference).max() <= (1 if order == 1 else 3)


def test_pwm_gives_one_pulse_of_the_code_a_period():
    bits, clocks = 4, 150
    codes = [*range(16), 5, 9]
    got = record(Pwm(len(codes), bits), codes, clocks)
    assert list(got[0]) == run_pwm(0, bits, clocks)
    starts = set()
    for n, (code, stream) in enumerate(zip(codes, got, strict=True)):
        settled = stream[30:]
        assert settled[:15].sum() == settled[15:30].sum() == code
        rises = np.flatnonzero(np.diff(settled) == 1) + 1
        if 0 < code < 15:
            assert set(np.diff(rises)) == {15}
            starts.add(rises[0] % 15)
        if n == 15:
            assert settled.all()
    assert len(starts) > 10  # the pulses do not all rise at once


@pytest.mark.parametrize("kind", [Pwm, SigmaDelta])
def test_off_is_low_at_once(kind):
    got = record(kind(3, 4), [15, 9, 4], 120, off=lambda t: int(t >= 60))
    assert got[0, 40:60].mean() > 0.9
    assert not got[:, 60:].any()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="cells = 0; allowed: an integer from 1 to 4096"):
        Pwm(0, 8)
    with pytest.raises(ValueError, match="bits = 17; allowed: an integer from 1 to 16"):
        SigmaDelta(8, 17)
    with pytest.raises(ValueError, match="order = 3; allowed: 1 or 2"):
        SigmaDelta(8, 8, order=3)
    gc.collect()
