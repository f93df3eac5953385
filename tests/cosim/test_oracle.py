"""Kernel and oracle on the same inputs: waveforms to 1e-9, sampler codes without exception."""

import numpy as np
import pytest

from lightloom.cosim import oracle, philox
from lightloom.cosim.coefficients import build
from lightloom.cosim.kernel.binding import Kernel

REVERSE = list(range(7, -1, -1))


def random_codes(c, words, seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    bits = rng.choice([-1, 1], (words, c.lanes, c.symbols))
    return (bits * rng.integers(40, 60, bits.shape)).astype(np.int16)


def compare(c, direction, words, phases, changes, seed):
    """Run both on the same codes, phases and heater changes; return the kernel's result."""
    codes = random_codes(c, words, seed)
    kernel = Kernel(None, c)
    for change in changes:
        kernel.set_heaters(change.codes, change.time_fs)
    kernel.transmit(direction, codes)
    got = kernel.receive(1 - direction, words, phases)
    transfer = oracle.matrices(c, direction, changes, words)
    current = oracle.photocurrent(c, direction, codes, transfer)
    want = oracle.receive(c, direction, current, words, phases)
    made = kernel.counters(direction).made
    samples = c.symbols * c.samples_per_ui
    first = max(0, made - 60) * samples
    for lane in range(c.lanes):
        part = kernel.current(direction, lane, first, made * samples - first)
        expected = current[lane, first : made * samples]
        np.testing.assert_allclose(part, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(got.volts, want.volts, rtol=0, atol=1e-9 * np.abs(want.volts).max())
    np.testing.assert_array_equal(got.codes, want.codes)
    np.testing.assert_array_equal(got.detect, want.detect)
    np.testing.assert_array_equal(got.interval_fs, want.interval_fs)
    assert kernel.counters(direction).early == 0
    return got


@pytest.mark.parametrize("modulator", ["mzm", "ring", "eam"])
@pytest.mark.parametrize("direction", [0, 1])
def test_kernel_equals_oracle_through_the_fabric(synthetic, modulator, direction):
    design = synthetic.make(
        engine={"modulator": modulator, "laser_power_dbm": 0.0}, fibre={"length_m": 3.0}
    )
    c = build(design, synthetic.optical_model(design, split=0.47, permutation=REVERSE))
    words = 60
    rng = np.random.default_rng(7)
    phases = np.cumsum(rng.integers(-3, 4, (words, c.lanes)), axis=0) + 4090
    changes = [oracle.HeaterChange(-1e12, synthetic.heater_codes(design, REVERSE))]
    got = compare(c, direction, words, phases, changes, seed=11 + direction)
    assert np.abs(got.codes[20:]).max() > 5
    assert got.detect[-1].all()


@pytest.mark.parametrize("samples_per_ui", [4, 16])
@pytest.mark.parametrize(("lanes", "symbols"), [(1, 16), (2, 32), (4, 64)])
def test_kernel_equals_oracle_at_every_size(synthetic, samples_per_ui, lanes, symbols):
    design = synthetic.make(
        serdes={"lanes": lanes, "symbols_per_clock": symbols, "rate_offset_ppm": -73.0},
        switch={"topology": "none"},
        fibre={"length_m": 0.5},
        engine={"laser_power_dbm": -2.0},
        run={"samples_per_ui": samples_per_ui, "seed": 2**63 - 7, "skew_ui": [3.25]},
    )
    c = build(design, synthetic.optical_model(design))
    words = 4096 // symbols
    for direction in (0, 1):
        compare(c, direction, words, np.arange(lanes) * 5, [], seed=lanes)


def test_kernel_equals_oracle_while_heaters_move(synthetic):
    design = synthetic.make(engine={"laser_power_dbm": 3.0}, fibre={"length_m": 4.0})
    model = synthetic.optical_model(design, split=0.5)
    tau_fs = 0.03e9  # quick heaters: words see them move
    c = build(design, model)
    c = c.with_(heater_tau_fs=np.full_like(c.heater_tau_fs, tau_fs))
    changes = [
        oracle.HeaterChange(0.0, synthetic.heater_codes(design, list(range(8)))),
        oracle.HeaterChange(60.0e6, synthetic.heater_codes(design, REVERSE)),
        oracle.HeaterChange(90.0e6, synthetic.heater_codes(design, [1, 0, 3, 2, 5, 4, 7, 6])),
    ]
    for direction in (0, 1):
        compare(c, direction, 80, 0, changes, seed=5)


def test_fabric_of_the_kernel_is_the_product_of_its_parts_and_routes(synthetic):
    design = synthetic.make()
    c = build(design, synthetic.optical_model(design, split=0.46))
    permutation = [3, 1, 4, 0, 7, 2, 6, 5]
    kernel = Kernel(None, c)
    kernel.set_heaters(synthetic.heater_codes(design, permutation), 0.0)
    for time in (0.0, 2.5e9, 80e9):
        change = [oracle.HeaterChange(0.0, synthetic.heater_codes(design, permutation))]
        phases = oracle.heater_phases(c, change, time)
        np.testing.assert_allclose(kernel.heater_phases(time), phases, rtol=0, atol=1e-12)
        matrix = kernel.fabric_matrix(time)
        np.testing.assert_allclose(matrix, oracle.fabric_matrix(c, phases), rtol=0, atol=1e-12)
    # settled: the strong path of each input is where it was sent
    assert np.abs(matrix).argmax(axis=0).tolist() == permutation


@pytest.mark.parametrize("direction", [0, 1])
def test_kernel_equals_oracle_through_two_transceivers(synthetic, direction):
    design = synthetic.make(
        serdes={"lanes": 4, "modulation": "pam4", "profile": "100g-kp4"},
        switch={"topology": "ocstrx", "ports": 4},
        fibre={"length_m": 1.0},
    )
    c = build(design, synthetic.transceivers(design))
    changes = [
        oracle.HeaterChange(-1e12, [0] * 16),
        oracle.HeaterChange(2e7, [100, 0, 300, 200, 50, 0, 0, 600, *[70, 20, 0, 400] * 2]),
    ]
    compare(c, direction, 40, 5, changes, seed=23)
    kernel = Kernel(None, c)
    kernel.set_heaters(changes[1].codes, -1e12)
    expected = oracle.settled_matrix(c, changes[1].codes)
    np.testing.assert_allclose(kernel.fabric_matrix(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("direction", [0, 1])
def test_kernel_equals_oracle_over_the_backup_fibre(synthetic, direction):
    design = synthetic.make(
        serdes={"lanes": 4},
        switch={"topology": "ocstrx", "ports": 4},
        fibre={"length_m": 1.0, "backup_length_m": 2.5},
    )
    c = build(design, synthetic.transceivers(design))
    codes = [top for lane in range(4) for top in (720 + lane, 730)]
    changes = [oracle.HeaterChange(-1e12, [*codes, *codes])]
    phases = oracle.heater_phases(c, changes, 0.0)
    assert oracle.heard(c, phases, direction) == 1
    moved = c.with_(delay_ui=c.ring_delay_ui[1])
    codes_sent = random_codes(c, 40, 5)
    kernel = Kernel(None, c)
    kernel.set_heaters(changes[0].codes, changes[0].time_fs)
    kernel.transmit(direction, codes_sent)
    got = kernel.receive(1 - direction, 40, 5)
    transfer = oracle.matrices(c, direction, changes, 40, fibre=1)
    want = oracle.receive(
        moved, direction, oracle.photocurrent(moved, direction, codes_sent, transfer), 40, 5
    )
    np.testing.assert_allclose(got.volts, want.volts, rtol=0, atol=1e-9 * np.abs(want.volts).max())
    np.testing.assert_array_equal(got.codes, want.codes)
    assert np.abs(got.codes[30:]).max() > 3


def test_laser_walk_has_the_linewidth(synthetic):
    design = synthetic.make(engine={"laser_linewidth_mhz": 10.0, "laser_spread_ghz": 0.0})
    c = build(design, synthetic.optical_model(design))
    words = 4000
    turns = oracle.laser_turns(c, 0, words)[:, :: c.symbols * c.samples_per_ui]
    steps = 2 * np.pi * np.diff(turns, axis=1)
    word_s = c.symbols * c.ui_fs[0] * 1e-15
    assert steps.var() == pytest.approx(2 * np.pi * 10e6 * word_s, rel=0.03)


def test_numpy_philox_known_answers():
    # vectors of the Random123 distribution, kat_vectors, philox 4x32 10
    for counter, key, answer in PHILOX_VECTORS:
        got = philox.philox(np.array(counter, np.uint64)[:, None], key)
        assert [int(x) for x in got[:, 0]] == answer


PHILOX_VECTORS = [
    ([0, 0, 0, 0], 0, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    (
        [0xFFFFFFFF] * 4,
        0xFFFFFFFFFFFFFFFF,
        [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD],
    ),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        0x299F31D0A4093822,
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
