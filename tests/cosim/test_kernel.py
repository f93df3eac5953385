"""The kernel by itself: one result however it is called, its random numbers, and plain physics."""

import ctypes
import platform

import numpy as np
import pytest

from lightloom.cosim import oracle
from lightloom.cosim.coefficients import build
from lightloom.cosim.kernel import build as kernel_build
from lightloom.cosim.kernel.binding import Kernel, KernelError
from lightloom.spec import DesignError

ORDER = [2, 0, 3, 1, 6, 7, 5, 4]


@pytest.fixture(scope="module")
def link(synthetic):
    """A link with everything on: offset clocks, skew, crosstalk, noise, switch."""
    design = synthetic.make(
        engine={"laser_power_dbm": -2.0}, fibre={"length_m": 2.0}, run={"skew_ui": [0, 5.5, 70]}
    )
    c = build(design, synthetic.optical_model(design, split=0.48, permutation=ORDER))
    return c, synthetic.heater_codes(design, ORDER)


def stimulus(c, words, seed):
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    top = 2 ** (c.tx_bits - 1)
    codes = rng.integers(-top, top, (2, words, c.lanes, c.symbols)).astype(np.int16)
    phases = np.cumsum(rng.integers(-2, 3, (2, words, c.lanes)), axis=1) % 4096
    return codes, phases


