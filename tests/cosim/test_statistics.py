"""Closed form against counted errors of the kernel, and against theory where theory is exact."""

import bisect

import numpy as np
import pytest
from scipy import special, stats

from lightloom.cosim import oracle
from lightloom.cosim import statistics as st
from lightloom.cosim.coefficients import build
from lightloom.cosim.kernel.binding import Kernel

ORDER = [7, 6, 5, 4, 3, 2, 1, 0]
LANES = (1, 3, 6)
"""Lanes whose errors are counted."""


# -- intervals ----------------------------------------------------------------------------------


def test_clopper_pearson_inverts_the_binomial_tails():
    for errors, bits in ((1, 10), (7, 1000), (50, 10**6), (999, 1000)):
        low, high = st.clopper_pearson(errors, bits)
        assert stats.binom.sf(errors - 1, bits, low) == pytest.approx(0.025, rel=1e-6)
        assert stats.binom.cdf(errors, bits, high) == pytest.approx(0.025, rel=1e-6)


def test_no_errors_are_an_upper_bound_and_not_a_rate():
    low, high = st.clopper_pearson(0, 2_000_000)
    assert low == 0.0
    assert high == pytest.approx(-np.log(0.025) / 2e6, rel=1e-5)
    assert st.clopper_pearson(5, 5) == (pytest.approx(0.025**0.2), 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 5), r"errors = -1 of bits = 5"),
        ((6, 5), r"errors = 6 of bits = 5"),
        ((0, 0), r"errors = 0 of bits = 0"),
        ((1, 5, 1.0), r"confidence = 1; allowed: above 0 and below 1"),
    ],
)
def test_impossible_counts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        st.clopper_pearson(*arguments)


# -- theory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_without_interference_it_is_the_gaussian_tail(synthetic, threshold):
    # a transmitter without memory and a receiver that integrates over one symbol
    design = synthetic.make(
        serdes={"tx_ffe": [0, 1, 0]},
        engine={"laser_power_dbm": -8.0, "laser_rin_db_per_hz": -135.0},
        receiver={"ac_coupling_mhz": 0.001},
        switch={"topology": "none"},
    )
    ideal = build(design, synthetic.optical_model(design))
    n, gain = ideal.samples_per_ui, 4000.0
    c = ideal.with_(
        tx_response=np.full(n, 2.0),
        rx_bank=np.tile(np.r_[np.full(n, gain / n), np.zeros(n)], (33, 1)),
        rx_gain=gain,
    )
    p = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=16384)
    lane = 4
    got = st.bit_error_rate(c, p, lane, 1 - 1 / n, st.Equalizer(thresholds=(threshold,)))
    # levels from the modulator's sine, a variance for each, the threshold half a step lower
    volts = 0.5 * 2.0 * np.array([-1, 1])
    opened = 10**-2.5 + (1 - 10**-2.5) * np.sin(np.pi / 4 + np.pi * volts / 6) ** 2
    light = opened * (c.source_field[0, lane] * c.detector_field[0, lane]) ** 2
    variance = c.noise[0] + c.noise[1] * (light + 10e-9) + c.noise[2] * light**2
    deviation = gain * np.sqrt(variance / n)
    ones = (p.sent[lane] > 0).mean()
    middle = gain * light.mean()  # tracked over far more symbols, as many ones as zeros
    slicer = middle + (threshold - 0.5) * c.volts_per_step
    zero, one = gain * light
    expected = ones * special.ndtr((slicer - one) / deviation[1]) + (1 - ones) * special.ndtr(
        (zero - slicer) / deviation[0]
    )
    assert 1e-6 < expected < 1e-2
    assert got == pytest.approx(expected, rel=5e-3)


