"""The golden model against closed forms that it does not contain."""

import math

import numpy as np
import pytest

from lightloom.photonics.export import reference
from lightloom.spec.optical_model import Ring


def test_power_at_rest_is_the_optical_models_lorentzian(ring):
    model = Ring(
        fwhm_pm=ring.fwhm_pm,
        depth=ring.depth,
        detuning_pm=ring.detuning_pm,
        efficiency_pm_per_v=ring.efficiency_pm_per_v,
        bandwidth_ghz=1.0,
        insertion_loss_db=ring.insertion_loss_db,
    )
    for heat_mw in np.linspace(-8, 8, 33):
        d = model.detuning_pm + ring.heater_pm_per_mw * heat_mw
        power = 1 - model.depth / (1 + (2 * d / model.fwhm_pm) ** 2)
        golden = power * 10 ** (-model.insertion_loss_db / 10)
        found = abs(reference.transmission(ring, ring.bias_v, heat_mw)) ** 2
        assert found == pytest.approx(golden, rel=1e-12)


def test_the_shift_at_the_bias_has_the_designs_efficiency(ring):
    step = 1e-4
    ends = [reference.shift_pm(ring, ring.bias_v + sign * step) for sign in (-1, 1)]
    assert (ends[1] - ends[0]) / (2 * step) == pytest.approx(ring.efficiency_pm_per_v, rel=1e-6)
    assert reference.shift_pm(ring, ring.bias_v) == 0


def test_the_shift_saturates_as_the_depletion_does(ring):
    near, far = (reference.shift_pm(ring, v + 0.1) - reference.shift_pm(ring, v) for v in (0, 6))
    ratio = math.sqrt(ring.built_in_v + 0.05) / math.sqrt(ring.built_in_v + 6.05)
    assert far / near == pytest.approx(ratio, rel=1e-3)


def test_the_capacitance_is_smooth_where_its_law_changes(ring):
    edge = -reference.FORWARD * ring.built_in_v
    below, above = (reference.capacitance_ff(ring, edge + step) for step in (1e-9, -1e-9))
    assert below == pytest.approx(above, rel=1e-8)
    slopes = [
        reference.capacitance_ff(ring, edge + a) - reference.capacitance_ff(ring, edge + b)
        for a, b in ((1e-5, 0.0), (0.0, -1e-5))
    ]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-4)
    assert reference.capacitance_ff(ring, 0.0) == ring.capacitance_ff


@pytest.mark.parametrize("detuning_pm", [3.0, 70.0, 120.0, 200.0])
def test_critical_coupling_has_the_lifetimes_bandwidth(ring, detuning_pm):
    # Power follows (1 + s tau) / ((1 + s tau)^2 + u^2); half power is a quadratic in (w tau)^2.
    p = ring.model_copy(update={"depth": 1.0, "detuning_pm": detuning_pm, "resistance_ohm": 1e-6})
    a = 1 + (2 * detuning_pm / p.fwhm_pm) ** 2
    linear = 2 - 2 * (a - 1) - 2 * a**2
    square = (-linear + math.sqrt(linear**2 + 4 * a**2)) / 2
    golden = math.sqrt(square) / (2 * math.pi * p.lifetime_ps * 1e-12)
    found = reference.bandwidth_hz(lambda f: reference.small_signal(p, f, p.bias_v))
    assert found == pytest.approx(golden, rel=1e-6)


def test_at_no_detuning_the_bandwidth_is_half_the_width_of_the_resonance(ring):
    p = ring.model_copy(update={"depth": 1.0, "detuning_pm": 0.01, "resistance_ohm": 1e-6})
    width_hz = 299792458.0 * p.fwhm_pm * 1e-12 / (p.wavelength_nm * 1e-9) ** 2
    found = reference.bandwidth_hz(lambda f: reference.small_signal(p, f, p.bias_v))
    assert found == pytest.approx(width_hz / 2, rel=1e-4)


