"""Counting behind the kernel: decisions, blocks of a run, intervals of errors in clusters."""

import bisect

import numpy as np
import pytest

from lightloom.cosim import counting
from lightloom.cosim import statistics as st
from lightloom.cosim.coefficients import build
from lightloom.cosim.equalizer import Equalizer


def link(synthetic, **sections):
    design = synthetic.make(**({"switch": {"topology": "none"}} | sections))
    c = build(design, synthetic.optical_model(design))
    p = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=8192)
    return c, p, design.serdes.tx_ffe


def receiver(c, p, lane, **options):
    best = st.adapt(c, p, lane, phases=16, **options)
    return counting.Receiver(counting.on_grid(c, 0, lane, best.fraction_ui), best.equalizer)


@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("dfe", [0.0, 0.4, -2.5])
def test_decisions_are_those_made_one_after_the_other(synthetic, levels, dfe):
    seed = 4
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    c, _, _ = link(synthetic)
    c = c.with_(levels=levels)
    thresholds = (0.1,) if levels == 2 else (-0.7, 0.0, 0.6)
    lane = counting._Lane(c, 0, 0, counting.Receiver(0.5, Equalizer((1.0,), 0, dfe, thresholds)),
                          False)  # fmt: skip
    want = rng.integers(levels, size=3000)
    value = 2 * want / (levels - 1) - 1 + rng.normal(0, 0.5, 3000)
    got = lane._decide(value, 1, want)
    before, expected = 1, []
    for z in value.tolist():
        before = bisect.bisect_right(thresholds, z - dfe * (2 * before / (levels - 1) - 1))
        expected.append(before)
    assert (got != want).sum() > 30
    np.testing.assert_array_equal(got, expected)


def test_blocks_are_one_run(synthetic, monkeypatch):
    # tails of samples, the last decision and the delay pass from block to block
    sections = {
        "engine": {"laser_power_dbm": -9.0},
        "serdes": {"symbols_per_clock": 16},
        "fibre": {"length_m": 1.0},
        "receiver": {"ac_coupling_mhz": 5.0},
    }
    c, p, ffe = link(synthetic, **sections)
    receivers = {2: receiver(c, p, 2)}
    found = []
    for words in (128, 512):
        monkeypatch.setattr(counting, "BLOCK_WORDS", words)
        monkeypatch.setattr(counting, "SETTLE", 40.0 if words == 128 else 32.0)
        total, _ = counting.count(c, 0, receivers, tx_ffe=ffe, symbols=512 * 16 * 6)
        found.append(total)
    assert found[0].bits == found[1].bits
    assert found[0].errors > 300
    assert found[0].errors == pytest.approx(found[1].errors, rel=0.2)
    again, each = counting.count(c, 0, receivers, tx_ffe=ffe, symbols=512 * 16 * 6)
    assert again == found[1]
    assert list(each) == [2]


def test_counted_errors_are_those_of_the_integral(synthetic):
    c, p, ffe = link(synthetic, engine={"laser_power_dbm": -7.0})
    receivers = {lane: receiver(c, p, lane) for lane in (1, 5)}
    total, each = counting.count(c, 0, receivers, tx_ffe=ffe, symbols=200_000, confidence=0.999)
    rates = [
        st.bit_error_rate(c, p, lane, r.fraction_ui, r.equalizer) for lane, r in receivers.items()
    ]
    assert total.errors == sum(one.errors for one in each.values()) > 100
    assert total.rate == total.errors / total.bits
    assert total.low / 1.05 <= np.mean(rates) <= total.high * 1.05


def test_independent_errors_have_the_interval_of_clopper_and_pearson():
    rng = np.random.default_rng(8)
    lanes = [rng.poisson(12.0, 400) for _ in range(4)]
    found = counting.summary(lanes, 16384, 0.95)
    assert found.dispersion < 1.08
    errors, bits = sum(int(lane.sum()) for lane in lanes), 4 * 400 * 16384
    low, high = st.clopper_pearson(errors, bits)
    assert found.low == pytest.approx(low, rel=0.01)
    assert found.high == pytest.approx(high, rel=0.01)


def test_clusters_make_the_interval_wider():
    rng = np.random.default_rng(9)
    lanes = [5 * rng.poisson(2.0, 400) for _ in range(4)]  # bursts of five
    found = counting.summary(lanes, 16384, 0.95)
    assert found.dispersion == pytest.approx(5.0, rel=0.1)
    expected = 1.96 * np.sqrt(5.0 / found.errors)
    assert (found.high - found.low) / 2 / found.rate == pytest.approx(expected, rel=0.1)


def test_no_errors_are_an_upper_bound():
    found = counting.summary([np.zeros(10, int)], 1000, 0.95)
    assert (found.errors, found.dispersion, found.low) == (0, 1.0, 0.0)
    assert found.high == pytest.approx(-np.log(0.025) / 1e4, rel=1e-3)


def test_a_lane_with_other_symbols_is_told_from_one_with_errors(synthetic):
    c, p, ffe = link(synthetic, engine={"laser_power_dbm": -7.0})
    own = receiver(c, p, 3)
    astray = c.with_(permutation=(3, 1, 2, 0, 4, 5, 6, 7))
    with pytest.raises(ValueError, match="lane 3: its symbols are not those that were sent"):
        counting.count(astray, 0, {3: own}, tx_ffe=ffe, symbols=1000)


def test_bad_arguments_are_refused(synthetic):
    c, p, ffe = link(synthetic)
    own = receiver(c, p, 0)
    with pytest.raises(ValueError, match="symbols = 0; allowed: 1 to 33554432"):
        counting.count(c, 0, {0: own}, tx_ffe=ffe, symbols=0)
    wrong = counting.Receiver(0.5, Equalizer(thresholds=(-1.0, 0.0, 1.0)))
    with pytest.raises(ValueError, match="lane 0: 3 thresholds; allowed: 1"):
        counting.count(c, 0, {0: wrong}, tx_ffe=ffe, symbols=1000)


def test_phases_are_on_the_interpolators_grid(synthetic):
    c, _, _ = link(synthetic)
    for fraction in (0.0, 0.3, 0.999):
        at = counting.on_grid(c, 0, 4, fraction)
        assert abs((at - fraction + 0.5) % 1.0 - 0.5) <= 0.5 / c.phase_steps + 1e-9
        steps = (at + c.delay_ui[0, 4]) * c.phase_steps
        assert steps == pytest.approx(round(steps), abs=1e-6)
