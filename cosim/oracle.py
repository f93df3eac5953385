"""The waveform model in plain numpy and scipy: slow, over whole runs, the kernel's reference.

It takes the same `Coefficients` and evaluates the same physics by other algorithms: transforms of
the whole run in place of per-symbol sums, superposed heater steps in place of carried states,
matrices of the whole fabric in place of operations on lines, a recursive filter in place of the
tracked baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import signal

from lightloom.cosim import philox
from lightloom.cosim.coefficients import MODULATORS, Coefficients

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Codes = npt.NDArray[np.int16]


@dataclass(frozen=True)
class HeaterChange:
    """DAC codes of all heaters from a time on."""

    time_fs: float
    codes: Sequence[int]


@dataclass(frozen=True)
class Received:
    """What a side received, as `kernel.binding.Received`."""

    codes: Codes
    volts: Real
    detect: npt.NDArray[np.bool_]
    interval_fs: Real


# -- transmitter ----------------------------------------------------------------------------------


def drive_volts(c: Coefficients, codes: npt.ArrayLike) -> Real:
    """Voltage at the modulators, `[lane, sample]`, of DAC codes `[word, lane, symbol]`."""
    symbols = np.asarray(codes, float).transpose(1, 0, 2).reshape(c.lanes, -1) * c.volts_per_code
    impulses = np.zeros((c.lanes, symbols.shape[1], c.samples_per_ui))
    impulses[:, :, 0] = symbols
    impulses = impulses.reshape(c.lanes, -1)
    return signal.fftconvolve(impulses, c.tx_response[None, :], axes=1)[:, : impulses.shape[1]]


def transmission(c: Coefficients, volts: Real) -> Real:
    """Power transmission of the modulator, without insertion loss."""
    kind, *p = c.modulator
    if kind == MODULATORS["mzm"]:
        return p[1] + (1 - p[1]) * np.sin(np.pi / 4 + np.pi * volts / (2 * p[0])) ** 2
    if kind == MODULATORS["ring"]:
        return 1 - p[0] / (1 + (2 * (p[1] + p[2] * volts)) ** 2)
    return 10 ** (-p[0] * np.maximum(volts + p[1], 0.0) / 10)


def laser_turns(c: Coefficients, side: int, words: int) -> Real:
    """Phase of each laser in turns, `[lane, sample]`."""
    steps = np.stack(
        [
            c.laser_turns[side, lane]
            + c.laser_walk[side, lane]
            * philox.gaussian(c.seed, philox.LASER_PHASE + side, lane, 4 * words)[::4]
            for lane in range(c.lanes)
        ]
    )
    starts = np.concatenate([np.zeros((c.lanes, 1)), np.cumsum(steps, axis=1)], axis=1)
    samples = c.symbols * c.samples_per_ui
    within = np.arange(words * samples) / samples
    return np.stack([np.interp(within, np.arange(words + 1), row) for row in starts])


# -- fabric ---------------------------------------------------------------------------------------


def heater_phases(c: Coefficients, changes: Sequence[HeaterChange], time_fs: float) -> Real:
    """Phase of every heater at a time, as a sum of the answers to each change of power."""
    own = np.zeros(len(c.heater_p_pi_mw))
    before = np.zeros_like(own)
    for change in changes:
        if change.time_fs > time_fs:
            break
        drive = np.asarray(change.codes, float) / (2**c.dac_bits - 1)
        after = np.pi * c.dac_full_scale_mw * drive**2 / c.heater_p_pi_mw
        own += (after - before) * -np.expm1(-(time_fs - change.time_fs) / c.heater_tau_fs)
        before = after
    return c.thermal_crosstalk.reshape(len(own), -1) @ own


def _chip(c: Coefficients, phases: Real) -> Complex:
    """Field transfer between all lines of the program, `[output, input]`."""
    total = np.eye(c.fabric_ports, dtype=complex)
    for kind, a, b, heater, *parts in c.fabric_ops:
        step = np.eye(c.fabric_ports, dtype=complex)
        i, j = int(a), int(b)
        values = np.asarray(parts).view(complex)
        if kind == 0:
            step[np.ix_([i, j], [i, j])] = values.reshape(2, 2)
        elif kind == 1:
            step[i, i] = values[0]
        else:
            step[i, i] = np.exp(-1j * phases[int(heater)])
        total = step @ total
    return total


def fabric_matrix(
    c: Coefficients, phases: Real, direction: int = 0, fibre: int | None = None
) -> Complex:
    """Field transfer between lanes, `[output, input]`, for heater phases in rad.

    Of a ring: of both switches and one fibre between them, the one that the receivers hear when
    it is not named.
    """
    if not c.ring:
        return _chip(c, phases)[: c.lanes, : c.lanes]
    return ring_matrix(c, phases, phases, direction, heard(c, phases, direction, fibre))


def heard(c: Coefficients, phases: Real, direction: int, fibre: int | None = None) -> int:
    """Fibre that the receivers' switch lets through more, when none is named."""
    if fibre is not None:
        return fibre
    return int(np.argmax([np.sum(np.abs(np.diag(_inward(c, phases, direction, f))) ** 2)
                          for f in (0, 1)]))  # fmt: skip


