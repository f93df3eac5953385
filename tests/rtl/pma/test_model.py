"""Closed loops of the golden model on a line with interference, noise and a rate offset."""

import numpy as np
import pytest
from scipy.linalg import solve
from scipy.stats import norm

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.model import CdrModel, Observation, RxLaneModel

FORMAT = RxFormat()


def ppm_of(cdr):
    c = cdr.config
    steps = cdr.frequency / 2.0 ** (c.PHASE_FRACTION + c.FREQUENCY_FRACTION)
    return 1e6 * steps / (c.width * c.phase_steps)


def bring_up(lane, channel, words):
    """Run as the bring-up does: adaptation only after lock. Return the words of both events."""
    locked = settled = None
    for k in range(words):
        lane.step(channel.word(lane.cdr.code))
        if locked is None and lane.cdr.locked:
            locked = k
        if settled is None and lane.lms.settled:
            settled = k
    return locked, settled


def cursors(lane, channel):
    """Response to a symbol of 1 at the phase of the lane, in sample steps, and its peak."""
    for _ in range(3):
        channel.word(lane.cdr.code)
    h = channel.cursors() * channel.amplitude / (lane.config.levels - 1)
    return h, int(h.argmax())


def signal_to_noise(lane, channel):
    """Ratio in decibels behind the lane's taps and behind those of least mean square error.

    The error is that of interference, noise and rounded samples; the closed form needs no data.
    """
    c = lane.config
    h, main = cursors(lane, channel)
    power = 5.0 if c.pam4 else 1.0
    delays = [0, *c.offsets]
    center = len(h) + 20
    matrix = np.zeros((len(delays), 2 * center))
    for row, delay in zip(matrix, delays, strict=True):
        start = center + delay - main
        row[start : start + len(h)] = h
    noise = channel.sigma**2 + 1 / 12
    removed = [center, center + 1] if c.dfe else [center]

    def decibels(taps, feedback):
        whole = taps @ matrix
        rest = whole.copy()
        rest[center] = 0
        rest[center + 1] -= feedback(whole)
        error = power * rest @ rest + noise * taps @ taps
        return 10 * np.log10(power * whole[center] ** 2 / error)

    others = matrix.copy()
    others[:, removed] = 0
    autocorrelation = power * others @ others.T + noise * np.eye(len(delays))
    best = solve(autocorrelation, matrix[:, center], assume_a="pos")
    found = np.array([64, *lane.lms.taps]) / 64
    return (
        decibels(found, lambda _: lane.lms.dfe / 4),
        decibels(best, lambda whole: whole[center + 1] if c.dfe else 0),
        decibels(np.eye(len(delays))[0], lambda _: 0),
    )


def errors(lane, channel, words):
    """Symbol errors of `words` words, for the best of the possible delays from line to decision."""
    decided, sent = [], []
    for _ in range(words):
        lane.step(channel.word(lane.cdr.code))
        decided.append(lane.symbols)
        sent.append(channel.newest)
    latency = lane.config.equalizer_latency - 1
    places = np.concatenate(sent[:-latency])
    bits = np.concatenate(decided[latency:])
    return min(int((channel.bits[places - k] != bits).sum()) for k in range(4))


@pytest.mark.parametrize("ppm", [-200.0, 200.0])
@pytest.mark.parametrize("start", [k / 16 for k in range(16)])
def test_locks_from_any_phase(line, start, ppm):
    lane = RxLaneModel(FORMAT)
    locked, _ = bring_up(lane, line(FORMAT, ppm=ppm, start=start), 1300)
    assert locked is not None
    assert lane.cdr.locked
    assert ppm_of(lane.cdr) == pytest.approx(-ppm, abs=5)


