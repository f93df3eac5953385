import numpy as np
import pytest
from scipy import special

from lightloom.cosim import eye
from lightloom.cosim import statistics as st
from lightloom.cosim.coefficients import build
from lightloom.cosim.kernel.binding import Kernel


def received(c, phase, words=80, seed=2):
    """Kernel that has received random bits at `phase` in both directions."""
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    kernel = Kernel(None, c)
    codes = rng.choice([-55, 55], (words, c.lanes, c.symbols))
    for side in (0, 1):
        kernel.transmit(side, codes)
    got = [kernel.receive(side, words, phase) for side in (0, 1)]
    return kernel, got


@pytest.fixture(scope="module")
def link(synthetic):
    design = synthetic.make(
        engine={"laser_power_dbm": 2.0}, switch={"topology": "none"}, fibre={"length_m": 0.5}
    )
    return build(design, synthetic.optical_model(design))


def test_the_middle_column_is_what_the_sampler_saw(link):
    # 100 ppm between the clocks: the fold must follow the receiver, not the transmitter
    kernel, got = received(link, np.arange(8) * 3)
    found = eye.capture(kernel)
    assert sorted(found.volts) == [(d, lane) for d in (0, 1) for lane in range(8)]
    for (direction, lane), volts in found.volts.items():
        seen = got[1 - direction].volts[:, lane].reshape(-1, 64)
        count = len(volts) // 64
        assert count > 55
        np.testing.assert_allclose(
            volts[:, eye.POINTS // 2], seen[-1 - count : -1].ravel(), rtol=0, atol=1e-12
        )


def test_capture_survives_its_file(link, tmp_path):
    kernel, _ = received(link, 0, words=20)
    found = eye.capture(kernel, points=8, words=5)
    found.save(tmp_path / "eye.npz")
    back = eye.Capture.load(tmp_path / "eye.npz")
    assert back.volts_per_step == found.volts_per_step
    assert back.volts.keys() == found.volts.keys()
    np.testing.assert_array_equal(back.volts[1, 7], found.volts[1, 7])
    assert len(found.volts[1, 7]) == 4 * 64


def test_nothing_received_is_nothing_captured(link):
    assert eye.capture(Kernel(None, link)).volts == {}


def synthetic_eye(slope=8.0, noise=0.0, count=4000, points=32, seed=3):
    """Symbols with straight edges: from -1 to 1 within 1 / slope UI, 0.1 V and an offset."""
    rng = np.random.default_rng(seed)
    bits = rng.choice([-1.0, 1.0], count + 2)
    t = np.arange(points) / points - 0.5
    before, after = np.clip(t + 0.5, 0, None), np.clip(0.5 - t, 0, None)
    volts = np.empty((count, points))
    for row in range(count):
        left, here, right = bits[row : row + 3]
        wave = np.full(points, here)
        wave = np.where(left != here, np.minimum(1, before * slope) * here, wave)
        wave = np.where(right != here, np.minimum(1, after * slope) * here, wave)
        volts[row] = 0.1 * wave
    return volts + noise * rng.normal(size=volts.shape), bits


def test_a_clean_eye_is_measured_exactly():
    volts, _ = synthetic_eye()
    found = eye.diagram(volts)
    assert found.height_mv == pytest.approx(200.0)
    # it closes where the edges meet, at either end of the symbol
    assert found.width_ui == pytest.approx(1.0, abs=1 / 32)
    assert found.means_mv == pytest.approx((-100.0, 100.0))
    assert found.symbols == 4000
    np.testing.assert_allclose(found.density.sum(axis=0), 1.0)
    assert found.density.shape == (eye.LEVELS, 64)
    # two symbols: what is at the middle is at the ends too
    np.testing.assert_array_equal(found.density[:, 32], found.density[:, 0])
    np.testing.assert_array_equal(found.density[:, 16], found.density[:, 48])
    low, high = found.level_mv
    level = low + (np.flatnonzero(found.density[:, 32]) + 0.5) * (high - low) / eye.LEVELS
    assert np.abs(np.abs(level) - 100.0).max() < (high - low) / eye.LEVELS


def test_noise_closes_the_eye_as_a_gaussian_does():
    volts, _ = synthetic_eye(noise=0.02, count=20_000)
    found = eye.diagram(volts)
    assert found.q == pytest.approx(5.0, rel=0.02)
    for rate in (1e-3, 1e-6, 1e-12):
        reach = -special.ndtri(rate)
        assert found.height_at(rate) == pytest.approx(max(0, 200 - 40 * reach), rel=0.1, abs=1.5)
    # the opening of n symbols is about that at one error in n
    assert found.height_mv == pytest.approx(found.height_at(1 / 10_000), abs=15)
    assert eye.diagram(volts[:1000]).height_mv > found.height_mv
    assert found.width_ui < 0.95
    with pytest.raises(ValueError, match=r"error_rate = 0\.7; allowed: above 0 and below 0.5"):
        found.height_at(0.7)


def test_the_worst_of_three_eyes_counts():
    rng = np.random.default_rng(6)
    levels = np.array([-0.09, -0.04, 0.05, 0.1])  # eyes of 50, 90 and 50 mV
    spread = np.array([0.002, 0.002, 0.004, 0.006])
    sent = rng.integers(0, 4, 6000)
    t = np.abs(np.arange(32) / 32 - 0.5)
    shape = np.clip(2 - 5 * t, 0, 1)[None, :]  # levels meet at 0.4 UI
    volts = levels[sent][:, None] * shape + spread[sent][:, None] * rng.normal(size=(6000, 32))
    thresholds = eye.middle_thresholds(volts, 4)
    assert thresholds == pytest.approx([-0.065, 0.005, 0.075], abs=5e-4)
    found = eye.diagram(volts, thresholds_v=thresholds)
    assert found.means_mv == pytest.approx(levels * 1e3, abs=0.3)
    assert found.deviations_mv == pytest.approx(spread * 1e3, rel=0.06)
    assert found.q == pytest.approx(50 / 10, rel=0.05)
    assert found.height_at(1e-3) == pytest.approx(50 - 3.09 * 10, abs=2)
    assert 5 < found.height_mv < 25
    assert found.width_ui < 0.7
    upper = eye.diagram(volts, thresholds_v=thresholds[:2])
    assert upper.height_mv > found.height_mv
    with pytest.raises(ValueError, match=r"6000 symbols on one side of 0\.3 V; no eye"):
        eye.diagram(volts, thresholds_v=(-0.065, 0.005, 0.3))


def test_pam4_waveforms_have_three_eyes(synthetic):
    design = synthetic.make(
        serdes={
            "modulation": "pam4", "profile": "100g-kp4", "adc_bits": 7, "rate_offset_ppm": 0.0,
        },
        engine={"laser_power_dbm": 5.0},
        receiver={"ac_coupling_mhz": 20.0, "sampler_full_scale_v": 1.2},
        switch={"topology": "none"}, fibre={"length_m": 0.5},
    )  # fmt: skip
    c = build(design, synthetic.optical_model(design))
    kernel, words = Kernel(None, c), 120
    p = st.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=8192)
    best = st.adapt(c, p, 0, taps=5, dfe=True, phases=32)
    sent = st.random_levels(c, np.random.default_rng(4), words)
    kernel.transmit(0, st.tx_codes(c, sent, design.serdes.tx_ffe))
    phase = round((best.fraction_ui + c.delay_ui[0, 0]) * 64) % 64
    kernel.receive(1, words, phase)
    raw = eye.capture(kernel).volts[0, 0]
    opened = eye.equalize(raw, c.volts_per_step, best.equalizer)
    limits = [t * c.volts_per_step for t in best.equalizer.thresholds]
    assert eye.middle_thresholds(opened, 4) == pytest.approx(limits, abs=1.5e-3)
    found = eye.diagram(opened, thresholds_v=limits)
    assert np.diff(found.means_mv) == pytest.approx(np.full(3, np.diff(found.means_mv).mean()),
                                                    rel=0.1)  # fmt: skip
    assert found.height_mv > 5
    assert found.q > 1.3 * eye.diagram(raw, thresholds_v=eye.middle_thresholds(raw, 4)).q


