import numpy as np
import pytest

from lightloom.cosim import channel, oracle
from lightloom.cosim.coefficients import build
from lightloom.spec import DesignError
from lightloom.spec.optical_model import Eam, Ring

ELECTRON = 1.602176634e-19


@pytest.fixture(scope="module")
def pair(synthetic):
    design = synthetic.make()
    return design, synthetic.optical_model(design, permutation=[7, 6, 5, 4, 3, 2, 1, 0])


def test_figures_follow_from_the_design(pair):
    design, model = pair
    c = build(design, model)
    assert c.ui_fs == pytest.approx([31250.0, 31250.0 / 1.0001], rel=1e-15)
    # receiver B ticks faster, so its symbols are shorter than those of A, and the other way round
    assert c.rate_offset == pytest.approx([-1e-4 / 1.0001, 1e-4], rel=1e-9)
    assert c.volts_per_code == pytest.approx(0.5 / 63)
    assert c.volts_per_step == pytest.approx(0.4 / 64)
    bandwidth = 8 * 32e9 / 2
    assert c.noise == pytest.approx(
        [16e-12**2 * bandwidth, 2 * ELECTRON * bandwidth, 1e-15 * bandwidth]
    )
    # laser, modulator 4, fibre 0.004, four connectors 1, two circulators 1.6, engine 1.5 + 0.1 l
    expected = design.engine.laser_power_dbm - 4 - 0.004 - 1 - 1.6 - 1.5 - 0.1 * np.arange(8)
    assert 20 * np.log10(c.source_field[0]) == pytest.approx(expected)
    assert 20 * np.log10(c.detector_field[1]) == pytest.approx(
        10 * np.log10(0.9e-3) - 1.2 - 0.05 * np.arange(8)
    )
    assert c.detect_a == 1e-6
    assert c.dark_a == 10e-9
    assert np.all(np.abs(c.laser_turns) <= 5e9 * 2e-9)
    assert np.ptp(c.laser_turns) > 5e9 * 2e-9
    # first-order high-pass at the corner asked for, stepped once a word
    assert c.baseline_rate == pytest.approx(2 * np.pi * 0.5e6 * 2e-9, rel=0.01)


def test_delays_add_up_along_the_route(pair):
    design, model = pair
    c = build(design.model_copy(update={"run": design.run.model_copy(
        update={"skew_ui": (0.0, 3.0)})}), model)  # fmt: skip
    plain = build(design, model)
    # A's lane 1 has the skew; it meets B's lane 6
    difference = c.delay_ui - plain.delay_ui
    expected = np.zeros((2, 8))
    expected[0, 6] = expected[1, 1] = 3.0
    np.testing.assert_allclose(difference, expected, atol=1e-9)
    # A to B, receive lane 5 from lane 2: engines, route 2 and 10 m of fibre
    optical_ps = 49_000 + (20 + 0.7 * 2) + (4 + 0.3 * 2) + (3 + 0.2 * 5)
    back_ps = 49_000 + (20 + 0.7 * 2) + (4 + 0.3 * 5) + (3 + 0.2 * 2)
    filters = plain.delay_ui[0, 5] - optical_ps / 31.25
    assert 2 * 60 / 31.25 - 1 < filters < 2 * 60 / 31.25 + 1
    assert plain.delay_ui[1, 2] - back_ps * 1.0001 / 31.25 == pytest.approx(filters, abs=1e-6)
    assert plain.source_lane(0, 5) == 2
    assert plain.source_lane(1, 2) == 5
    # light meets the switch half way
    assert plain.fabric_delay_fs[0] == pytest.approx(24.5e6 + 4e3 + 60e3, abs=20e3)


def test_receive_bank_is_one_response_cut_at_32_delays(pair):
    c = build(*pair)
    bank = c.rx_bank
    assert bank.shape[0] == 33
    np.testing.assert_array_equal(bank[32, :-1], bank[0, 1:])
    # a constant current gives the same voltage at every phase, the amplifier's gain less the tail
    gains = bank.sum(axis=1)
    assert gains == pytest.approx(np.full(33, 4000 * (1 - c.rx_lost)), rel=2e-3)
    assert 0 < c.rx_lost < 0.03
    # at Nyquist the response is that of the analogue transfer functions
    fine = bank[:32].T.ravel()
    time = np.arange(fine.size) / 256
    found = abs((fine * np.exp(-1j * np.pi * time)).sum()) / 32
    f = np.array([16e9])
    wanted = (
        4000
        * channel.pole(50e9)(f)
        * channel.butterworth2(24e9)(f)
        * channel.trace(pair[0].package, 16e9)(f)
        * channel.ctle(3.0, 16e9)(f)
        * np.sinc(1 / 16)
    )
    assert found == pytest.approx(abs(wanted[0]), rel=0.01)


def test_values_are_frozen_and_hashed(pair):
    design, model = pair
    c = build(design, model)
    with pytest.raises(ValueError, match="read-only"):
        c.tx_response[0] = 0.0
    assert c.digest() == build(design, model).digest()
    assert c.with_(seed=c.seed + 1).digest() != c.digest()
    nudged = c.noise.copy()
    nudged[2] *= 1 + 1e-15
    assert c.with_(noise=nudged).digest() != c.digest()
    louder = design.model_copy(
        update={"engine": design.engine.model_copy(update={"laser_power_dbm": 10.5})}
    )
    assert build(louder, model).digest() != c.digest()