def test_a_wide_resonance_leaves_the_rc(ring):
    p = ring.model_copy(update={"fwhm_pm": 1e5, "detuning_pm": 3e4})
    rc = (p.resistance_ohm + 50) * reference.capacitance_ff(p, 2.0) * 1e-15
    found = reference.bandwidth_hz(lambda f: reference.small_signal(p, f, 2.0, 50.0))
    assert found == pytest.approx(1 / (2 * math.pi * rc), rel=1e-4)


def test_a_response_that_does_not_fall_has_no_bandwidth():
    with pytest.raises(ValueError, match="no bandwidth between"):
        reference.bandwidth_hz(lambda f: np.ones(f.size, complex))


@pytest.mark.parametrize("frequency_ghz", [2.0, 25.0, 80.0])
def test_a_small_tone_in_time_has_the_small_signals_amplitude(ring, frequency_ghz):
    w, volts = 2 * math.pi * frequency_ghz * 1e9, 1e-3
    periods = max(12, round(frequency_ghz))  # until what was at the start has died away
    times = np.linspace(0, 2 * math.pi * periods / w, 64 * periods + 1)
    field = reference.ring_transient(
        ring,
        times,
        lambda t: ring.bias_v + volts * math.sin(w * t),
        source_ohm=50.0,
        step_s=0.02 / (frequency_ghz * 1e9),
    )
    last = slice(-64, None)
    power = np.abs(field[last]) ** 2
    tone = 2 / 64 * (power * np.exp(-1j * w * times[last])).sum() * 1j
    golden = volts * reference.small_signal(ring, np.array([frequency_ghz * 1e9]), 1.2, 50.0)[0]
    assert tone == pytest.approx(golden, abs=3e-3 * abs(golden) + 2e-9)


def test_a_slow_ramp_stays_at_rest(ring):
    times = np.linspace(0, 40e-9, 41)
    field = reference.ring_transient(ring, times, lambda t: 4 * t / 40e-9)
    golden = [reference.transmission(ring, 4 * t / 40e-9) for t in times]
    assert field == pytest.approx(np.array(golden), abs=3e-3)


def test_light_that_is_switched_on_fills_the_ring_in_its_lifetime(ring):
    p = ring.model_copy(update={"detuning_pm": 0.0})
    times = np.linspace(0, 40e-12, 81)
    field = reference.ring_transient(
        p, times, lambda t: p.bias_v, lambda t: 0j if t <= 0 else 1 + 0j, step_s=1e-13
    )
    fill = 1 - np.exp(-times[1:] / (p.lifetime_ps * 1e-12))
    assert field[1:] == pytest.approx(p.gain * (1 - p.coupling * fill), abs=2e-4)


def test_heat_moves_the_resonance_with_its_time_constant(ring):
    p = ring.model_copy(update={"heater_tau_us": 0.005})  # else the photons take all day
    times = np.linspace(0, 20e-9, 21)
    field = reference.ring_transient(
        p, times, lambda t: p.bias_v, heat_mw=lambda t: 0.0 if t <= 0 else 1.0, step_s=1e-10
    )
    heat = 1 - np.exp(-times / 5e-9)
    golden = [reference.transmission(p, p.bias_v, mw) for mw in heat]
    assert field == pytest.approx(np.array(golden), abs=3e-3)


def test_the_photodiodes_poles_give_the_bandwidth_asked_for(photodiode):
    found = reference.bandwidth_hz(lambda f: reference.photodiode_response(photodiode, f))
    assert found == pytest.approx(photodiode.bandwidth_ghz * 1e9, rel=1e-6)
    loaded = reference.bandwidth_hz(lambda f: reference.photodiode_response(photodiode, f, 500.0))
    assert loaded < found
    still = reference.photodiode_response(photodiode, np.array([0.0]), 50.0)[0]
    assert still == photodiode.responsivity_a_per_w


def test_shot_noise_counts_electrons(photodiode):
    # 1 mA of electrons at random: 2 q I
    milliwatt = 1.0 / photodiode.responsivity_a_per_w
    dark = photodiode.model_copy(update={"dark_current_na": 0.0})
    found = reference.shot_noise_a2_per_hz(dark, milliwatt)
    assert found == pytest.approx(2 * 1.602176634e-19 * 1e-3, rel=1e-12, abs=0)