def test_tails_are_exact_far_out():
    mean, deviation = np.array([0.3, -2.0, 9.0]), np.array([0.1, 0.5, 0.25])
    edges = np.concatenate([[-np.inf], np.arange(-7, 8) - 0.5, [np.inf]])
    cells = st._cells(mean, deviation, edges)
    np.testing.assert_allclose(cells.sum(axis=1), 1.0, rtol=1e-12)
    # both ends against the exact tail, 1e-80 away and more
    assert cells[0, 0] == pytest.approx(stats.norm.cdf((-7.5 - 0.3) / 0.1), rel=1e-6)
    assert cells[1, -1] == pytest.approx(stats.norm.sf((6.5 + 2.0) / 0.5), rel=1e-9)
    assert cells[2, 3] == pytest.approx(
        stats.norm.cdf((-4.5 - 9) / 0.25) - stats.norm.cdf((-5.5 - 9) / 0.25), rel=1e-6
    )


def test_rate_falls_with_power_over_many_decades(synthetic):
    rates = []
    for power in np.arange(-8.0, 0.0, 1.0):
        design = synthetic.make(engine={"laser_power_dbm": power}, switch={"topology": "none"})
        c = build(design, synthetic.optical_model(design))
        p = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=8192)
        best = st.adapt(c, p, 0, phases=16)
        rates.append(st.bit_error_rate(c, p, 0, best.fraction_ui, best.equalizer))
    assert np.all(np.diff(rates) < 0)
    assert rates[0] > 1e-3
    assert rates[-1] < 1e-15


def test_a_wrong_phase_and_no_equalizer_cost_errors(synthetic):
    design = synthetic.make(engine={"laser_power_dbm": -4.0}, switch={"topology": "none"},
                            package={"loss_db": 10.0})  # fmt: skip
    c = build(design, synthetic.optical_model(design))
    p = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=8192)
    best = st.adapt(c, p, 3, phases=32)
    rate = st.bit_error_rate(c, p, 3, best.fraction_ui, best.equalizer)
    assert st.bit_error_rate(c, p, 3, best.fraction_ui, st.Equalizer()) > 1.5 * rate
    late = st.bit_error_rate(c, p, 3, best.fraction_ui + 0.3, best.equalizer)
    assert late > 5 * rate
    both = st.bit_error_rate(c, p, 3, [best.fraction_ui, best.fraction_ui + 0.3], best.equalizer)
    assert both == pytest.approx((rate + late) / 2, rel=1e-9)


# -- brute force ----------------------------------------------------------------------------------


GRAY = np.array([0b00, 0b01, 0b11, 0b10])


def decide(z, dfe, thresholds):
    """Level of each symbol, 0 the lowest."""
    previous, result = 1.0, np.empty(len(z), np.int8)
    for index, value in enumerate(z.tolist()):
        result[index] = bisect.bisect_right(thresholds, value - dfe * previous)
        previous = 2 * result[index] / len(thresholds) - 1
    return result


def wrong_bits(decided, sent, precoding):
    """Wrong bits of each symbol; indices of levels."""
    if precoding:
        decided, sent = ((x + np.roll(x, 1)) % 4 for x in (decided, sent))
    return np.array([0, 1, 1, 2])[GRAY[decided] ^ GRAY[sent]]


def count(c, design, heaters, equalizers, phases, sent, direction, precoding=False):
    """Wrong bits of an ideal receiver behind the kernel's sampler, lane by lane, and how many."""
    kernel = Kernel(None, c)
    if heaters:
        kernel.set_heaters(heaters, -1e15)
    codes = st.tx_codes(c, sent, design.serdes.tx_ffe)
    got = []
    for start in range(0, len(codes), 50):
        block = codes[start : start + 50]
        kernel.transmit(direction, block)
        got.append(kernel.receive(1 - direction, len(block), phases, volts=False).codes)
    samples = np.concatenate(got).transpose(1, 0, 2).reshape(c.lanes, -1).astype(float)
    errors, compared = {}, 0
    levels = np.rint((sent + 1) / 2 * (c.levels - 1)).astype(np.int8)
    for lane, e in equalizers.items():
        x = samples[lane]
        z = sum(tap * np.roll(x, k - e.pre) for k, tap in enumerate(e.taps))
        decided = decide(z, e.dfe, e.thresholds)
        # whole symbols of delay: the flight, a word of deserializer, some of filters
        source = levels[c.source_lane(direction, lane)]
        near = int(c.delay_ui[direction, lane]) + c.symbols
        settled = slice(40_000, -2_000)
        wrong = [
            wrong_bits(decided, np.roll(source, near + d), precoding)[settled].sum()
            for d in range(-4, 12)
        ]
        errors[lane] = int(min(wrong))
        compared = (len(source) - 42_000) * int(np.log2(c.levels))
    return errors, compared


