"""Counting, the statistical eye and importance sampling give one rate, from 1e-3 to 1e-12."""

import numpy as np
import pytest

from lightloom.cosim import importance, oracle, rates
from lightloom.cosim.coefficients import build

ORDER = [7, 6, 5, 4, 3, 2, 1, 0]
CONFIDENCE = 0.99
LANE = 2


def bench(synthetic, **sections):
    split = sections.pop("split", 0.5)
    switched = sections.get("switch", {}).get("topology") != "none"
    design = synthetic.make(**({"fibre": {"length_m": 1.0}} | sections))
    c = build(design, synthetic.optical_model(design, split=split, permutation=ORDER))
    heaters = tuple(synthetic.heater_codes(design, ORDER)) if switched else ()
    return rates.Bench(
        c=c,
        direction=0,
        tx_ffe=design.serdes.tx_ffe,
        matrix=oracle.settled_matrix(c, heaters) if switched else None,
        heaters=heaters,
        ffe_taps=design.serdes.rx_ffe_taps,
        dfe=design.serdes.rx_dfe,
        precoding=design.serdes.precoding,
    )


def nrz(synthetic):
    """Through a switch with crosstalk, feedback, intensity noise that a one has more of."""
    return bench(synthetic, split=0.49,
                 engine={"laser_power_dbm": -3.0, "laser_rin_db_per_hz": -138.0})  # fmt: skip


def pam4(synthetic):
    """With five taps; quiet enough for 1e-12, its upper levels noisier than the lower ones."""
    return bench(
        synthetic,
        switch={"topology": "none"},
        serdes={"modulation": "pam4", "profile": "100g-kp4", "baud_gbd": 53.125, "adc_bits": 8,
                "rx_ffe_taps": 5, "rx_dfe": False},
        receiver={"tia_bandwidth_ghz": 40.0, "pd_bandwidth_ghz": 60.0,
                  "sampler_full_scale_v": 1.2, "tia_noise_pa_per_rthz": 8.0},
        engine={"laser_power_dbm": 4.0, "laser_rin_db_per_hz": -150.0},
    )  # fmt: skip


def compare(made, attenuation_db, symbols):
    """Rates by all methods that reach there, printed and held against each other."""
    at = made.attenuated(attenuation_db)
    patterns = at.patterns()
    receiver = at.receiver(patterns[0], LANE)
    found = {
        "eye": rates.eye(at, patterns, LANE, receiver, CONFIDENCE).widened(rates.EYE_TOLERANCE),
        "importance": rates.sampled(at, patterns, LANE, receiver, CONFIDENCE),
    }
    if found["eye"].rate * symbols > 10:
        got = rates.counted(at, {LANE: receiver}, symbols, CONFIDENCE)
        assert got.errors > 5
        found["counting"] = rates.Interval(got.rate, got.low, got.high)
    for name, one in found.items():
        print(f"{attenuation_db:5.1f} dB {name:10} {one.rate:.3e} {one.low:.3e} to {one.high:.3e}")
    for one in found.values():
        for other in found.values():
            assert one.meets(other), found
    # and not by intervals that hold anything
    assert found["importance"].high < 2 * found["importance"].rate
    return found


NRZ = {2.0: 60_000, 0.5: 400_000, -3.7: 0}
FOUR = {7.5: 100_000, 6.7: 400_000, 2.3: 0}


@pytest.mark.parametrize(("link", "powers"), [(nrz, NRZ), (pam4, FOUR)])
def test_three_methods_agree(synthetic, link, powers):
    made = link(synthetic)
    at = [compare(made, db, symbols) for db, symbols in powers.items()]
    seen = [one["importance"].rate for one in at]
    assert seen[0] > 3e-4
    assert seen[-1] < 1e-11
    assert ["counting" in one for one in at] == [True, True, False]


@pytest.mark.slow
@pytest.mark.parametrize(("link", "low", "high"), [(nrz, -4.0, 3.0), (pam4, 2.0, 8.0)])
def test_three_methods_agree_at_every_power(synthetic, link, low, high):
    made = link(synthetic)
    found = [compare(made, db, 4_000_000) for db in np.arange(high, low - 0.1, -0.5)]
    seen = np.array([one["importance"].rate for one in found])
    assert np.all(np.diff(seen) < 0)
    assert seen[0] > 1e-3
    assert seen[-1] < 1e-12
    assert sum("counting" in one for one in found) >= 4


def test_draws_that_are_worth_too_few_are_refused(synthetic):
    made = nrz(synthetic)
    patterns = made.patterns(2)
    receiver = made.receiver(patterns[0], LANE, phases=8)
    with pytest.raises(importance.TooFewError, match=r"128 draws are worth [\d.]+; allowed: at le"):
        rates.sampled(made, patterns, LANE, receiver, draws=64)


def test_attenuation_takes_light_and_not_thermal_noise(synthetic):
    made = nrz(synthetic)
    less = made.attenuated(3.0)
    one, other = (b.patterns(1, 512)[0].light_a for b in (made, less))
    np.testing.assert_allclose(other, one * 10**-0.3, rtol=1e-9)
    assert np.array_equal(less.c.noise, made.c.noise)


def test_intervals_meet_where_they_share_a_rate():
    one = rates.Interval(2.0, 1.0, 3.0)
    assert one.meets(rates.Interval(4.0, 3.0, 5.0))
    assert not one.meets(rates.Interval(4.0, 3.1, 5.0))
    assert one.widened(0.05).meets(rates.Interval(4.0, 3.1, 5.0))
    spread = rates._spread([1.0, 2.0, 3.0], 0.95)
    assert spread.rate == 2.0
    assert spread.high == pytest.approx(2.0 + 4.3027 / np.sqrt(3), rel=1e-4)
    assert spread.low == 0.0
