"""Measurements of a link without a simulator: the model's own receiver stands in for the RTL's."""

import numpy as np
import pytest

from lightloom.cosim import coefficients, fec, statistics
from lightloom.cosim.eye import POINTS, Capture
from lightloom.cosim.setup import LaneCodewords, LaneErrors, Outcome, Side
from lightloom.flows import measurements
from lightloom.spec import Design
from lightloom.spec.optical_model import Detector, EngineLane, Mzm, OpticalModel

PAM4 = {
    "serdes": {"modulation": "pam4", "profile": "100g-kp4", "baud_gbd": 53.125, "adc_bits": 7,
               "rx_ffe_taps": 5, "rx_dfe": False},
    "receiver": {"tia_bandwidth_ghz": 40.0, "pd_bandwidth_ghz": 60.0, "sampler_full_scale_v": 0.6},
    "engine": {"laser_power_dbm": 2.0},
}  # fmt: skip


def link(**sections):
    design = Design.model_validate({"name": "test", "switch": {"topology": "none"}, **sections})
    engine = design.engine
    model = OpticalModel(
        wavelength_nm=engine.wavelength_nm,
        frequency_offsets_ghz=(0.0,),
        permutation=tuple(range(design.serdes.lanes)),
        fabric=None,
        routes=(),
        crosstalk=(),
        crosstalk_floor_db=-60.0,
        engine=tuple(
            EngineLane(
                lane=lane, laser_to_modulator_db=0.5, modulator_to_fibre_db=1.5 + 0.1 * lane,
                fibre_to_detector_db=1.2, transmit_delay_ps=4.0, receive_delay_ps=3.0,
            )
            for lane in range(design.serdes.lanes)
        ),
        modulator=Mzm(v_pi=engine.mzm_v_pi_v, er_limit_db=25.0, bandwidth_ghz=45.0,
                      insertion_loss_db=4.0),
        detector=Detector(responsivity_a_per_w=0.9, dark_current_na=10.0, bandwidth_ghz=50.0),
        source={},
    )  # fmt: skip
    return design, model


def run(design, c, pattern, *, histogram=(), uncorrectable=0):
    """Outcome of a run whose receivers are what the model's best one comes to in registers."""
    serdes = design.serdes
    best = statistics.adapt(c, pattern, 0, taps=serdes.rx_ffe_taps, dfe=serdes.rx_dfe, phases=16)
    taps = [round(64 * tap) for k, tap in enumerate(best.equalizer.taps) if k != 1]
    levels = ()
    if c.levels == 4:
        low, middle, high = best.equalizer.thresholds
        levels = tuple(
            round(4 * x) for x in (1.5 * low - middle / 2, (low + middle) / 2,
                                   (middle + high) / 2, 1.5 * high - middle / 2)
        )  # fmt: skip
    lane = LaneErrors(
        lane=0, locked=True, bits=1000, errors=0, taps=tuple(taps),
        dfe=round(4 * best.equalizer.dfe), levels=levels, instants_ui=(best.fraction_ui,) * 4,
    )  # fmt: skip
    sides = tuple(
        Side(
            name=name, up=True, state="UP", fail_reason="NONE", errors=(lane,), lanes=(),
            counters={}, lock_time_us=1.0, frames_sent=1, frames_good=1, frames_errored=0,
            frames_malformed=0, bytes_received=1, byte_errors=0, latency_ns_min=1.0,
            latency_ns_max=1.0, fec_histogram=histogram,
            codewords=(LaneCodewords(lane=0, corrected=0, uncorrectable=uncorrectable,
                                     symbol_errors=0),) if histogram else (),
        )
        for name in "AB"
    )  # fmt: skip
    return Outcome(sides=sides, switching=None, changes=(), end_us=1.0, line_bits=1, cpu_s=1.0,
                   up=True)  # fmt: skip