def test_light_passes_the_switches_of_both_transceivers_either_way(synthetic):
    switch = {"topology": "ocstrx", "ports": 4, "circulator_loss_db": 5.0}
    design = synthetic.make(serdes={"lanes": 4}, switch=switch)
    model = synthetic.transceivers(design)
    c = build(design, model)
    codes = np.arange(0, 800, 100)
    phases = np.pi * 40.0 * (codes / 1023) ** 2 / c.heater_p_pi_mw[:8]
    # one chip by itself, from its own operations
    chip = np.eye(12, dtype=complex)
    for op in model.fabric.ops:
        if op.kind == "couple":
            chip[[op.a, op.b]] = (
                np.array([complex(*z) for z in op.s]).reshape(2, 2) @ chip[[op.a, op.b]]
            )
        else:
            chip[op.a] *= complex(*op.t) if op.kind == "path" else np.exp(-1j * phases[op.heater])
    tx, p_in, p_out, rx = (np.arange(4) * 3 + k for k in (0, 1, 1, 2))
    expected = chip[np.ix_(rx, p_in)] @ chip[np.ix_(p_out, tx)]
    np.testing.assert_allclose(oracle.settled_matrix(c, codes), expected, atol=1e-12)
    for direction in (0, 1):
        got = oracle.matrices(c, direction, [oracle.HeaterChange(-1e12, [*codes, *codes])], 2)
        np.testing.assert_allclose(got[1], expected, atol=1e-12)
    assert np.abs(expected).max() > 0.3
    # a fibre each way needs no circulators; both passes take their time
    assert c.permutation == (0, 1, 2, 3)
    expected = design.engine.laser_power_dbm - 4 - 0.004 - 1 - 1.5 - 0.1 * np.arange(4)
    assert 20 * np.log10(c.source_field[0]) == pytest.approx(expected)
    none = build(synthetic.make(serdes={"lanes": 4}, switch={"topology": "none"}),
                 model.model_copy(update={"fabric": None, "routes": ()}))  # fmt: skip
    added = (c.delay_ui - none.delay_ui)[0] * c.ui_fs[0] * 1e-3
    assert added == pytest.approx(70.0 + 2 * np.arange(4))


def test_levels_follow_the_modulation(synthetic):
    pam4 = synthetic.make(serdes={"modulation": "pam4", "profile": "100g-kp4"})
    nrz = synthetic.make()
    assert [build(d, synthetic.optical_model(d)).levels for d in (pam4, nrz)] == [4, 2]


def test_seed_moves_the_lasers(synthetic):
    turns = []
    for seed in (1, 2, 2**63 - 1):
        design = synthetic.make(run={"seed": seed})
        turns.append(build(design, synthetic.optical_model(design)).laser_turns)
    assert not np.allclose(turns[0], turns[1])
    assert not np.allclose(turns[1], turns[2])


@pytest.mark.parametrize("detuning", [100.0, -100.0])
def test_ring_driver_is_connected_so_that_a_one_is_more_light(synthetic, detuning):
    design = synthetic.make()
    ring = Ring(
        fwhm_pm=260.0, depth=0.95, detuning_pm=detuning, efficiency_pm_per_v=30.0,
        bandwidth_ghz=40.0, insertion_loss_db=1.0,
    )  # fmt: skip
    c = build(design, synthetic.optical_model(design, modulator=ring))
    assert np.sign(c.tx_response.sum()) == np.sign(detuning)
    assert c.modulator == pytest.approx([1, 0.95, detuning / 260, 30 / 260])


def test_eam_driver_is_inverted(synthetic):
    design = synthetic.make()
    eam = Eam(slope_db_per_v=5.0, bias_v=1.0, bandwidth_ghz=50.0, insertion_loss_db=4.5)
    c = build(design, synthetic.optical_model(design, modulator=eam))
    assert c.tx_response.sum() < 0


def test_design_and_model_that_do_not_belong_together_are_refused(pair, synthetic):
    design, model = pair
    with pytest.raises(DesignError, match=r"7 engine lanes; allowed: at least serdes\.lanes = 8"):
        build(design, model.model_copy(update={"engine": model.engine[:7]}))
    with pytest.raises(DesignError, match=r"no fabric with switch\.topology = 'benes'"):
        build(design, model.model_copy(update={"fabric": None}))
    none = synthetic.make(switch={"topology": "none"})
    with pytest.raises(DesignError, match=r"a fabric with switch\.topology = 'none'"):
        build(none, model)
    with pytest.raises(DesignError, match=r"no route from 0 to 7; allowed: one for each lane"):
        build(design, model.model_copy(update={"routes": model.routes[1:]}))
    bits = synthetic.make(switch={"dac_bits": 12})
    with pytest.raises(DesignError, match=r"dac_bits = 10; allowed: switch\.dac_bits = 12"):
        build(bits, model)
    skewed = synthetic.make(run={"skew_ui": [0.0, -1.0]})
    with pytest.raises(DesignError, match=r"run\.skew_ui\[1\] = -1; allowed: 0 to 2048"):
        build(skewed, model)
    few = synthetic.make(serdes={"lanes": 4})
    with pytest.raises(DesignError, match=r"allowed: lanes 0 to 3 among themselves"):
        build(few, model)
    backup = synthetic.make(switch={"topology": "ocstrx", "path": "backup"})
    with pytest.raises(DesignError, match=r"no route from tx0 to b_out0; .*switch.path = 'backup'"):
        build(backup, synthetic.transceivers(backup))
    trace = synthetic.make(package={"loss_db": 20.0, "delay_ps": 2.0})
    with pytest.raises(DesignError, match=r"package\.delay_ps = 2"):
        build(trace, model)