PAM4 = {"modulation": "pam4", "profile": "100g-kp4", "baud_gbd": 53.125, "adc_bits": 7}
"""A receiver for 53 GBd; its baseline is found in the symbols that are not counted."""
FAST = {"tia_bandwidth_ghz": 40.0, "pd_bandwidth_ghz": 60.0, "sampler_full_scale_v": 0.6,
        "ac_coupling_mhz": 2.0}  # fmt: skip


@pytest.mark.parametrize(
    ("sections", "split", "taps", "dfe", "direction", "words"),
    [
        # PAM4 without a switch: BER of about 4e-3, and 4e-2 with much feedback
        (
            {"serdes": PAM4, "receiver": FAST, "engine": {"laser_power_dbm": -1.5},
             "switch": {"topology": "none"}},
            0.5, 5, False, 0, 1500,
        ),
        (
            {"serdes": PAM4, "receiver": FAST, "engine": {"laser_power_dbm": 2.0},
             "package": {"loss_db": 8.0}, "switch": {"topology": "none"}},
            0.5, 2, True, 1, 1500,
        ),
        # and through a fabric that leaks, precoded
        (
            {"serdes": PAM4 | {"precoding": True}, "receiver": FAST,
             "engine": {"laser_power_dbm": 3.5}, "package": {"loss_db": 6.0}},
            0.49, 2, True, 0, 1500,
        ),
        # BER of about 3e-2, 5e-3 and 4e-4 through a fabric with -25 dB crosstalk
        ({"engine": {"laser_power_dbm": -6.0}}, 0.47, 3, True, 0, 3000),
        ({"engine": {"laser_power_dbm": -4.0}}, 0.47, 1, False, 1, 4000),
        ({"engine": {"laser_power_dbm": -2.0}}, 0.47, 3, True, 1, 6000),
        # a ring, strongly distorted, with long error bursts from its feedback
        (
            {
                "engine": {
                    "laser_power_dbm": 0.0,
                    "modulator": "ring",
                    "ring_detuning_pm": 100.0,
                    "ring_efficiency_pm_per_v": 30.0,
                }
            },
            0.49, 3, True, 0, 3000,
        ),
        # without a switch, coarse sampler, more package loss
        (
            {
                "engine": {"laser_power_dbm": -7.0},
                "serdes": {"adc_bits": 5},
                "package": {"loss_db": 8.0},
                "switch": {"topology": "none"},
            },
            0.5, 3, True, 0, 4000,
        ),
    ],
)  # fmt: skip
def test_closed_form_agrees_with_counted_errors(
    synthetic, sections, split, taps, dfe, direction, words
):
    serdes = {"rate_offset_ppm": 0.0} | sections.get("serdes", {})
    design = synthetic.make(**(sections | {"serdes": serdes, "fibre": {"length_m": 1.0}}))
    c = build(design, synthetic.optical_model(design, split=split, permutation=ORDER))
    heaters, matrix = None, None
    if c.fabric_ports:
        heaters = synthetic.heater_codes(design, ORDER)
        matrix = oracle.settled_matrix(c, heaters)
    p = st.pattern(c, direction, tx_ffe=design.serdes.tx_ffe, matrix=matrix, symbols=32768)
    adapted = {lane: st.adapt(c, p, lane, taps=taps, dfe=dfe, phases=32) for lane in LANES}
    delay = c.delay_ui[direction]
    phases = np.zeros(c.lanes, int)
    for lane, a in adapted.items():
        phases[lane] = round((a.fraction_ui + delay[lane]) * 64) % 64
    predicted = {
        lane: st.bit_error_rate(
            c, p, lane, phases[lane] / 64 - delay[lane], a.equalizer,
            precoding=design.serdes.precoding,
        )
        for lane, a in adapted.items()
    }  # fmt: skip
    seed = 17
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    sent = st.random_levels(c, rng, words)
    equalizers = {lane: a.equalizer for lane, a in adapted.items()}
    errors, compared = count(
        c, design, heaters, equalizers, phases, sent, direction, design.serdes.precoding
    )
    for lane, rate in predicted.items():
        low, high = st.clopper_pearson(errors[lane], compared, 0.999)
        # the pattern behind the prediction is a sample too, and errors of it come in clusters
        slack = 1.02 if rate > 1e-3 else 1.1
        assert low / slack <= rate <= high * slack, (lane, errors[lane] / compared, rate)
    assert sum(errors.values()) > 200
    measured = sum(errors.values()) / (compared * len(LANES))
    assert measured == pytest.approx(np.mean(list(predicted.values())), rel=0.12)