@pytest.mark.parametrize("amplitude", [10.0, 17.0, 31.0])
@pytest.mark.parametrize("kind", ["short", "lossy", "long"])
def test_settles_and_decides_without_errors(line, kind, amplitude):
    lane = RxLaneModel(FORMAT)
    channel = line(FORMAT, kind, amplitude=amplitude, sigma=amplitude / 25, ppm=100.0, start=0.4)
    locked, settled = bring_up(lane, channel, 3000)
    print(kind, amplitude, "locked", locked, "settled", settled, lane.lms.readout)
    assert locked is not None
    assert locked <= 1100
    assert settled is not None
    assert errors(lane, channel, 300) == 0


@pytest.mark.parametrize(
    ("kind", "amplitude", "sigma"),
    [("short", 20.0, 1.0), ("lossy", 10.0, 0.5), ("lossy", 20.0, 2.0), ("long", 20.0, 2.0)],
)
@pytest.mark.parametrize("taps", [1, 2, 3])
def test_taps_are_within_a_decibel_of_least_squares(line, kind, amplitude, sigma, taps):
    config = RxFormat(ffe_taps=taps)
    lane = RxLaneModel(config)
    channel = line(config, kind, amplitude=amplitude, sigma=sigma)
    bring_up(lane, channel, 2500)
    code = lane.cdr.code
    words = [(channel.word(code), channel.newest) for _ in range(302)]
    x = np.concatenate([word for word, _ in words[2:]]).astype(float)
    places = np.concatenate([newest for _, newest in words[2:]])
    delay = max(range(5), key=lambda k: abs(np.corrcoef(x, channel.bits[places - k])[0, 1]))
    levels = 2.0 * channel.bits[places - delay] - 1
    inner = slice(8, -8)
    columns = [np.roll(x, k)[inner] for k in [0, -1, 1, 2, 3][:taps]]
    columns.append(-np.roll(levels, 1)[inner])
    target = levels[inner]
    matrix = np.stack(columns, axis=1)
    best, *_ = np.linalg.lstsq(matrix, target, rcond=None)

    def decibels(weights):
        value = matrix @ weights
        gain = np.mean(value * target)
        return 20 * np.log10(gain / np.std(value - gain * target))

    feedback = lane.lms.dfe / 4 * 64
    found = decibels(np.array([64.0, *lane.lms.taps, feedback]))
    print(kind, taps, f"found {found:.2f} dB, least squares {decibels(best):.2f} dB")
    assert found > decibels(best) - 1.0
    # Where the equalizer has work to do it does it.
    if kind != "short" and taps > 1:
        assert found > decibels(np.eye(len(best))[0]) + 3.0


def test_tracks_300_ppm_reached_slowly(line):
    lane = RxLaneModel(FORMAT)
    channel = line(FORMAT, ppm=0.0)
    bring_up(lane, channel, 1500)
    for k in range(3000):
        channel.ppm = 0.1 * k
        lane.step(channel.word(lane.cdr.code))
        assert lane.cdr.locked
    for _ in range(3000):
        lane.step(channel.word(lane.cdr.code))
    assert ppm_of(lane.cdr) == pytest.approx(-300, abs=5)
    assert lane.cdr.locked


def test_frozen_loop_keeps_frequency_and_drifts_with_the_phase(line):
    lane = RxLaneModel(FORMAT)
    channel = line(FORMAT, ppm=100.0)
    bring_up(lane, channel, 1500)
    lane.freeze_cdr = lane.freeze_eq = True
    frequency, code, readout = lane.cdr.frequency, lane.cdr.code, lane.lms.readout
    bring_up(lane, channel, 50)
    assert (lane.cdr.frequency, lane.cdr.code, lane.lms.readout) == (frequency, code, readout)


@pytest.mark.parametrize("source", ["silence", "noise", 800.0, 2000.0, 10000.0])
def test_never_locks_without_timing(line, source):
    rng = np.random.default_rng(11)
    lane = RxLaneModel(FORMAT)
    channel = line(FORMAT, "short", ppm=source if isinstance(source, float) else 0.0)
    for _ in range(2000):
        if source == "silence":
            word = rng.integers(-1, 2, FORMAT.width)
        elif source == "noise":
            word = np.clip(np.round(rng.normal(0, 12, FORMAT.width)), -32, 31).astype(np.int64)
        else:
            word = channel.word(lane.cdr.code)
        lane.step(word)
        assert not lane.cdr.locked


