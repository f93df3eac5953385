"""Receive lane on a line: bit for bit the golden model, and error-free with the pattern checker."""

import subprocess

import numpy as np
import pytest
from amaranth.sim import Simulator

from lightloom.rtl.pma import gray, prbs, precoder
from lightloom.rtl.pma.eye_monitor import EyeMonitor
from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.model import RxLaneModel
from lightloom.rtl.pma.rx_lane import RxLane

PAM4 = {"modulation": "pam4", "sample_bits": 8}


def simulate(dut, process):
    sim = Simulator(dut)
    sim.add_clock(1e-9)
    sim.add_testbench(process)
    sim.run()


@pytest.mark.parametrize(
    ("keywords", "words", "amplitude"),
    [
        ({"width": 16}, 2600, 20.0),
        ({"width": 64}, 900, 20.0),
        ({"width": 16, "ffe_taps": 5, "dfe": False}, 1200, 12.0),
        ({"width": 8, "ffe_taps": 5, "sample_bits": 4}, 1200, 6.0),
        ({"width": 32, "ffe_taps": 1, "sample_bits": 8, "phase_steps": 128}, 1200, 100.0),
        ({"width": 16, "ffe_taps": 2, "dfe": False, "phase_steps": 32}, 1200, 31.0),
        ({"width": 16, "ffe_taps": 6, **PAM4}, 1500, 80.0),
        ({"width": 64, "ffe_taps": 4, **PAM4}, 450, 90.0),
        ({"width": 8, "ffe_taps": 9, "modulation": "pam4"}, 2300, 25.0),
        ({"width": 16, "ffe_taps": 2, "sets": 4, "eye": True, **PAM4}, 1500, 80.0),
        ({"width": 16, "sets": 4, "eye": True}, 1200, 20.0),
        ({"width": 33, "ffe_taps": 1, "dfe": False, **PAM4}, 1200, 60.0),
    ],
)
def test_lane_is_the_model(line, pack, keywords, words, amplitude):
    config = RxFormat(**keywords)
    model = RxLaneModel(config)
    dut = RxLane(config)
    kind = "short" if config.pam4 else "lossy"
    sigma = amplitude / (40 if config.pam4 else 20)
    channel = line(config, kind, amplitude=amplitude, sigma=sigma, ppm=150.0, start=0.3, seed=2)
    bits = config.tap_bits
    late = [model.decisions] * (config.decision_latency - config.equalizer_latency + 1)

    # The phase walks to 5 and, after 19 words, back.
    ever = set()
    shifts = {k: min(k, 5, 24 - k) for k in range(24)}

    async def process(ctx):
        saved = model.save()
        ctx.set(dut.set_index, 3)
        ctx.set(dut.enable, 1)
        for k in range(words):
            model.freeze_eq = words - 100 < k < words - 60
            model.freeze_cdr = words - 80 < k < words - 40
            ctx.set(dut.freeze_eq, model.freeze_eq)
            ctx.set(dut.freeze_cdr, model.freeze_cdr)
            ctx.set(dut.set_save, k == words - 300)
            ctx.set(dut.set_load, k == words - 250)
            ctx.set(dut.eye_phase, 5 if words - 200 < k < words - 180 else 0)
            if config.eye:
                model.coast = words - 199 < k < words - 176 + EyeMonitor.SETTLE
            shift = shifts.get(k - (words - 199), 0) if config.eye else 0
            code = model.cdr.code + shift
            word = channel.word(code)
            ctx.set(dut.samples, pack(word, config.sample_bits))
            if config.sets and k == words - 300:
                saved = model.save()
            model.step(word)
            if config.sets and k == words - 249:
                model.load(saved)
            late.append(model.decisions)
            await ctx.tick()
            assert ctx.get(dut.decisions) == pack(late.pop(1), 1), k
            shift = shifts.get(k - (words - 200), 0) if config.eye else 0
            assert ctx.get(dut.phase) == model.cdr.code + shift, k
            assert ctx.get(dut.cdr_locked) == model.cdr.locked
            ever.add(model.cdr.locked)
            assert ctx.get(dut.settled) == model.lms.settled
            assert ctx.get(dut.level) == model.lms.level
            assert ctx.get(dut.levels) == pack(model.lms.levels, config.level_bits + 1)
            assert ctx.get(dut.dfe) == model.lms.dfe
            if config.ffe_taps > 1:
                assert ctx.get(dut.taps) == pack(model.lms.taps, bits)

    simulate(dut, process)
    assert ever == {False, True}
    if words > 2400:
        assert model.lms.settled


def test_pattern_through_the_line_is_checked_and_a_restart_finds_it_again(line, pack):
    config = RxFormat(width=16)
    dut = RxLane(config)
    channel = line(config, amplitude=20.0, sigma=0.7, ppm=-100.0)
    channel.bits = np.array(prbs.sequence(31, len(channel.bits), 0x2345))

    async def process(ctx):
        async def run(words):
            errors = checked = 0
            for _ in range(words):
                word = channel.word(ctx.get(dut.phase))
                ctx.set(dut.samples, pack(word, config.sample_bits))
                await ctx.tick()
                errors += ctx.get(dut.prbs_errors)
                checked += ctx.get(dut.prbs_valid)
            return errors, checked

        ctx.set(dut.enable, 1)
        ctx.set(dut.freeze_eq, 1)
        await run(800)
        assert ctx.get(dut.cdr_locked)
        assert ctx.get(dut.level) == config.level_start
        ctx.set(dut.freeze_eq, 0)
        await run(1000)
        ctx.set(dut.prbs_enable, 1)
        errors, checked = await run(500)
        assert errors == 0
        assert checked > 480
        # One wrong bit on the line is one error.
        channel.bits[int(channel.newest[-1]) + 400] ^= 1
        assert (await run(100))[0] == 1
        ctx.set(dut.enable, 0)
        phase = ctx.get(dut.phase)
        await run(3)
        assert not ctx.get(dut.cdr_locked)
        assert not ctx.get(dut.settled)
        assert ctx.get(dut.level) == config.level_start
        # The recovered clock must not jump when a lane restarts.
        assert abs(ctx.get(dut.phase) - phase) <= 1
        ctx.set(dut.enable, 1)
        await run(800)
        assert ctx.get(dut.cdr_locked)

    simulate(dut, process)


