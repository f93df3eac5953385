"""Burst statistics by hand and by brute force; the test of independence errs as often as it says,
and finds the bursts that decision feedback makes."""

import numpy as np
import pytest
from scipy import stats

from lightloom.cosim.measure import bursts
from lightloom.cosim.measure.bursts import Verdict


def test_positions_counted_by_hand():
    # bursts 3..5, 40, 95..113; symbols of 10 bits, codewords of 4 symbols
    found = bursts.measure([3, 4, 5, 40, 95, 104, 113], 125, gap=10, symbol_bits=10, symbols=4)
    assert found.errors == 7
    assert found.burst_lengths == (1, 0, 1, *[0] * 15, 1)
    assert found.longest == 19
    assert found.burst_errors == (1, 0, 2)
    # three whole codewords; bits from 120 on belong to none
    assert found.symbol_errors == (4, 0, 1)
    assert found.codewords == (0, 2, 0, 1)


def test_positions_by_brute_force():
    seed = 31
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    bits = 5000
    at = np.flatnonzero(rng.random(bits) < 0.03)
    found = bursts.measure(at, bits, gap=7, symbol_bits=8, symbols=20)
    wrong = np.zeros(bits, bool)
    wrong[at] = True
    lengths, errors, start, last, count = [], [], None, None, 0
    for position in at.tolist():
        if start is None or position - last >= 7:
            if start is not None:
                lengths.append(last - start + 1)
                errors.append(count)
            start, count = position, 0
        last, count = position, count + 1
    lengths.append(last - start + 1)
    errors.append(count)
    assert found.burst_lengths == tuple(np.bincount(lengths)[1:].tolist())
    assert found.burst_errors == tuple(np.bincount(errors)[1:].tolist())
    whole = bits // 160
    grid = wrong[: whole * 160].reshape(whole, 20, 8).sum(axis=2)
    assert found.symbol_errors == tuple(np.bincount(grid[grid > 0])[1:].tolist())
    assert found.codewords == tuple(np.bincount((grid > 0).sum(axis=1)).tolist())


def test_no_errors():
    found = bursts.measure([], 10_880)
    assert found.burst_lengths == found.burst_errors == found.symbol_errors == ()
    assert found.longest == 0
    assert found.codewords == (2,)
    tested = bursts.independence(found.codewords)
    assert tested.verdict is Verdict.TOO_FEW
    assert tested.p_value is None
    assert tested.dispersion is None


def test_independent_errors_pass_as_often_as_the_significance_says():
    seed = 32
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    p_values = []
    for _ in range(400):
        each = rng.binomial(544, 3e-3, 3000)
        tested = bursts.independence(np.bincount(each))
        p_values.append(tested.p_value)
        assert tested.dispersion == pytest.approx(1.0, abs=0.12)
        assert tested.symbol_error_rate == pytest.approx(3e-3, rel=0.1)
    # uniform between 0 and 1
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3
    # 3000 codewords of symbols with independent bit errors, placed bit by bit
    ber = 5e-4
    at = np.flatnonzero(rng.random(5440 * 1500) < ber)
    tested = bursts.independence(bursts.measure(at, 5440 * 1500).codewords)
    assert tested.verdict is Verdict.INDEPENDENT


def test_bursts_of_the_same_error_rate_are_found():
    seed = 33
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    # a third of the places, each with errors in three symbols in a row or two
    start = np.flatnonzero(rng.random(5440 * 1500) < 5e-4 / 3)
    at = np.concatenate([start, start + 10, start + 20])
    at = at[at < 5440 * 1500]
    found = bursts.measure(at, 5440 * 1500, gap=11)
    assert found.burst_errors[2] > 0.9 * len(start)
    tested = bursts.independence(found.codewords)
    assert tested.verdict is Verdict.BURSTY
    assert tested.dispersion > 2.5
    # decoders that count only what they could correct see the same
    cut = found.codewords[:4]
    cut_short = bursts.independence(cut, beyond=sum(found.codewords[4:]))
    assert cut_short.verdict is Verdict.BURSTY
    assert cut_short.dispersion is None


@pytest.mark.parametrize("rate", [1e-2, 2.5e-2, 3.5e-2])
def test_codewords_that_were_not_counted_out_are_no_sign_of_bursts(rate):
    # independent errors, of which a decoder counts up to 15 in a codeword
    seed = 35
    print(f"seed {seed}")
    each = np.random.default_rng(seed).binomial(544, rate, 4000)
    histogram = np.bincount(each, minlength=60)
    tested = bursts.independence(histogram[:16], beyond=int(histogram[16:].sum()))
    assert tested.symbol_error_rate == pytest.approx(rate, rel=0.02)
    assert tested.verdict is Verdict.INDEPENDENT


def test_evenly_spread_errors_are_not_independent_either():
    each = np.tile([2, 2, 2, 3], 500)
    assert bursts.independence(np.bincount(each)).verdict is Verdict.EVEN


@pytest.mark.parametrize(("dfe", "verdict"), [(0.0, Verdict.INDEPENDENT), (0.9, Verdict.BURSTY)])
def test_feedback_of_a_wrong_decision_makes_bursts(dfe, verdict):
    # an open loop: 1 + dfe D in front of the slicer, taken away with what was decided
    seed = 34
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    count = 1_500_000
    sent = rng.integers(0, 2, count) * 2.0 - 1
    received = sent + dfe * np.roll(sent, 1) + 0.345 * rng.standard_normal(count)
    if dfe:
        decided, before = [], 1.0
        for value in received.tolist():
            before = 1.0 if value - dfe * before > 0 else -1.0
            decided.append(before)
    else:
        decided = np.where(received > 0, 1.0, -1.0)
    at = np.flatnonzero(np.asarray(decided) != sent)[1:]
    found = bursts.measure(at, count, symbols=60)
    tested = bursts.independence(found.codewords, symbols=60)
    assert tested.verdict is verdict
    lone = found.burst_errors[0] / sum(found.burst_errors)
    assert (lone > 0.9) == (not dfe)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([5], 5), "errors at 5 to 5; allowed: 0 to 4"),
        (([-1], 5), "errors at -1 to -1; allowed: 0 to 4"),
    ],
)
def test_impossible_positions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        bursts.measure(*arguments)
    with pytest.raises(ValueError, match="gap = 0; allowed: 1 or more"):
        bursts.measure([1], 5, gap=0)
    with pytest.raises(ValueError, match="0 codewords; allowed: 1 or more"):
        bursts.independence([])