@pytest.mark.parametrize(
    "change",
    [
        {"amplitude": 0.3, "sigma": 0.3},
        {"amplitude": 0.0, "sigma": 8.0},
        {"ppm": 1000.0},
        {"ppm": 3000.0},
        {"ppm": 10000.0},
    ],
)
@pytest.mark.parametrize("kind", ["short", "lossy"])
def test_loses_lock_when_the_signal_goes(line, kind, change):
    lane = RxLaneModel(FORMAT)
    channel = line(FORMAT, kind)
    bring_up(lane, channel, 1000)
    assert lane.cdr.locked
    # The light goes, noise alone stays, or a transmitter comes that cannot be followed.
    for name, value in change.items():
        setattr(channel, name, value)
    bring_up(lane, channel, 1000)
    assert not lane.cdr.locked


def test_frequency_is_bounded_and_searches_again():
    cdr = CdrModel(FORMAT)
    reached = []
    for _ in range(FORMAT.LOCK_WORDS):
        reached.append(cdr.frequency)
        cdr.step(Observation(timing=-500, magnitude=20))
    assert max(reached) == FORMAT.frequency_limit
    assert cdr.frequency == 0


PAM4 = RxFormat(modulation="pam4", sample_bits=8, ffe_taps=6)
TIMING = RxFormat(modulation="pam4", sample_bits=8, ffe_taps=1, dfe=False)
"""Timing is found before the equalizer, so that a lane without one shows it in less time."""


def run_to_lock(config, channel, limit, after=300):
    """Words until lock and the lane that then ran on."""
    lane = RxLaneModel(config)
    for k in range(limit):
        lane.step(channel.word(lane.cdr.code))
        if lane.cdr.locked:
            bring_up(lane, channel, after)
            return k, lane
    raise AssertionError("no lock")


@pytest.mark.parametrize("ppm", [-200.0, 0.0, 200.0])
@pytest.mark.parametrize("start", [k / 16 for k in range(16)])
def test_pam4_locks_from_any_phase(line, start, ppm):
    channel = line(TIMING, "short", amplitude=80.0, sigma=3.0, ppm=ppm, start=start)
    words, lane = run_to_lock(TIMING, channel, 2600)
    print("locked after", words)
    assert lane.cdr.locked
    assert ppm_of(lane.cdr) == pytest.approx(-ppm, abs=10)


@pytest.mark.slow
@pytest.mark.parametrize("width", [16, 64, 128])
@pytest.mark.parametrize("ppm", [-200.0, 0.0, 200.0])
@pytest.mark.parametrize("start", [k / 16 for k in range(0, 16, 3)])
def test_pam4_locks_on_a_closed_eye(line, width, start, ppm):
    config = RxFormat(modulation="pam4", sample_bits=8, ffe_taps=1, dfe=False, width=width)
    channel = line(config, "lossy", amplitude=80.0, sigma=3.0, ppm=ppm, start=start)
    _, lane = run_to_lock(config, channel, 4000 << config.narrow)
    assert lane.cdr.locked
    assert ppm_of(lane.cdr) == pytest.approx(-ppm, abs=10)


@pytest.mark.parametrize("ppm", [-200.0, 200.0])
def test_words_of_128_symbols_lock_from_frequencies_in_turn(line, ppm):
    config = RxFormat(width=128, ffe_taps=1, dfe=False)
    channel = line(config, "short", ppm=ppm, start=0.6)
    _, lane = run_to_lock(config, channel, 2600)
    assert ppm_of(lane.cdr) == pytest.approx(-ppm, abs=5)


