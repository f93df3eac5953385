"""Bathtub of the model against errors counted behind the kernel; bursts of an open loop."""

import numpy as np
import pytest

from lightloom.cosim import model_eye, oracle
from lightloom.cosim import statistics as st
from lightloom.cosim.coefficients import build
from lightloom.cosim.kernel.binding import Kernel
from lightloom.cosim.measure import bathtub, bursts, levels, tdecq
from lightloom.cosim.measure.bursts import Verdict

LANE = 2
PHASES = 17
SETTLED = slice(40_000, -2_000)
"""Symbols whose baseline has been found, and all of whose answers are there."""


def samples(c, design, sent, phase_steps):
    """What the sampler of `LANE` says, A to B, in steps; the phase in steps of the interpolator."""
    kernel = Kernel(None, c)
    codes = st.tx_codes(c, sent, design.serdes.tx_ffe)
    phases = np.full(c.lanes, phase_steps % c.phase_steps)
    got = []
    for start in range(0, len(codes), 50):  # the kernel keeps a thousand words
        block = codes[start : start + 50]
        kernel.transmit(0, block)
        got.append(kernel.receive(1, len(block), phases, volts=False).codes[:, LANE])
    return np.concatenate(got).ravel().astype(float)


def errors(z, e, own, near, *, right=True):
    """Wrong decisions, with the right ones or its own fed back; sent symbols turned to fit."""
    made, before = [], 1.0
    if not right:
        for value in (z - e.thresholds[0]).tolist():
            before = 1.0 if value - e.dfe * before >= 0 else -1.0
            made.append(before)
    found = []
    for turn in range(near - 4, near + 8):
        sent = np.roll(own, turn)
        decided = z - e.dfe * np.roll(sent, 1) >= e.thresholds[0] if right else np.array(made) > 0
        found.append((decided != (sent > 0))[SETTLED])
    return min(found, key=np.count_nonzero)


@pytest.fixture(scope="module")
def link(synthetic):
    design = synthetic.make(
        engine={"laser_power_dbm": -6.0}, switch={"topology": "none"}, fibre={"length_m": 1.0},
        serdes={"rate_offset_ppm": 0.0}, package={"loss_db": 8.0},
    )  # fmt: skip
    c = build(design, synthetic.optical_model(design))
    pattern = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=16384)
    return design, c, pattern, st.adapt(c, pattern, LANE, taps=3, dfe=True, phases=32)


def test_the_bathtub_is_what_is_counted_at_its_phases(link):
    design, c, pattern, best = link
    e = best.equalizer
    (slices,) = model_eye.slices(c, pattern, LANE, best.fraction_ui, [e], phases=PHASES)
    limits = [threshold * c.volts_per_step for threshold in e.thresholds]
    curve = bathtub.bathtub(slices, limits)
    seed = 51
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    sent = st.random_levels(c, rng, 2000)
    own = sent[c.source_lane(0, LANE)]
    delay = float(c.delay_ui[0, LANE])
    found = []
    for n in (5, 7, 8, 9, 11):
        offset = float(curve.x[n])
        steps = round((best.fraction_ui + offset + delay) * c.phase_steps)
        x = samples(c, design, sent, steps)
        z = sum(tap * np.roll(x, k - e.pre) for k, tap in enumerate(e.taps))
        wrong = errors(z, e, own, int(delay) + c.symbols)
        low, high = st.clopper_pearson(int(wrong.sum()), len(wrong), 0.999)
        found.append((offset, wrong.mean(), curve.rate[n]))
        assert low / 1.15 <= curve.rate[n] <= high * 1.15, found
    assert found[2][1] < 0.2 * found[0][1]
    assert found[2][1] > 1e-4
    # the middle is the closed form, which has the steps of the sampler exactly and bursts as well
    middle = st.bit_error_rate(
        c, pattern, LANE, best.fraction_ui,
        st.Equalizer(e.taps, e.pre, e.dfe, e.thresholds),
    )  # fmt: skip
    assert curve.rate[PHASES // 2] == pytest.approx(middle, rel=0.5)


def test_decision_feedback_makes_bursts_in_the_model(link):
    # without taps that take the post-cursor away before it is fed back
    design, c, pattern, _ = link
    best = st.adapt(c, pattern, LANE, taps=1, dfe=True, phases=32)
    e = best.equalizer
    seed = 52
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    sent = st.random_levels(c, rng, 5000)
    delay = float(c.delay_ui[0, LANE])
    x = samples(c, design, sent, round((best.fraction_ui + delay) * c.phase_steps))
    z = sum(tap * np.roll(x, k - e.pre) for k, tap in enumerate(e.taps))
    verdicts = []
    for right in (True, False):
        wrong = errors(z, e, sent[c.source_lane(0, LANE)], int(delay) + c.symbols, right=right)
        counted = bursts.measure(np.flatnonzero(wrong), len(wrong), gap=3, symbols=12)
        verdicts.append((bursts.independence(counted.codewords, symbols=12), counted))
    right, own = verdicts
    assert own[1].errors > right[1].errors
    lone = [sum(c.burst_errors[1:]) / sum(c.burst_errors) for _, c in (right, own)]
    print(lone, right[0], own[0])
    assert lone[1] > 1.5 * lone[0]
    assert own[0].dispersion > right[0].dispersion
    assert own[0].verdict is not Verdict.TOO_FEW


def test_the_transmitter_has_the_levels_of_its_sine(synthetic):
    # no memory: the FFE off, a held response
    design = synthetic.make(serdes={"tx_ffe": [0, 1, 0]}, switch={"topology": "none"})
    c = build(design, synthetic.optical_model(design))
    c = c.with_(tx_response=np.full(c.samples_per_ui, 2.0))
    w = model_eye.transmitted(c, design.serdes.tx_ffe, 1.5)
    assert len(w.power) == 8192 * c.samples_per_ui
    top = 2 ** (c.tx_bits - 1) - 1
    volts = 2.0 * c.volts_per_code * top * np.array([-1, 1])
    _, v_pi, dark, _ = c.modulator
    opened = dark + (1 - dark) * np.sin(np.pi / 4 + np.pi * volts / (2 * v_pi)) ** 2
    found = levels.measure(w.aligned())
    np.testing.assert_allclose(found.power_mw, 1.5 * opened, rtol=1e-9)


@pytest.mark.parametrize("direction", [0, 1])
def test_crosstalk_closes_the_eye_of_the_light_that_arrives(synthetic, direction):
    order = [7, 6, 5, 4, 3, 2, 1, 0]
    design = synthetic.make(engine={"laser_spread_ghz": 0.05})
    closures = []
    for split in (0.5, 0.46):
        c = build(design, synthetic.optical_model(design, split=split, permutation=order))
        matrix = oracle.settled_matrix(c, synthetic.heater_codes(design, order))
        w = model_eye.received(c, direction, LANE, design.serdes.tx_ffe, matrix)
        # the level of the lane that talks to it
        middle = w.aligned().power.reshape(-1, c.samples_per_ui)[:, 4]
        assert np.corrcoef(middle, w.symbols)[0, 1] > 0.9
        closures.append(tdecq.measure(w, tdecq.TDEC).db)
    alone = tdecq.measure(model_eye.transmitted(c, design.serdes.tx_ffe, 1.0), tdecq.TDEC).db
    assert alone <= closures[0] + 0.05
    assert closures[1] > closures[0] + 0.1


def test_even_phases_are_refused(link):
    _, c, pattern, best = link
    with pytest.raises(ValueError, match="phases = 8; allowed: odd, 3 or more"):
        model_eye.slices(c, pattern, LANE, 0.5, [best.equalizer], phases=8)