def test_a_closed_eye_has_no_height_and_no_width():
    volts, _ = synthetic_eye(noise=0.12)
    found = eye.diagram(volts)
    assert found.height_mv < 2.0
    assert found.width_ui < 0.1
    with pytest.raises(ValueError, match="500 symbols on one side of 0 V"):
        eye.diagram(np.abs(volts[:500]) + 1.0)


def test_equalizing_a_dispersed_eye_opens_it():
    volts, _ = synthetic_eye(noise=0.004)
    late = np.vstack([volts[:1], volts[:-1]])
    early = np.vstack([volts[1:], volts[-1:]])
    dispersed = volts + 0.25 * late - 0.3 * early
    step = 0.01
    closed = eye.diagram(dispersed)
    # feedback of the bit before, in steps of the sampler, and one tap ahead
    opened = eye.diagram(eye.equalize(dispersed, step, st.Equalizer((0.3, 1.0), 1, dfe=2.5)))
    assert closed.height_mv < 100
    assert opened.height_mv > closed.height_mv + 25
    with pytest.raises(ValueError, match="2 symbols; allowed: at least 4"):
        eye.equalize(dispersed[:2], step, st.Equalizer((0.3, 1.0), 1))


def test_equalized_middle_is_the_receivers_arithmetic(link):
    kernel, _ = received(link, 0)
    volts = eye.capture(kernel).volts[0, 2]
    e = st.Equalizer((-0.1, 1.0, -0.2), 1, dfe=-1.5, thresholds=(-0.125,))
    z = eye.equalize(volts, link.volts_per_step, e)[:, eye.POINTS // 2] / link.volts_per_step
    x = volts[:, eye.POINTS // 2] / link.volts_per_step
    previous = 1.0
    for n in range(1, len(x) - 2):
        value = -0.1 * x[n + 1] + x[n] - 0.2 * x[n - 1] + 1.5 * previous
        assert z[n - 1] == pytest.approx(value, abs=1e-9)
        previous = 1.0 if value >= -0.125 else -1.0


def test_bad_points_are_refused(link):
    with pytest.raises(ValueError, match="points = 7; allowed: even, 2 to 1024"):
        eye.capture(Kernel(None, link), points=7)
