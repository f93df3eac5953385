"""Closed loops of the golden model on a line with interference, noise and a rate offset."""

import numpy as np
import pytest

from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.model import CdrModel, Observation, RxLaneModel

FORMAT = RxFormat()


def ppm_of(cdr):
    steps = cdr.frequency / 2.0 ** (FORMAT.PHASE_FRACTION + FORMAT.FREQUENCY_FRACTION)
    return 1e6 * steps / (FORMAT.width * FORMAT.phase_steps)


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


def errors(lane, channel, words):
    """Bit errors of `words` words, for the best of the possible delays from line to decision."""
    decided, sent = [], []
    for _ in range(words):
        lane.step(channel.word(lane.cdr.code))
        decided.append(lane.decisions)
        sent.append(channel.newest)
    latency = FORMAT.decision_latency - 1
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