@pytest.mark.parametrize(
    ("keywords", "kind", "amplitude", "sigma"),
    [
        ({"ffe_taps": 3}, "lossy", 20.0, 2.5),
        ({"ffe_taps": 5, "dfe": False, "sample_bits": 8}, "lossy", 80.0, 8.0),
        ({"ffe_taps": 3}, "long", 20.0, 2.0),
        ({"ffe_taps": 6, "modulation": "pam4", "sample_bits": 8}, "short", 90.0, 7.5),
        ({"ffe_taps": 6, "modulation": "pam4", "sample_bits": 8}, "lossy", 90.0, 6.5),
        ({"ffe_taps": 9, "dfe": False, "modulation": "pam4", "sample_bits": 8}, "lossy", 90.0, 5.0),
    ],
)
def test_taps_are_within_half_a_decibel_of_the_least_mean_square_error(
    line, keywords, kind, amplitude, sigma
):
    config = RxFormat(**keywords)
    lane = RxLaneModel(config)
    channel = line(config, kind, amplitude=amplitude, sigma=sigma)
    bring_up(lane, channel, 3000)
    assert lane.lms.settled
    found, best, before = signal_to_noise(lane, channel)
    print(kind, keywords, f"found {found:.2f} dB, best {best:.2f} dB, without {before:.2f} dB")
    assert best - 0.5 < found <= best
    assert before < found - 3.0


@pytest.mark.parametrize(("kind", "sigma"), [("short", 11.5), ("lossy", 8.5)])
def test_symbol_error_rate_of_pam4_is_that_of_gaussian_noise(line, kind, sigma):
    config = RxFormat(modulation="pam4", sample_bits=8, ffe_taps=6, dfe=False)
    lane = RxLaneModel(config)
    channel = line(config, kind, amplitude=85.0, sigma=sigma)
    bring_up(lane, channel, 2500)
    assert lane.lms.settled
    lane.freeze_eq = True
    words = 800
    wrong = errors(lane, channel, words)
    found, _, _ = signal_to_noise(lane, channel)
    # Six of the eight sides of four levels are sides to a neighbour, at 1 of a power of 5.
    expected = 1.5 * norm.sf(np.sqrt(10 ** (found / 10) / 5)) * words * config.width
    print(kind, f"{found:.2f} dB:", wrong, "errors, expected", expected)
    assert expected > 100
    assert wrong == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize("start", [0.1, 0.6])
@pytest.mark.parametrize("amplitude", [45.0, 110.0])
def test_pam4_starts_blind_on_a_closed_eye(line, amplitude, start):
    """One symbol in ten is decided wrong at first; then fewer than one bit in 1000."""
    lane = RxLaneModel(PAM4)
    channel = line(PAM4, "lossy", amplitude=amplitude, sigma=amplitude / 14, ppm=90.0, start=start)
    lane.freeze_eq = True
    locked, _ = bring_up(lane, channel, 2200)
    assert locked is not None
    assert not lane.cdr.open
    assert errors(lane, channel, 50) > 0.08 * 50 * 64
    lane.freeze_eq = False
    bring_up(lane, channel, 2000)
    assert lane.cdr.open
    assert lane.lms.settled
    assert errors(lane, channel, 100) < 0.002 * 100 * 64


def test_levels_of_pam4_take_compression_and_offset(line):
    lane = RxLaneModel(PAM4)
    channel = line(PAM4, "short", amplitude=90.0, sigma=1.5)
    table = np.array([-1.0, -0.3, 0.36, 0.86]) + 0.05
    for _ in range(3000):
        word = channel.word(lane.cdr.code)
        # A modulator that compresses: the curve through the four levels.
        word = np.round(90 * np.interp(word / 90, [-1, -1 / 3, 1 / 3, 1], table)).astype(np.int64)
        lane.step(np.clip(word, -128, 127))
    assert lane.cdr.open
    gaps = np.diff(lane.lms.levels)
    assert gaps / gaps.sum() == pytest.approx(np.diff(table) / np.ptp(table), abs=0.02)