@pytest.mark.parametrize("ffe", [(0, 1, 0), (-0.06, 0.88, -0.06), (0.03, -0.1, 0.8, -0.07)])
@pytest.mark.parametrize("modulation", ["nrz", "pam4"])
def test_transmit_codes_are_those_of_the_rtl(synthetic, modulation, ffe):
    from lightloom.rtl.pma import tx_ffe

    profile = "100g-kp4" if modulation == "pam4" else "eth-64b66b"
    design = synthetic.make(serdes={"lanes": 1, "modulation": modulation, "profile": profile},
                            switch={"topology": "none"})  # fmt: skip
    c = build(design, synthetic.optical_model(design))
    sent = st.random_levels(c, np.random.default_rng(2), 20)
    symbols = np.rint((sent[0] + 1) / 2 * (c.levels - 1)).astype(int)
    taps = [round(tap * 63) for tap in ffe]
    expected = tx_ffe.codes(symbols.tolist(), taps, 7, modulation)
    mine = st.tx_codes(c, sent, ffe)[:, 0].ravel()
    assert mine[1 : 1 + len(expected)].tolist() == expected


def test_patterns_with_more_ones_than_zeros_have_the_same_rate(synthetic):
    # the tracker sees far more symbols than a pattern has
    design = synthetic.make(engine={"laser_power_dbm": -5.0}, switch={"topology": "none"})
    c = build(design, synthetic.optical_model(design))
    patterns = [
        st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=2048, seed=seed) for seed in range(6)
    ]
    best = st.adapt(c, patterns[0], 1, phases=8)
    rates, level, power = [], [], []
    for p in patterns:
        rates.append(st.bit_error_rate(c, p, 1, best.fraction_ui, best.equalizer))
        m = st.moments(c, p, 1, best.fraction_ui)
        level.append(m.baseline_variance)
        power.append(p.sent[1].mean())
    assert np.ptp(power) > 0.03
    assert np.std(rates) < 0.15 * np.mean(rates)
    assert np.std(level) < 0.05 * np.mean(level)


def test_samples_further_apart_than_the_response_share_the_baseline_only(synthetic):
    design = synthetic.make(switch={"topology": "none"})
    c = build(design, synthetic.optical_model(design))
    p = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=4096)
    lags = c.rx_taps // c.samples_per_ui + 3
    m = st.moments(c, p, 0, 0.5, lags=lags)
    assert m.baseline_variance > 0
    np.testing.assert_allclose(m.covariance[-2:], m.baseline_variance, rtol=1e-9)
    assert m.covariance[0].min() > 2 * m.baseline_variance


def test_bad_arguments_are_refused(synthetic):
    design = synthetic.make()
    c = build(design, synthetic.optical_model(design))
    with pytest.raises(ValueError, match="one exactly where there is a switch"):
        st.pattern(c, 0, tx_ffe=(0, 1, 0))
    plain = synthetic.make(switch={"topology": "none"})
    c = build(plain, synthetic.optical_model(plain))
    p = st.pattern(c, 0, tx_ffe=(0, 1, 0), symbols=64)
    with pytest.raises(ValueError, match="3 thresholds; allowed: 1"):
        st.bit_error_rate(c, p, 0, 0.5, st.Equalizer(thresholds=(-1.0, 0.0, 1.0)))