def ring_matrix(c: Coefficients, early: Real, late: Real, direction: int, fibre: int) -> Complex:
    """Sender's switch at phases `early`, the fibre, receiver's switch at phases `late`."""
    lines = c.ring_lines.reshape(6, -1).astype(int)
    sent = _chip(c, early.reshape(2, -1)[direction])[np.ix_(lines[1 + fibre], lines[0])]
    return c.ring_field[fibre] * _inward(c, late, direction, fibre) @ sent


def _inward(c: Coefficients, phases: Real, direction: int, fibre: int) -> Complex:
    lines = c.ring_lines.reshape(6, -1).astype(int)
    chip = _chip(c, phases.reshape(2, -1)[1 - direction])
    return chip[np.ix_(lines[5], lines[3 + fibre])]


def settled_matrix(c: Coefficients, codes: Sequence[int]) -> Complex:
    """Field transfer long after the heaters got DAC `codes`; in a ring on both sides' switches."""
    return fabric_matrix(c, heater_phases(c, [HeaterChange(-1e30, c.all_heaters(codes))], 0.0))


def matrices(
    c: Coefficients,
    direction: int,
    changes: Sequence[HeaterChange],
    words: int,
    fibre: int | None = None,
) -> Complex:
    """Field transfer that each word of a direction meets, `[word, receiver, sender]`.

    In a ring on a fibre, the one that the receivers hear at first when it is not named.
    """
    if not c.fabric_ports:
        return np.broadcast_to(np.eye(c.lanes, dtype=complex), (words, c.lanes, c.lanes))
    starts = np.arange(words) * c.symbols * c.ui_fs[direction] + c.fabric_delay_fs[direction]
    if c.ring:
        way = heard(c, heater_phases(c, changes, 0.0), direction, fibre)
        later = starts + c.ring_flight_fs[way]
        return np.stack(
            [
                ring_matrix(
                    c, heater_phases(c, changes, a), heater_phases(c, changes, b), direction, way
                )
                for a, b in zip(starts, later, strict=True)
            ]
        )
    forward = np.stack([fabric_matrix(c, heater_phases(c, changes, time)) for time in starts])
    return forward if direction == 0 or not c.fabric_shared else forward.transpose(0, 2, 1)


# -- receiver -------------------------------------------------------------------------------------


def light_current(c: Coefficients, direction: int, codes: npt.ArrayLike, transfer: Complex) -> Real:
    """Photocurrent of the light alone, `[lane, sample]`.

    `transfer` is `[word, receiver, sender]` or one matrix for all words.
    """
    words = len(np.asarray(codes))
    field = np.sqrt(transmission(c, drive_volts(c, codes))) * c.source_field[direction][:, None]
    if c.fabric_ports:
        field = field * np.exp(2j * np.pi * laser_turns(c, direction, words))
    transfer = np.broadcast_to(transfer, (words, c.lanes, c.lanes))
    grouped = field.reshape(c.lanes, words, -1)
    arriving = np.einsum("wri,iws->rws", transfer, grouped).reshape(c.lanes, -1)
    return np.abs(arriving * c.detector_field[direction][:, None]) ** 2


def noise_variance(c: Coefficients, light_a: Real) -> Real:
    """Variance of the current of each sample in `[..., sample]` with that much light.

    Noise comes in impulses `noise_every` samples apart, as strong as that of all the samples.
    """
    variance = np.zeros_like(light_a)
    light = light_a[..., :: c.noise_every]
    variance[..., :: c.noise_every] = c.noise_every * (
        c.noise[0] + c.noise[1] * (light + c.dark_a) + c.noise[2] * light**2
    )
    return variance