def test_saved_set_locks_faster_than_a_cold_start(line):
    def words_until_ready(saved, start):
        lane = RxLaneModel(PAM4)
        channel = line(PAM4, "lossy", amplitude=80.0, sigma=4.0, ppm=150.0, start=start)
        if saved:
            lane.load(saved)
        for k in range(6000):
            lane.step(channel.word(lane.cdr.code))
            if lane.cdr.locked and lane.lms.settled:
                assert errors(lane, channel, 50) <= 2
                return k, lane.save()
        raise AssertionError("not ready")

    cold, saved = words_until_ready(None, 0.2)
    warm = [words_until_ready(saved, start)[0] for start in (0.2, 0.55, 0.9)]
    print("words until ready: cold", cold, "warm", warm)
    assert max(warm) <= 2 * PAM4.LOCK_WORDS
    assert max(warm) * 3 < cold


@pytest.mark.parametrize("source", ["silence", "noise", 2000.0, 5000.0])
def test_pam4_never_locks_without_timing(line, source):
    rng = np.random.default_rng(12)
    lane = RxLaneModel(TIMING)
    ppm = source if isinstance(source, float) else 0.0
    channel = line(TIMING, "short", amplitude=80.0, sigma=2.0, ppm=ppm)
    for _ in range(3000):
        if source == "silence":
            word = rng.integers(-1, 2, TIMING.width)
        elif source == "noise":
            word = np.clip(np.round(rng.normal(0, 45, TIMING.width)), -128, 127).astype(np.int64)
        else:
            word = channel.word(lane.cdr.code)
        lane.step(word)
        assert not lane.cdr.locked


@pytest.mark.parametrize(
    "change", [{"amplitude": 0.3}, {"amplitude": 0.0, "sigma": 40.0}, {"ppm": 2000.0}]
)
def test_pam4_loses_lock_when_the_signal_goes(line, change):
    channel = line(TIMING, "short", amplitude=80.0, sigma=2.0)
    _, lane = run_to_lock(TIMING, channel, 2600)
    assert lane.cdr.open
    for name, value in change.items():
        setattr(channel, name, value)
    bring_up(lane, channel, 1300)
    assert not lane.cdr.locked


BANDWIDTH = {"nrz": 1.6e-4, "pam4": 1.3e-4}
"""Of the loop in lock, in cycles a symbol: 5 MHz at 32 GBd, 7 MHz at 53 GBd."""


@pytest.mark.parametrize("modulation", ["nrz", "pam4"])
@pytest.mark.parametrize("part", [0.1, 1.0])
def test_sinusoidal_jitter(line, modulation, part):
    """A tenth of an interval at a tenth of the bandwidth is followed; the bandwidth is where
    seven tenths of it are."""
    config = TIMING if modulation == "pam4" else RxFormat(ffe_taps=1, dfe=False)
    scale = 4 if config.pam4 else 1
    channel = line(config, "short", amplitude=20.0 * scale, sigma=0.4 * scale)
    _, lane = run_to_lock(config, channel, 2600, after=500)
    channel.cycles, channel.jitter, channel.count = part * BANDWIDTH[modulation], 0.1, 0
    codes = []
    for _ in range(1200):
        lane.step(channel.word(lane.cdr.code))
        assert lane.cdr.locked
        codes.append(lane.cdr.code / config.phase_steps)
    path = np.unwrap(codes, period=4096 / config.phase_steps)
    angle = 2 * np.pi * channel.cycles * config.width * np.arange(len(path))
    parts = np.stack([np.sin(angle), np.cos(angle), np.ones_like(angle), angle], axis=1)
    weights, *_ = np.linalg.lstsq(parts, path, rcond=None)
    gain = np.hypot(*weights[:2]) / 0.05
    print(modulation, "gain", gain)
    assert gain == pytest.approx(1.0 if part < 1 else 0.7, abs=0.08)
    assert errors(lane, channel, 400) == 0
