"""The eye of the noiseless model with its noise as Gaussians: what a receiver's slicer sees.

`slices` answers for every instant of a symbol what `statistics.bit_error_rate` answers for the one
that the receiver samples at, with right decisions fed back and without the sampler's steps, whose
noise of a twelfth of a square step is added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lightloom.cosim import oracle, statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.equalizer import Equalizer
from lightloom.cosim.measure.slices import Slice
from lightloom.cosim.measure.waveform import Complex, Real, Symbols, Waveform, balanced
from lightloom.cosim.oracle import Codes

PHASES = 33
"""Instants of a symbol, half a UI to either side of the sampling instant."""


def slices(
    c: Coefficients,
    p: statistics.Pattern,
    lane: int,
    centre_ui: float,
    equalizers: Sequence[Equalizer],
    *,
    phases: int = PHASES,
    symbols: int = 4096,
) -> list[tuple[Slice, ...]]:
    """Slices in V about the sampling instant `centre_ui`, behind each of `equalizers`.

    All belong to the symbols that are sampled at the middle one, whatever the phase.
    """
    if phases < 3 or phases % 2 == 0:
        raise ValueError(f"phases = {phases}; allowed: odd, 3 or more")
    order = max(len(e.taps) for e in equalizers)
    centre = centre_ui % 1.0
    sent = statistics.moments(c, p, lane, centre, symbols=symbols).sent
    index = np.arange(order + 2, len(sent) - order - 2)
    level = np.rint((sent[index] + 1) / 2 * (c.levels - 1)).astype(np.intp)
    top = 2 ** (c.adc_bits - 1)
    found: list[list[Slice]] = [[] for _ in equalizers]
    for offset in np.linspace(-0.5, 0.5, phases):
        whole = int(np.floor(centre + offset))
        m = statistics.moments(c, p, lane, centre + offset - whole, lags=order, symbols=symbols)
        here = index + whole
        for one, e in zip(found, equalizers, strict=True):
            mean, variance = -e.dfe * sent[index - 1], np.zeros(len(index))
            for i, tap in enumerate(e.taps):
                at = here + e.pre - i
                mean = mean + tap * np.clip(m.mean[at], -top, top - 1)
                for j, other in enumerate(e.taps):
                    variance += tap * other * (m.between(at, here + e.pre - j) + (i == j) / 12)
            deviation = c.volts_per_step * np.sqrt(np.maximum(variance, 1e-18))
            one.append(Slice(float(offset), c.volts_per_step * mean, deviation, level))
    return [tuple(one) for one in found]


def transmitted(c: Coefficients, tx_ffe: Sequence[float], peak_mw: float) -> Waveform:
    """Light of a transmitter over one period of PRBS13, or PRBS13Q for PAM4, one symbol longer.

    `peak_mw` is the light with the modulator fully open, where it is measured.
    """
    alone = c.with_(lanes=1)
    symbols = balanced(c.levels)
    codes, late = _periodic(alone, symbols[None, :], tx_ffe)
    light = peak_mw * oracle.transmission(alone, oracle.drive_volts(alone, codes))[0]
    return _period(c, light, late, symbols)


def received(
    c: Coefficients,
    direction: int,
    lane: int,
    tx_ffe: Sequence[float],
    matrix: Complex | None = None,
) -> Waveform:
    """Photocurrent in A of a receive lane, without noise, over the pattern of `transmitted`.

    Other lanes send the same pattern at other times; what leaks from them is in it. `matrix` as in
    `statistics.pattern`.
    """
    transfer = np.eye(c.lanes, dtype=complex) if matrix is None else matrix
    transfer = transfer if direction == 0 or not c.fabric_shared else transfer.T
    source = int(np.abs(transfer[lane]).argmax())
    symbols = balanced(c.levels)
    every = len(symbols) // c.lanes
    sent = np.stack([np.roll(symbols, (n - source) * every) for n in range(c.lanes)])
    codes, late = _periodic(c, sent, tx_ffe)
    light = oracle.light_current(c, direction, codes, transfer)[lane]
    return _period(c, light, late, symbols)


def _periodic(c: Coefficients, symbols: Symbols, tx_ffe: Sequence[float]) -> tuple[Codes, int]:
    """Codes of a pattern `[lane, symbol]`, whole words, and where its settled period begins."""
    late = len(c.tx_response) // c.samples_per_ui + 8
    count = -(-(late + symbols.shape[1]) // c.symbols) * c.symbols
    at = (np.arange(count) - late) % symbols.shape[1]
    sent = 2.0 * symbols[:, at] / (c.levels - 1) - 1
    return statistics.tx_codes(c, sent, tx_ffe), late


def _period(c: Coefficients, light: Real, late: int, symbols: Symbols) -> Waveform:
    n = c.samples_per_ui
    return Waveform(light[late * n : (late + len(symbols)) * n], symbols, c.levels)