def photocurrent(c: Coefficients, direction: int, codes: npt.ArrayLike, transfer: Complex) -> Real:
    """Photocurrent with its noise, `[lane, sample]`."""
    light = light_current(c, direction, codes, transfer)
    current = light + c.dark_a
    if c.noisy:
        count = -(-light.shape[1] // c.noise_every)
        numbers = [
            philox.gaussian(c.seed, philox.CURRENT_NOISE + direction, lane, count)
            for lane in range(c.lanes)
        ]
        spread = np.repeat(numbers, c.noise_every, axis=1)[:, : light.shape[1]]
        current = current + np.sqrt(noise_variance(c, light)) * spread
    return current


def filtered(c: Coefficients, current: Real, instants_ui: Real) -> Real:
    """Voltage of one lane's `current` behind the receive filter, before AC coupling."""
    position = np.asarray(instants_ui) * c.samples_per_ui
    whole = np.floor(position).astype(int)
    rows = (position - whole) * c.bank_phases
    low = np.minimum(np.floor(rows).astype(int), c.bank_phases - 1)
    whole = np.minimum(whole, len(current) - 1)
    result = np.zeros(len(whole))
    for row in np.unique(low):
        mine = low == row
        at = np.maximum(whole[mine], 0)
        pair = [signal.fftconvolve(current, c.rx_bank[row + k])[at] for k in (0, 1)]
        value = pair[0] + (rows[mine] - row) * (pair[1] - pair[0])
        result[mine] = np.where(whole[mine] < 0, 0.0, value)
    return result


def baselines(c: Coefficients, current: Real) -> Real:
    """Baseline in V during each word, `[lane, word]`."""
    means = current.reshape(c.lanes, -1, c.symbols * c.samples_per_ui).mean(axis=2)
    r = c.baseline_rate
    return np.asarray(signal.lfilter([0.0, r * c.rx_gain], [1.0, r - 1.0], means, axis=1))


def detections(c: Coefficients, current: Real) -> npt.NDArray[np.bool_]:
    """Whether light is detected after each word, `[lane, word]`."""
    means = current.reshape(c.lanes, -1, c.symbols * c.samples_per_ui).mean(axis=2)
    r = c.detect_rate
    return np.asarray(signal.lfilter([r], [1.0, r - 1.0], means, axis=1)) >= c.detect_a


def receive(
    c: Coefficients, direction: int, current: Real, words: int, phases: npt.ArrayLike = 0
) -> Received:
    """Sample `words` words; `phases` are phase codes that broadcast to `[word, lane]`."""
    given = np.broadcast_to(np.asarray(phases), (words, c.lanes)) % 4096
    steps = np.diff(given, axis=0, prepend=np.zeros((1, c.lanes), int))
    unwrapped = np.cumsum((steps + 2048) % 4096 - 2048, axis=0)
    in_force = np.vstack([np.zeros((1, c.lanes), int), unwrapped])
    ratio = 1 + c.rate_offset[direction]
    samples = c.symbols * c.samples_per_ui
    baseline, light = baselines(c, current), detections(c, current)
    volts = np.empty((words, c.lanes, c.symbols))
    detect = np.zeros((words, c.lanes), bool)
    q = np.arange(-c.symbols, (words - 1) * c.symbols)
    for lane in range(c.lanes):
        phase = np.repeat(in_force[:words, lane], c.symbols) / c.phase_steps
        instants = q + (c.rate_offset[direction] * q + ratio * phase - c.delay_ui[direction, lane])
        v = filtered(c, current[lane], instants)
        word = np.floor(instants * c.samples_per_ui).astype(int) // samples
        word = np.minimum(word, current.shape[1] // samples - 1)
        v = v - np.where(word < 0, 0.0, baseline[lane][np.maximum(word, 0)])
        volts[:, lane] = v.reshape(words, -1)
        last = word.reshape(words, -1)[:, -1]
        detect[:, lane] = (last >= 0) & light[lane][np.maximum(last, 0)]
    top = 2 ** (c.adc_bits - 1)
    codes = np.clip(np.floor(volts / c.volts_per_step + 0.5), -top, top - 1).astype(np.int16)
    ui_fs = c.ui_fs[direction] * ratio
    edges = np.floor(
        ui_fs * (np.arange(words + 1) * c.symbols + in_force[:, 0] / c.phase_steps) + 0.5
    )
    return Received(codes, volts, detect, np.diff(edges))