@pytest.mark.parametrize("twisted", [False, True])
def test_pam4_pattern_is_checked_behind_gray_precoder_and_polarity(line, pack, twisted):
    config = RxFormat(width=16, ffe_taps=1, dfe=False, **PAM4)
    dut = RxLane(config)
    channel = line(config, "short", amplitude=80.0, sigma=2.0, ppm=50.0)
    levels = gray.to_levels(prbs.sequence(31, 2 * len(channel.bits), 0x5432))
    channel.bits = np.array(levels)
    if twisted:
        channel.bits = 3 - np.array(precoder.encode(levels))

    async def process(ctx):
        ctx.set(dut.enable, 1)
        ctx.set(dut.freeze_eq, 1)
        ctx.set(dut.invert, twisted)
        ctx.set(dut.precode, twisted)
        errors = checked = 0
        for k in range(1500):
            ctx.set(dut.prbs_enable, k >= 1200)
            ctx.set(dut.samples, pack(channel.word(ctx.get(dut.phase)), config.sample_bits))
            await ctx.tick()
            errors += ctx.get(dut.prbs_errors)
            checked += ctx.get(dut.prbs_valid)
        assert ctx.get(dut.signal_detect)
        assert errors == 0
        assert checked > 250

    simulate(dut, process)


def test_eye_is_open_at_the_phase_of_the_lane_and_closes_beside_it(line, pack):
    config = RxFormat(width=16, eye=True)
    dut = RxLane(config)
    channel = line(config, "short", amplitude=22.0, sigma=0.5, ppm=100.0)

    async def process(ctx):
        async def run(words):
            for _ in range(words):
                ctx.set(dut.samples, pack(channel.word(ctx.get(dut.phase)), config.sample_bits))
                await ctx.tick()

        async def above(phase, offset):
            ctx.set(dut.eye_phase, phase)
            ctx.set(dut.eye_offset, offset)
            ctx.set(dut.eye_words, 40)
            ctx.set(dut.eye_start, 1)
            await run(1)
            ctx.set(dut.eye_start, 0)
            while ctx.get(dut.eye_busy):
                await run(1)
            return ctx.get(dut.eye_above), ctx.get(dut.eye_hits)

        ctx.set(dut.enable, 1)
        await run(1400)
        assert ctx.get(dut.cdr_locked)
        level = ctx.get(dut.level)
        inside = {}
        for phase in (0, -24, 24):
            # Values within half of the level about 0, of 320 and more symbols.
            high, _ = await above(phase, -level // 2)
            low, _ = await above(phase, level // 2)
            inside[phase] = high - low
            assert ctx.get(dut.cdr_locked)
        print(inside)
        assert abs(inside[0]) < 20
        assert min(inside[-24], inside[24]) > 60
        # Back home the lane runs as before, and no value is on the wrong side.
        await above(0, 0)
        await run(300)
        assert (await above(0, 0))[1] == 0
        assert (await above(0, level))[1] > 30
        assert ctx.get(dut.cdr_locked)

    simulate(dut, process)


MAIN = r"""
#include "Vrx_lane_pam4.h"
#include <cstdio>
int main(int argc, char** argv) {
  // Words of samples from the first file, phases and decisions to the second.
  FILE* in = fopen(argv[1], "rb");
  FILE* out = fopen(argv[2], "wb");
  Vrx_lane_pam4 top;
  top.enable = 1;
  while (fread(&top.samples, 64, 1, in) == 1) {
    top.clk = 0; top.eval();
    top.clk = 1; top.eval();
    unsigned phase = top.phase;
    fwrite(&phase, 4, 1, out);
    fwrite(&top.decisions, 16, 1, out);
  }
  fclose(out);
}
"""


@pytest.mark.slow
def test_long_run_in_verilator_is_the_models(line, verilate, tmp_path):
    config = RxFormat(ffe_taps=12, sets=4, eye=True, **PAM4)
    model = RxLaneModel(config)
    channel = line(config, "lossy", amplitude=85.0, sigma=5.0, ppm=180.0, start=0.7)
    words, phases, decisions = [], [], [model.decisions]
    for _ in range(6000):
        word = channel.word(model.cdr.code)
        model.step(word)
        words.append(word.astype(np.int8))
        phases.append(model.cdr.code)
        decisions.append(model.decisions)
    assert model.lms.settled
    (tmp_path / "samples").write_bytes(np.stack(words).tobytes())
    run = verilate(RxLane(config), "rx_lane_pam4", MAIN)
    subprocess.run([run, tmp_path / "samples", tmp_path / "out"], check=True)
    record = np.dtype([("phase", "<u4"), ("decisions", "u1", 16)])
    got = np.frombuffer((tmp_path / "out").read_bytes(), record)
    assert got["phase"].tolist() == phases
    bits = np.unpackbits(got["decisions"], axis=1, bitorder="little")
    assert (bits == np.stack(decisions[:-1])).all()
