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
    assert (found.one_mv, found.zero_mv) == pytest.approx((100.0, -100.0))
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
