"""Importance sampling against closed forms, against brute force and against the exact tails."""

import numpy as np
import pytest
from scipy import special

from lightloom.cosim import importance, oracle
from lightloom.cosim import statistics as st
from lightloom.cosim.coefficients import build

LANE = 4


def ideal(synthetic, power_dbm, rin_db_per_hz=-135.0):
    """A transmitter without memory, a receiver that integrates over one symbol, its pattern."""
    design = synthetic.make(
        serdes={"tx_ffe": [0, 1, 0]},
        engine={"laser_power_dbm": power_dbm, "laser_rin_db_per_hz": rin_db_per_hz},
        receiver={"ac_coupling_mhz": 0.001},
        switch={"topology": "none"},
    )
    made = build(design, synthetic.optical_model(design))
    n, gain = made.samples_per_ui, 4000.0
    c = made.with_(
        tx_response=np.full(n, 2.0),
        rx_bank=np.tile(np.r_[np.full(n, gain / n), np.zeros(n)], (33, 1)),
        rx_gain=gain,
        adc_bits=10,
    )
    return c, st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=4096)


def levels_and_deviations(c):
    """Voltage of a zero and a one, and their deviations: from the modulator's sine."""
    volts = 0.5 * 2.0 * np.array([-1, 1])
    opened = 10**-2.5 + (1 - 10**-2.5) * np.sin(np.pi / 4 + np.pi * volts / 6) ** 2
    light = opened * (c.source_field[0, LANE] * c.detector_field[0, LANE]) ** 2
    variance = c.noise[0] + c.noise[1] * (light + 10e-9) + c.noise[2] * light**2
    return 4000.0 * light, 4000.0 * np.sqrt(variance / c.samples_per_ui)


def real(synthetic, **sections):
    """A link with everything in it: coefficients, pattern, phase and equalizer of a lane."""
    dfe = sections.pop("dfe", True)
    sections = {"switch": {"topology": "none"}} | sections
    design = synthetic.make(**sections)
    c = build(design, synthetic.optical_model(design))
    p = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=8192)
    return c, p, st.adapt(c, p, LANE, dfe=dfe, phases=16)


# -- theory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("rin", [-180.0, -120.0])
def test_without_interference_it_is_the_gaussian_tail(synthetic, wanted, rin):
    c, p = ideal(synthetic, -4.0, rin)
    (zero, one), deviation = levels_and_deviations(c)
    if rin == -120.0:  # a one is far noisier than a zero
        assert deviation[1] > 2 * deviation[0]
    ones = (p.sent[LANE, 64:] > 0).mean()
    middle = (zero + one) / 2

    def rate(steps):
        slicer = middle + (steps - 0.5) * c.volts_per_step
        high = special.ndtr((slicer - one) / deviation[1])
        return ones * high + (1 - ones) * special.ndtr((zero - slicer) / deviation[0])

    # noise that brings the rate near the one wanted, at the sampler's best threshold
    steps = np.arange(-300, 300)
    for scale in np.geomspace(60.0, 0.02, 4000):
        deviation = levels_and_deviations(c.with_(noise=c.noise * scale))[1]
        rates = rate(steps)
        if rates.min() <= wanted:
            break
    threshold = int(steps[rates.argmin()])
    c = c.with_(noise=c.noise * scale)
    expected = float(rate(threshold))
    assert expected == pytest.approx(wanted, rel=0.3)
    e = st.Equalizer(thresholds=(float(threshold),))
    got = importance.bit_error_rate(
        c, p, LANE, 1 - 1 / c.samples_per_ui, e, seed=11, confidence=0.999
    )
    assert got.low <= expected <= got.high, (got, expected)
    assert got.rate == pytest.approx(expected, rel=0.08)
    assert got.effective > 400
    assert got.unfinished == 0.0


