"""COM of the package: its equalizer is the best there is, and it falls with what disturbs."""

import numpy as np
import pytest

from lightloom.cosim import package_com
from lightloom.cosim.package_com import SAMPLES

PAM4 = {"modulation": "pam4", "profile": "100g-kp4", "baud_gbd": 53.125, "adc_bits": 7,
        "rx_ffe_taps": 5, "rx_dfe": False}  # fmt: skip


@pytest.mark.parametrize("serdes", [{}, PAM4])
def test_margin_is_that_of_a_short_package(synthetic, serdes):
    found = package_com.measure(synthetic.make(serdes=serdes, package={"loss_db": 3.0}))
    assert 3 < found.db < 20
    assert found.isi_v < 0.1 * found.signal_v
    assert len(found.feedback) == (not serdes)
    lossy = package_com.measure(
        synthetic.make(serdes=serdes, package={"loss_db": 20.0, "delay_ps": 300.0})
    )
    assert lossy.db < found.db
    assert lossy.signal_v < 0.5 * found.signal_v


def test_a_reflection_costs_margin_without_feedback(synthetic):
    margins = [
        package_com.measure(
            synthetic.make(serdes=PAM4, package={"loss_db": 3.0, "return_loss_db": loss})
        ).db
        for loss in (30.0, 12.0, 8.0)
    ]
    assert margins == sorted(margins, reverse=True)
    assert margins[0] > margins[2] + 0.5


def test_no_other_taps_have_less_error(synthetic):
    made = package_com._channel(synthetic.make(serdes=PAM4, package={"loss_db": 6.0}))
    taps, cursor = package_com._equalizer(made, 5, 1, False)
    lags = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))

    def error(taps):
        pulse = sum(tap * np.roll(made.pulse, (k - 1) * SAMPLES) for k, tap in enumerate(taps))
        samples = pulse[cursor % SAMPLES :: SAMPLES]
        slope = (np.roll(pulse, -1) - np.roll(pulse, 1))[cursor % SAMPLES :: SAMPLES] * SAMPLES / 2
        main = samples[cursor // SAMPLES]
        disturbed = samples @ samples - main**2 + package_com.JITTER_UI2 * (slope @ slope)
        return (disturbed + taps @ made.noise[lags] @ taps) / main**2

    least = error(taps)
    seed = 41
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    for size in (0.01, 0.1):
        for _ in range(50):
            assert error(taps + size * rng.standard_normal(5)) > least