def folded(seed=1):
    """Edges of 0.5 UI with jitter of 0.02 UI, folded as the bench does."""
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    bits = 2 * rng.integers(0, 2, 3000) - 1
    at = (
        np.flatnonzero(np.diff(bits))
        + 0.5
        + 0.02 * rng.standard_normal(np.diff(bits).astype(bool).sum())
    )
    grid = (np.arange(3000 * POINTS) - POINTS // 2) / POINTS
    near = np.clip(np.searchsorted(at, grid), 1, len(at) - 1)
    near = np.where(grid - at[near - 1] < at[near] - grid, near - 1, near)
    sign = bits[np.rint(at + 0.5).astype(int)]
    return (np.clip((grid - at[near]) / 0.25, -1, 1) * sign[near]).reshape(-1, POINTS)


def test_an_nrz_link_has_all_figures():
    design, model = link(engine={"laser_power_dbm": 0.0})
    c = coefficients.build(design, model)
    pattern = statistics.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=8192)
    found = measurements.measure(
        design, model, run(design, c, pattern), Capture({(0, 0): folded()}, 1.0), coefficients=c,
        patterns={0: pattern, 1: pattern}, matrix=None, worst={0: 0, 1: 0},
    )  # fmt: skip
    m = found.metrics
    # the light of the lane with most loss, modulator fully open, and what the sine makes of it
    peak = 10 ** ((design.engine.laser_power_dbm - 4.0 - 1.5 - 0.1 * (c.lanes - 1)) / 10)
    assert 10 ** (m["tx.oma_dbm"] / 10) < peak
    assert 3 < m["tx.er_db"] < 20
    assert m["tx.rlm"] is None
    assert m["tx.tdecq_db"] is None
    assert 0.3 < m["tx.tdec_db"] < 4
    # nothing leaks without a switch: the light arrives as it was sent
    assert m["rx.sec_db"] == pytest.approx(m["tx.tdec_db"], abs=0.01)
    assert m["rx.secq_db"] is None
    assert m["eye.contour_rate"] == 1e-12
    assert 0 < m["eye.contour_width_ui"] < 1
    assert m["eye.contour_height_mv"] > 0
    assert m["jitter.tj_ui"] == pytest.approx(1 - m["eye.bathtub_width_ui"])
    # the dual-Dirac model carries the bathtub on to the rate
    q = 6.94
    assert m["jitter.dj_ui"] + 2 * q * m["jitter.rj_ui"] == pytest.approx(
        m["jitter.tj_ui"], rel=0.1
    )
    assert m["jitter.tie_rms_ui"] == pytest.approx(0.02, rel=0.1)
    assert 3 < m["package.com_db"] < 25
    assert m["fec.independence_p"] is None
    assert [line.rate for line in found.contours[0]] == [1e-3, 1e-6, 1e-9, 1e-12]
    assert [row.group for row in found.rows if row.group] == [
        "transmitter", "receiver, worst lane", "package",
    ]  # fmt: skip
    (plot,) = found.plots
    assert list(plot.curves) == ["A to B, lane 0", "B to A, lane 0"]


def test_a_pam4_link_is_judged_at_what_its_code_allows():
    design, model = link(**PAM4)
    c = coefficients.build(design, model)
    pattern = statistics.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=8192)
    rate = measurements.allowed_error_rate(design)
    assert fec.CODES["kp4"].codeword_error_rate(rate) == pytest.approx(1e-12, rel=0.01)
    assert 1e-4 < rate < 4e-4
    seed = 9
    print(f"seed {seed}")
    histogram = np.bincount(np.random.default_rng(seed).binomial(544, 1e-3, 4000), minlength=16)
    made = run(design, c, pattern, histogram=tuple(histogram.tolist()))
    found = measurements.measure(
        design,
        model,
        made,
        Capture({}, 1.0),
        coefficients=c,
        patterns={0: pattern},
        matrix=None,
        worst={0: 0},
    )
    m = found.metrics
    assert 0.5 < m["tx.rlm"] < 1
    assert 0.5 < m["tx.tdecq_db"] < 5
    assert m["tx.tdec_db"] is m["tx.mask_margin"] is None
    assert m["rx.secq_db"] == pytest.approx(m["tx.tdecq_db"], abs=0.02)
    assert m["eye.contour_rate"] == rate
    assert m["eye.contour_height_mv"] > 0
    assert m["jitter.tie_rms_ui"] is None
    assert m["fec.independence_p"] > 1e-3
    assert m["fec.dispersion"] == pytest.approx(1, abs=0.1)
    assert {line.rate for line in found.contours[0]} <= {1e-2, 1e-3, 1e-4}
    assert len(found.contours[0]) > 3
    assert found.rows[-2].note.endswith("no sign against independent errors")


def test_a_closed_or_dark_transmitter_has_no_figures():
    # an electrode far too slow closes the eye; a swing of many half waves turns levels over
    for changes, gone in (
        ({"bandwidth_ghz": 2.0}, {"tx.tdec_db"}),
        ({"v_pi": 0.52}, {"tx.oma_dbm", "tx.er_db", "tx.tdec_db", "tx.mask_margin"}),
    ):
        design, model = link()
        model = model.model_copy(update={"modulator": model.modulator.model_copy(update=changes)})
        c = coefficients.build(design, model)
        found = measurements.measure(
            design, model, Outcome(sides=(run_side("A"), run_side("B")), switching=None,
                                   changes=(), end_us=1.0, line_bits=1, cpu_s=1.0, up=False),
            Capture({}, 1.0), coefficients=c, patterns={}, matrix=None, worst={},
        )  # fmt: skip
        assert {key for key in gone if found.metrics[key] is None} == gone
        assert all(np.isfinite(row.value) for row in found.rows)
        assert found.rows[-1].group == "package"


def run_side(name):
    return Side(
        name=name, up=False, state="DOWN", fail_reason="NONE", errors=(), lanes=(), counters={},
        lock_time_us=None, frames_sent=0, frames_good=0, frames_errored=0, frames_malformed=0,
        bytes_received=None, byte_errors=None, latency_ns_min=None, latency_ns_max=None,
    )  # fmt: skip


def test_a_link_that_was_not_counted_has_a_transmitter_and_a_package():
    design, model = link()
    c = coefficients.build(design, model)
    pattern = statistics.pattern(c, 0, tx_ffe=design.serdes.tx_ffe, symbols=4096)
    found = measurements.measure(
        design, model, run(design, c, pattern), Capture({}, 1.0), coefficients=c, patterns={},
        matrix=None, worst={0: 0},
    )  # fmt: skip
    assert found.metrics["tx.er_db"] is not None
    assert found.metrics["package.com_db"] is not None
    assert found.metrics["jitter.tj_ui"] is None
    assert found.metrics["eye.contour_height_mv"] is None
    assert found.plots == ()
    assert found.contours == {}