def test_one_gaussian_for_both_levels_would_miss_by_far(synthetic):
    c, p = ideal(synthetic, -4.0, -120.0)
    c = c.with_(noise=c.noise * 0.5)
    e = st.Equalizer(thresholds=(0.0,))
    phase = 1 - 1 / c.samples_per_ui
    got = importance.bit_error_rate(c, p, LANE, phase, e)
    flat = c.with_(noise=np.array([oracle.noise_variance(c, p.light_a[LANE]).mean(), 0.0, 0.0]))
    matched = importance.bit_error_rate(flat, p, LANE, phase, e)
    assert matched.high < 0.5 * got.low


# -- the exact tails ------------------------------------------------------------------------------


PAM4 = {"modulation": "pam4", "profile": "100g-kp4", "baud_gbd": 53.125, "adc_bits": 8}
QUIET = {"tia_bandwidth_ghz": 40.0, "pd_bandwidth_ghz": 60.0, "sampler_full_scale_v": 1.5,
         "tia_noise_pa_per_rthz": 8.0}  # fmt: skip


@pytest.mark.parametrize(
    ("sections", "decades"),
    [
        ({"engine": {"laser_power_dbm": -7.5}}, (1e-4, 1e-2)),
        ({"engine": {"laser_power_dbm": -3.7}}, (1e-14, 1e-8)),
        ({"engine": {"laser_power_dbm": -3.7}, "dfe": False}, (1e-14, 1e-7)),
        ({"serdes": PAM4, "receiver": QUIET, "engine": {"laser_power_dbm": -1.0}}, (1e-6, 1e-3)),
        (
            {"serdes": PAM4 | {"precoding": True}, "receiver": QUIET,
             "engine": {"laser_power_dbm": 2.0}, "package": {"loss_db": 8.0}},
            (1e-6, 1e-3),
        ),
        (
            {"serdes": PAM4, "receiver": QUIET,
             "engine": {"laser_power_dbm": 2.0, "laser_rin_db_per_hz": -150.0}},
            (1e-15, 1e-8),
        ),
    ],
)  # fmt: skip
def test_it_agrees_with_the_integral_over_the_same_pattern(synthetic, sections, decades):
    precoding = sections.get("serdes", {}).get("precoding", False)
    c, p, best = real(synthetic, **sections)
    expected = st.bit_error_rate(c, p, LANE, best.fraction_ui, best.equalizer, precoding=precoding)
    got = importance.bit_error_rate(
        c, p, LANE, best.fraction_ui, best.equalizer, precoding=precoding, confidence=0.999
    )
    print(f"{expected:.3e}", got)
    assert decades[0] < expected < decades[1]
    # the integral takes the rounding of the side taps' samples for even noise
    assert got.low / 1.05 <= expected <= got.high * 1.05
    assert got.unfinished < 1e-3


# -- brute force ----------------------------------------------------------------------------------


@pytest.mark.parametrize("modulation", ["nrz", "pam4"])
def test_pushed_noise_has_the_mean_of_noise_as_it_is(synthetic, modulation, monkeypatch):
    if modulation == "pam4":
        sections = {"serdes": PAM4, "receiver": QUIET, "engine": {"laser_power_dbm": -4.5}}
    else:
        sections = {"engine": {"laser_power_dbm": -8.5}}
    c, p, best = real(synthetic, **sections)
    arguments = (c, p, LANE, best.fraction_ui, best.equalizer)
    got = importance.bit_error_rate(*arguments, draws=32768, confidence=0.999)
    # every draw even and unpushed: plain counting
    monkeypatch.setattr(importance, "EVEN", 1.0)
    monkeypatch.setattr(importance, "UNPUSHED", 1.0)
    plain = importance.bit_error_rate(*arguments, draws=65536, seed=2, confidence=0.999)
    assert got.low < plain.high
    assert plain.low < got.high
    assert got.high - got.low < plain.high - plain.low


def test_a_poor_push_costs_draws_and_not_truth(synthetic, monkeypatch):
    c, p, best = real(synthetic, engine={"laser_power_dbm": -5.0})
    arguments = (c, p, LANE, best.fraction_ui, best.equalizer)
    good = importance.bit_error_rate(*arguments, draws=32768, confidence=0.999)
    steer = importance._Window._steer

    def poorly(self, m):
        steer(self, m)
        self._push = 0.8 * self._push

    monkeypatch.setattr(importance._Window, "_steer", poorly)
    poor = importance.bit_error_rate(*arguments, draws=32768, confidence=0.999, seed=5)
    assert poor.effective < 0.9 * good.effective
    assert good.low < poor.high
    assert poor.low < good.high