def pack(values, bits):
    number = 0
    for position, value in enumerate(values):
        number |= (int(value) & ((1 << bits) - 1)) << (position * bits)
    count = -(-len(values) * bits // 32)
    return np.frombuffer(number.to_bytes(4 * count, "little"), np.uint32).copy()


def unpack(words, bits, count, *, signed):
    number = int.from_bytes(words.tobytes(), "little")
    mask = (1 << bits) - 1
    values = [number >> (k * bits) & mask for k in range(count)]
    return [v - (1 << bits) if signed and v >> (bits - 1) else v for v in values]


def through_dpi(c, heaters, codes, phases):
    """Run both directions through the DPI-C entry points, one call a clock edge."""
    kernel = Kernel(None, c)
    kernel.select()
    lib = kernel.library
    size = c.lanes * c.symbols
    got_codes = np.empty(codes.shape, np.int16)
    detect = np.zeros((2, codes.shape[1], c.lanes), bool)
    interval = np.empty(codes.shape[:2])
    packed_heaters = pack(heaters, c.dac_bits)
    for word in range(codes.shape[1]):
        if word == 3:
            lib.ll_heaters(packed_heaters.ctypes.data, ctypes.c_double(3 * 2e6))
        for side in (0, 1):
            lib.ll_tx(side, pack(codes[side, word].ravel(), c.tx_bits).ctypes.data)
        for side in (0, 1):
            samples = np.zeros(-(-size * c.adc_bits // 32), np.uint32)
            light = ctypes.c_uint32()
            interval[side, word] = lib.ll_rx(
                side,
                pack(phases[side, word], 12).ctypes.data,
                samples.ctypes.data,
                ctypes.addressof(light),
            )
            values = unpack(samples, c.adc_bits, size, signed=True)
            got_codes[side, word] = np.reshape(values, (c.lanes, c.symbols))
            detect[side, word] = [light.value >> lane & 1 for lane in range(c.lanes)]
    return got_codes, detect, interval


def in_chunks(c, heaters, codes, phases, chunk, lead):
    """Run with blocks of `chunk` words, the transmitter `lead` words ahead."""
    kernel = Kernel(None, c)
    kernel.set_heaters(heaters, 3 * 2e6)
    words = codes.shape[1]
    parts = ([], [])
    sent = 0
    for start in range(0, words, chunk):
        stop = min(start + chunk, words)
        ahead = min(words, stop + lead)
        for side in (0, 1):
            kernel.transmit(side, codes[side, sent:ahead])
        for side in (0, 1):
            parts[side].append(kernel.receive(side, stop - start, phases[side, start:stop]))
        sent = ahead
    return [
        tuple(
            np.concatenate([getattr(part, name) for part in parts[side]])
            for name in ("codes", "volts", "detect", "interval_fs")
        )
        for side in (0, 1)
    ]


def test_a_run_in_chunks_is_the_run_in_one_piece_bit_for_bit(link):
    c, heaters = link
    codes, phases = stimulus(c, 90, seed=3)
    whole = in_chunks(c, heaters, codes, phases, 90, 0)
    for chunk, lead in ((1, 0), (7, 0), (1, 40), (13, 500)):
        other = in_chunks(c, heaters, codes, phases, chunk, lead)
        for side in (0, 1):
            for one, two in zip(whole[side], other[side], strict=True):
                np.testing.assert_array_equal(one, two)
    assert np.abs(whole[1][0][40:]).max() > 3


def test_dpi_entry_points_give_what_python_gets(link):
    c, heaters = link
    codes, phases = stimulus(c, 70, seed=4)
    got, detect, interval = through_dpi(c, heaters, codes, phases)
    for side, want in enumerate(in_chunks(c, heaters, codes, phases, 70, 0)):
        np.testing.assert_array_equal(got[side], want[0])
        np.testing.assert_array_equal(detect[side], want[2])
        np.testing.assert_array_equal(interval[side], want[3])
    assert detect[:, -1].all()
    assert not detect[:, 0].any()


def test_dpi_equals_the_oracle(synthetic):
    design = synthetic.make(
        serdes={"lanes": 4, "symbols_per_clock": 32, "adc_bits": 7, "tx_dac_bits": 5},
        switch={"topology": "none"},
        fibre={"length_m": 1.0},
    )
    c = build(design, synthetic.optical_model(design))
    codes, phases = stimulus(c, 60, seed=5)
    got, _, interval = through_dpi(c, [], codes, phases)
    for side in (0, 1):
        sender = 1 - side
        transfer = oracle.matrices(c, sender, [], 60)
        current = oracle.photocurrent(c, sender, codes[sender], transfer)
        want = oracle.receive(c, sender, current, 60, phases[side])
        np.testing.assert_array_equal(got[side], want.codes)
        np.testing.assert_array_equal(interval[side], want.interval_fs)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names x86 processors")
@pytest.mark.parametrize("processor", ["x86-64", "x86-64-v3"])
def test_a_lesser_processor_takes_the_same_decisions(link, processor):
    if processor == "x86-64-v3" and "avx2" not in kernel_build._cpu().split():
        pytest.skip("this processor is a lesser one")
    c, heaters = link
    codes, phases = stimulus(c, 60, seed=6)
    flags = [f.replace("native", processor) for f in kernel_build.FLAGS]
    results = []
    for path in (kernel_build.library(), kernel_build.library(tuple(flags))):
        kernel = Kernel(path, c)
        kernel.set_heaters(heaters, 0.0)
        kernel.transmit(0, codes[0])
        results.append(kernel.receive(1, 60, phases[1]))
    assert results[0].codes.any()
    np.testing.assert_array_equal(results[0].codes, results[1].codes)
    scale = np.abs(results[0].volts).max()
    np.testing.assert_allclose(results[0].volts, results[1].volts, rtol=0, atol=1e-12 * scale)


def test_receive_clock_follows_lane_0_without_drift(link):
    c, _ = link
    kernel = Kernel(None, c)
    words = 20_000
    phases = np.zeros((words, c.lanes), int)
    phases[:, 0] = np.arange(words) * 3 // 7  # 0.43 steps a word: 105 ppm slower
    phases[:, 1] = 2000
    interval = kernel.receive(1, words, phases % 4096, volts=False).interval_fs
    assert np.all(interval == np.round(interval))
    exact = c.ui_fs[1] * (words * c.symbols + phases[-1, 0] / c.phase_steps)
    assert abs(interval.sum() - exact) <= 0.5 + 1e-3
    # one step is 1/64 of a symbol, seen in the interval at once
    steps = np.diff(phases[:, 0], prepend=0)
    assert interval[steps == 1].mean() - interval[steps == 0].mean() == pytest.approx(
        c.ui_fs[1] / 64, abs=1.0
    )


def test_phase_codes_unwrap_both_ways(link):
    c, _ = link
    kernel = Kernel(None, c)
    total = 0.0
    for code in (0, 2047, 4094, 10, 4090, 0):
        total += kernel.receive(0, 1, code, volts=False).interval_fs[0]
    # 0 +2047 +2047 +12 -16 +6 = 4096 steps = 64 symbols later
    assert total == pytest.approx(c.ui_fs[0] * (6 * c.symbols + 64), abs=0.6)


def arrival_ui(c, lane, direction=0, words=60):
    """Centre of a pulse sent in the middle of word 6, in symbols of the receiver since time zero.

    The waveform is put together from four runs a quarter of a symbol apart.
    """
    pulse = np.full((words, 8, 64), -63, np.int16)
    pulse[6, :, 32] = 63
    runs = []
    for phase in (0, 16, 32, 48):
        kernel = Kernel(None, c.with_(noisy=False, baseline_rate=0.0))
        kernel.transmit(direction, pulse)
        runs.append(kernel.receive(1 - direction, words, phase).volts[1:, lane].ravel())
    wave = np.stack(runs, axis=1).ravel()
    wave = wave - np.median(wave)
    wave[: 4 * 390] = 0.0  # the light coming on
    peak = int(np.argmax(wave))
    near = np.arange(peak - 40, peak + 80)
    return float((wave[near] * near).sum() / wave[near].sum()) / 4


def test_flight_time_skew_and_phase_are_what_was_asked(synthetic):
    def link(**sections):
        design = synthetic.make(
            serdes={"rate_offset_ppm": 0.0}, switch={"topology": "none"}, **sections
        )
        return build(design, synthetic.optical_model(design))

    near = link(fibre={"length_m": 0.0})
    far = link(fibre={"length_m": 10.0}, run={"skew_ui": [0, 0, 0, 20.3]})
    # 10 m at 4.9 ns/m and 31.25 ps a symbol
    start, end = arrival_ui(near, 0), arrival_ui(far, 0)
    assert end - start == pytest.approx(10 * 4900 / 31.25, abs=5e-3)
    assert arrival_ui(far, 3) - arrival_ui(near, 3) == pytest.approx(1568 + 20.3, abs=5e-3)
    # lanes differ by their engines' waveguides, 0.3 + 0.2 ps
    assert arrival_ui(near, 1) - start == pytest.approx(0.5 / 31.25, abs=5e-3)
    # symbol 416, packages of 60 ps at Nyquist twice, the filters and the engines' 7 ps
    assert start - 416.5 == pytest.approx((120 + 7) / 31.25, abs=1.5)
    assert start - 416.5 > 127 / 31.25


def test_asking_ahead_of_the_light_is_counted_and_clamped(synthetic):
    design = synthetic.make(switch={"topology": "none"}, fibre={"length_m": 0.0})
    c = build(design, synthetic.optical_model(design))
    kernel = Kernel(None, c)
    kernel.transmit(0, np.zeros((4, 8, 64), np.int16))
    kernel.receive(1, 4)
    assert kernel.counters(0).late == 0
    late = kernel.receive(1, 5)
    assert kernel.counters(0).late > 4 * 8 * 32
    assert np.all(np.isfinite(late.volts))


def test_a_direction_that_nobody_reads_does_not_stop_the_other(synthetic):
    design = synthetic.make(switch={"topology": "none"})
    c = build(design, synthetic.optical_model(design))
    kernel = Kernel(None, c)
    kernel.transmit(0, np.zeros((3000, 8, 64), np.int16))
    counters = kernel.counters(0)
    assert counters.sent == 3000
    assert counters.overrun == counters.made > 0


# -- random numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ([0] * 4, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            0x299F31D0A4093822,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_known_answers(link, counter, key, answer):
    # kat_vectors of the Random123 distribution, philox 4x32 with 10 rounds
    kernel = Kernel(None, link[0])
    out = np.zeros(4, np.uint32)
    data = np.array(counter, np.uint32)
    kernel.library.ll_philox(data.ctypes.data, key, out.ctypes.data)
    assert " ".join(f"{word:08x}" for word in out) == answer


def test_gaussian_numbers_are_gaussian_and_independent(link):
    from scipy import stats

    kernel = Kernel(None, link[0])
    quads = 125_000
    x = np.empty((4 * quads, 8))
    kernel.library.ll_gaussian(99, 1, 5, quads, x.ctypes.data)
    count = x.size
    assert x.mean() == pytest.approx(0.0, abs=4 / np.sqrt(count))
    assert x.var() == pytest.approx(1.0, abs=4 * np.sqrt(2 / count))
    assert stats.skew(x.ravel()) == pytest.approx(0.0, abs=4 * np.sqrt(6 / count))
    assert stats.kurtosis(x.ravel()) == pytest.approx(0.0, abs=4 * np.sqrt(24 / count))
    assert stats.kstest(x[:100_000, 3], "norm").pvalue > 1e-3
    # the far tail is there: a sum of uniforms would have none
    for level in (4.0, 4.75):
        expected = count * 2 * stats.norm.sf(level)
        assert abs((np.abs(x) > level).sum() - expected) < 4 * np.sqrt(expected)
    correlation = np.corrcoef(x.T)
    assert np.abs(correlation - np.eye(8)).max() < 5 / np.sqrt(4 * quads)
    for apart in range(1, 5):
        for first in range(4):
            one, other = x[first:-apart:4, 0], x[first + apart :: 4, 0]
            both = min(len(one), len(other))
            assert abs(np.corrcoef(one[:both], other[:both])[0, 1]) < 4 / np.sqrt(quads)


def test_directions_lanes_and_seeds_have_their_own_noise(link):
    kernel = Kernel(None, link[0])

    def draw(seed, stream, first):
        out = np.empty((2000, 8))
        kernel.library.ll_gaussian(seed, stream, first, 500, out.ctypes.data)
        return out

    base = draw(1, 0, 0)
    np.testing.assert_array_equal(base[200:], draw(1, 0, 50)[:-200])
    for other in (draw(2, 0, 0), draw(1, 1, 0), draw(1, 0, 2**32), draw(1 + 2**32, 0, 0)):
        assert abs(np.corrcoef(base.ravel(), other.ravel())[0, 1]) < 0.05


# -- physics -------------------------------------------------------------------------------------


def levels(c, codes):
    """Photocurrent of lane 2 long after a constant code was set, without noise."""
    result = []
    for code in codes:
        kernel = Kernel(None, c.with_(noisy=False))
        kernel.transmit(0, np.full((12, 8, 64), code, np.int16))
        kernel.receive(1, 4 + int(c.delay_ui.max() / 64) + 4, volts=False)
        made = kernel.counters(0).made * c.symbols * c.samples_per_ui
        result.append(kernel.current(0, 2, made - 8, 8).mean() - c.dark_a)
    return np.array(result)


def test_mzm_levels_follow_the_closed_form(synthetic):
    design = synthetic.make(switch={"topology": "none"}, fibre={"length_m": 0.1})
    model = synthetic.optical_model(design)
    c = build(design, model)
    e = design.engine
    lane = model.engine[2]
    # swing / 2 at full code, times the driver and what truncation leaves of the trace's gain,
    # which differs by parts in a hundred thousand between the samples of a symbol
    volts = 0.5 * e.driver_gain * (1 - c.tx_lost) * np.array([1.0, -1.0])
    floor = 10 ** (-e.mzm_er_limit_db / 10)
    opened = floor + (1 - floor) * np.sin(np.pi / 4 + np.pi * volts / (2 * e.mzm_v_pi_v)) ** 2
    loss_db = (
        e.mzm_loss_db
        + lane.modulator_to_fibre_db
        + lane.fibre_to_detector_db
        + 0.1e-3 * 0.4
        + 4 * 0.25
    )
    launched_w = 1e-3 * 10 ** ((e.laser_power_dbm - loss_db) / 10)
    one, zero = levels(c, (63, -63))
    expected = 0.9 * launched_w * opened
    assert one == pytest.approx(expected[0], rel=1e-4)
    assert zero == pytest.approx(expected[1], rel=1e-4)
    # extinction ratio and OMA are those of a sine about quadrature
    assert one / zero == pytest.approx(opened[0] / opened[1], rel=1e-4)
    drive = np.pi * volts[0] / e.mzm_v_pi_v
    assert one - zero == pytest.approx(0.9 * launched_w * (1 - floor) * np.sin(drive), rel=1e-4)


@pytest.mark.parametrize("modulator", ["mzm", "ring", "eam"])
def test_a_decibel_of_laser_is_a_decibel_of_light_and_a_one_is_more_light(synthetic, modulator):
    result = []
    for power in (3.0, 4.0):
        design = synthetic.make(
            engine={"modulator": modulator, "laser_power_dbm": power},
            switch={"topology": "none"},
            fibre={"length_m": 0.1},
        )
        result.append(levels(build(design, synthetic.optical_model(design)), (63, -63)))
    assert 10 * np.log10(result[1] / result[0]) == pytest.approx([1.0, 1.0], abs=1e-9)
    assert result[0][0] > 1.2 * result[0][1]


def test_fabric_conserves_power_and_the_heater_settles_with_its_time_constant(synthetic):
    design = synthetic.make()
    model = synthetic.optical_model(design)
    c = build(design, model)
    kernel = Kernel(None, c)
    kernel.set_heaters([0] * 20, 0.0)
    start = 10e9
    kernel.set_heaters([512] + [0] * 19, start)
    final = np.pi * 40.0 * (512 / 1023) ** 2 / 25.0
    tau = model.fabric.heaters[0].tau_us * 1e9
    for time in (0.0, 0.3, 1.0, 5.0):
        phase = kernel.heater_phases(start + time * tau)[0]
        assert phase == pytest.approx(final * (1 - np.exp(-time)), abs=1e-12)
    # thermal crosstalk reaches the neighbour in the proportion of the matrix
    phases = kernel.heater_phases(start + 60 * tau)
    assert phases[1] / phases[0] == pytest.approx(0.002, rel=1e-9)
    matrix = kernel.fabric_matrix(start + 60 * tau)
    per_stage = 10 ** (-0.3 / 10)
    np.testing.assert_allclose(matrix.conj().T @ matrix, np.eye(8) * per_stage**5, atol=1e-12)


@pytest.mark.parametrize("part", ["thermal", "shot", "rin"])
def test_noise_has_the_density_it_was_given(synthetic, part):
    quiet = {"tia_noise_pa_per_rthz": 0.1, "dark_current_na": 0.0}
    loud = {"thermal": 16.0, "shot": 0.1, "rin": 0.1}
    power = {"thermal": -30.0, "shot": 19.0, "rin": 10.0}
    design = synthetic.make(
        receiver=quiet | {"tia_noise_pa_per_rthz": loud[part]},
        engine={
            "laser_power_dbm": power[part],
            "laser_rin_db_per_hz": -130.0 if part == "rin" else -180.0,
        },
        switch={"topology": "none"},
        fibre={"length_m": 0.0},
    )
    c = build(design, synthetic.optical_model(design))
    kernel = Kernel(None, c)
    kernel.transmit(0, np.zeros((64, 8, 64), np.int16))
    kernel.receive(1, 64, volts=False)
    last = kernel.counters(0).made * 512
    x = np.stack([kernel.current(0, lane, last - 20_000, 20_000) for lane in range(8)])
    mean = x.mean(axis=1)
    bandwidth = 4 * 32e9
    density = {
        "thermal": np.full(8, 16e-12**2) + 2 * 1.602e-19 * mean + 1e-18 * mean**2,
        "shot": 2 * 1.602e-19 * mean + 0.1e-12**2 + 1e-18 * mean**2,
        "rin": 1e-13 * mean**2 + 2 * 1.602e-19 * mean + 0.1e-12**2,
    }[part]
    measured = x.var(axis=1) / bandwidth
    assert measured == pytest.approx(density, rel=4 * np.sqrt(2 / 20_000))
    assert measured.mean() == pytest.approx(density.mean(), rel=4 * np.sqrt(2 / 160_000))


def test_noise_at_the_sampler_has_the_bandwidth_of_the_filter(synthetic):
    design = synthetic.make(
        engine={"laser_power_dbm": -30.0, "laser_rin_db_per_hz": -180.0},
        receiver={"dark_current_na": 0.0},
        switch={"topology": "none"},
        fibre={"length_m": 0.0},
    )
    c = build(design, synthetic.optical_model(design))
    kernel = Kernel(None, c)
    kernel.transmit(0, np.zeros((400, 8, 64), np.int16))
    volts = kernel.receive(1, 400).volts[10:]
    # Parseval on the transfer function itself, independently of the sampled response
    f = np.arange(1, 400_000) * 1e6
    s = 1j * f / 24e9
    tia = 4000 / (1 + np.sqrt(2) * s + s * s) / (1 + 1j * f / 50e9)
    from lightloom.cosim import channel

    rest = channel.trace(design.package, 16e9)(f) * channel.ctle(3.0, 16e9)(f)
    hold = np.sinc(f / 256e9)
    variance = 16e-12**2 * np.sum(np.abs(tia * rest * hold) ** 2) * 1e6
    assert volts.var() == pytest.approx(variance, rel=0.02)


def test_loss_of_light_is_seen_and_its_return(synthetic):
    design = synthetic.make(
        engine={"laser_power_dbm": 0.0}, fibre={"length_m": 1.0}, receiver={"signal_detect_ua": 3.0}
    )
    c = build(design, synthetic.optical_model(design))
    kernel = Kernel(None, c)
    route = synthetic.heater_codes(design, list(range(8)))
    swap = list(route)
    swap[0] = 0 if swap[0] else 800  # one cell of the first stage: lanes 0 and 1 change places
    kernel.set_heaters(route, -1e12)
    kernel.transmit(0, np.zeros((40, 8, 64), np.int16))
    assert kernel.receive(1, 40).detect[-1].all()
    power, baseline = kernel.levels(0)
    assert np.all(power > 3e-6)
    assert np.all(baseline > 0)
    # dark: the lasers are off
    dark = Kernel(None, c.with_(source_field=np.zeros((2, 8))))
    dark.transmit(0, np.zeros((40, 8, 64), np.int16))
    assert not dark.receive(1, 40).detect.any()


# -- interface -----------------------------------------------------------------------------------


def test_bad_calls_are_refused(link, synthetic):
    c, _ = link
    kernel = Kernel(None, c)
    with pytest.raises(KernelError, match="3 heater codes; allowed: 20"):
        kernel.set_heaters([1, 2, 3], 0.0)
    with pytest.raises(KernelError, match="side = 2; allowed: 0, 1"):
        kernel.transmit(2, np.zeros((1, 8, 64)))
    with pytest.raises(KernelError, match="samples 0 to 9: not held"):
        kernel.current(0, 0, 0, 10)
    with pytest.raises(KernelError, match="not held"):
        kernel.observe(0, 0, 1e6, 1.0, 1)
    with pytest.raises(KernelError, match="samples_per_ui = 5"):
        Kernel(None, c.with_(samples_per_ui=5))
    with pytest.raises(KernelError, match="delay_ui: 3 values, 16 expected"):
        Kernel(None, c.with_(delay_ui=np.zeros(3)))
    broken = c.fabric_ops.copy()
    broken[7, 1] = 8
    with pytest.raises(KernelError, match="fabric_ops: operation 7 is out of range"):
        Kernel(None, c.with_(fabric_ops=broken))
    design = synthetic.make(switch={"topology": "none"})
    plain = Kernel(None, build(design, synthetic.optical_model(design)))
    with pytest.raises(KernelError, match="no switch"):
        plain.fabric_matrix()


def test_the_library_is_built_once_and_a_broken_compiler_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("LIGHTLOOM_CACHE", str(tmp_path))
    flags = (*kernel_build.FLAGS[:1], "-O0", *kernel_build.FLAGS[3:])
    first = kernel_build.library(flags)
    stamp = first.stat().st_mtime_ns
    assert kernel_build.library(flags) == first
    assert first.stat().st_mtime_ns == stamp
    with pytest.raises(DesignError, match=r"g\+\+: the signal kernel does not compile: .*error"):
        kernel_build.library((*kernel_build.FLAGS, "-include", "no_such_header.hpp"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DesignError, match=r"g\+\+: not found"):
        kernel_build.library()


def test_a_cut_fibre_is_dark_when_the_last_light_has_passed(synthetic):
    design = synthetic.make(
        serdes={"lanes": 4},
        switch={"topology": "ocstrx", "ports": 4, "tap_threshold_dbm": -30.0},
        fibre={"length_m": 20.0},
    )
    c = build(design, synthetic.transceivers(design))
    flight = c.ring_flight_fs[0]
    assert flight == pytest.approx(20.0 * design.fibre.delay_us_per_km * 1e6)
    kernel = Kernel(None, c)
    kernel.set_heaters([0] * 16, -1e15)
    with pytest.raises(KernelError, match=r"fibre = 2, place = 0\.25; allowed: 0, 1"):
        kernel.cut(2, 0.0, 0.25)
    cut, place = 3e8, 0.25
    assert kernel.lit(0, cut + flight) == (0b1111, 0)
    kernel.cut(0, cut, place)
    for side, way in ((0, place), (1, 1 - place)):
        last = cut + way * flight
        assert kernel.lit(side, last - 1e3) == (0b1111, 0)
        assert kernel.lit(side, last + 1e3) == (0, 0)
    # and the receivers see the same
    words = 200
    for direction, way in ((0, 1 - place), (1, place)):
        kernel.transmit(direction, np.zeros((words, 4, c.symbols), np.int16))
        kernel.receive(1 - direction, words, 0)
        size, made = c.symbols * c.samples_per_ui, kernel.counters(direction).made
        light = kernel.current(direction, 0, (made - 60) * size, 60 * size).reshape(60, size)
        # a word is dark when its start would have passed the cut after it happened
        start = np.arange(made - 60, made) * c.symbols * c.ui_fs[direction]
        passed = start + c.fabric_delay_fs[direction] + (1 - way) * flight
        bright = light.mean(axis=1) > light[0].mean() / 2
        np.testing.assert_array_equal(bright, passed < cut)
        assert bright.any()
        assert not bright.all()