# -- the sample's worth ---------------------------------------------------------------------------


def test_effective_size_counts_equal_weights_and_not_the_rest():
    assert importance.effective_size(np.ones(50)) == pytest.approx(50)
    assert importance.effective_size(np.r_[np.ones(50), np.zeros(950)]) == pytest.approx(50)
    assert importance.effective_size(np.r_[1e200, np.full(1000, 1e190)]) == pytest.approx(1)
    assert importance.effective_size(np.zeros(10)) == 0.0


def test_the_interval_is_as_wide_as_the_effective_size_says(synthetic):
    c, p, best = real(synthetic, engine={"laser_power_dbm": -4.0})
    arguments = (c, p, LANE, best.fraction_ui, best.equalizer)
    few = importance.bit_error_rate(*arguments, draws=4096)
    many = importance.bit_error_rate(*arguments, draws=32768)
    assert many.effective == pytest.approx(8 * few.effective, rel=0.3)
    for got in (few, many):
        assert (got.high - got.low) / got.rate == pytest.approx(
            2 * 1.96 / np.sqrt(got.effective), rel=0.05
        )
    runs = [importance.bit_error_rate(*arguments, draws=4096, seed=s).rate for s in range(20)]
    assert np.std(runs) / np.mean(runs) == pytest.approx(1 / np.sqrt(few.effective), rel=0.5)


def test_the_same_seed_gives_the_same_draws(synthetic):
    c, p, best = real(synthetic, engine={"laser_power_dbm": -4.0})
    arguments = (c, p, LANE, best.fraction_ui, best.equalizer)
    first, again, other = (
        importance.bit_error_rate(*arguments, draws=4096, seed=seed) for seed in (3, 3, 4)
    )
    assert first == again
    assert first.rate != other.rate


def test_too_few_draws_are_refused(synthetic, monkeypatch):
    c, p, best = real(synthetic, engine={"laser_power_dbm": -4.0})
    arguments = (c, p, LANE, best.fraction_ui, best.equalizer)
    with pytest.raises(
        importance.TooFewError,
        match=r"200 draws with \d+ error events are worth [\d.]+; allowed: at least 100; take more",
    ):
        importance.bit_error_rate(*arguments, draws=200)
    # without a push none of the draws is an error
    monkeypatch.setattr(importance, "UNPUSHED", 1.0)
    with pytest.raises(importance.TooFewError, match=r"with 0 error events are worth 0\.0"):
        importance.bit_error_rate(*arguments)


def test_bad_arguments_are_refused(synthetic):
    c, p = ideal(synthetic, -4.0)
    with pytest.raises(ValueError, match="3 thresholds; allowed: 1"):
        importance.bit_error_rate(c, p, 0, 0.5, st.Equalizer(thresholds=(-1.0, 0.0, 1.0)))
    with pytest.raises(ValueError, match="draws = 1; allowed: 2 or more"):
        importance.bit_error_rate(c, p, 0, 0.5, st.Equalizer(), draws=1)
    with pytest.raises(ValueError, match="confidence = 1; allowed: above 0 and below 1"):
        importance.bit_error_rate(c, p, 0, 0.5, st.Equalizer(), confidence=1.0)
    with pytest.raises(ValueError, match="the model has no noise"):
        importance.bit_error_rate(c.with_(noisy=False), p, 0, 0.5, st.Equalizer())
    short = st.Pattern(p.sent[:, :64], p.source, p.light_a[:, : 64 * c.samples_per_ui])
    with pytest.raises(ValueError, match="pattern of 64 symbols; allowed: longer ones"):
        importance.bit_error_rate(c, short, 0, 0.5, st.Equalizer((0.1,) * 60, 1))
