"""The eye of the noiseless model with its noise as Gaussians: what a receiver's slicer sees.

`slices` answers for every instant of a symbol what `statistics.bit_error_rate` answers for the one
that the receiver samples at, with right decisions fed back and without the sampler's steps, whose
noise of a twelfth of a square step is added.
"""

from __future__ import annotations

import numpy as np

from lightloom.cosim import oracle, statistics
from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.measure.slices import Slice
from lightloom.cosim.measure.waveform import Waveform, pattern

PHASES = 41
"""Instants of a symbol, half a UI to either side of the sampling instant."""


def slices(
    c: Coefficients,
    p: statistics.Pattern,
    lane: int,
    centre_ui: float,
    equalizer: statistics.Equalizer,
    *,
    phases: int = PHASES,
    symbols: int = 4096,
) -> tuple[Slice, ...]:
    """Slices in V about the sampling instant `centre_ui`, behind `equalizer`.

    All belong to the symbols that are sampled at the middle one, whatever the phase.
    """
    if phases < 3 or phases % 2 == 0:
        raise ValueError(f"phases = {phases}; allowed: odd, 3 or more")
    order = len(equalizer.taps)
    centre = centre_ui % 1.0
    sent = statistics.moments(c, p, lane, centre, symbols=symbols).sent
    index = np.arange(order + 2, len(sent) - order - 2)
    level = np.rint((sent[index] + 1) / 2 * (c.levels - 1)).astype(np.intp)
    fed_back = equalizer.dfe * sent[index - 1]
    top = 2 ** (c.adc_bits - 1)
    found: list[Slice] = []
    for offset in np.linspace(-0.5, 0.5, phases):
        at = centre + float(offset)
        whole = int(np.floor(at))
        m = statistics.moments(c, p, lane, at - whole, lags=order, symbols=symbols)
        here = index + whole
        mean, variance = -fed_back, np.zeros(len(index))
        for i, tap in enumerate(equalizer.taps):
            one = here + equalizer.pre - i
            mean = mean + tap * np.clip(m.mean[one], -top, top - 1)
            for j, other in enumerate(equalizer.taps):
                both = m.between(one, here + equalizer.pre - j)
                variance += tap * other * (both + (i == j) / 12)
        step = c.volts_per_step
        deviation = step * np.sqrt(np.maximum(variance, 1e-18))
        found.append(Slice(float(offset), step * mean, deviation, level))
    return tuple(found)


def transmitted(c: Coefficients, side: int, lane: int, tx_ffe: tuple[float, ...]) -> Waveform:
    """Light of a transmit lane behind its engine, over one period of PRBS13, or PRBS13Q for PAM4.

    In mW where `Coefficients.source_field` stands: fibre, connectors and circulators passed.
    """
    symbols = pattern(c.levels)
    levels = 2.0 * symbols / (c.levels - 1) - 1
    # whole words, and enough of the period before for the response to have settled
    before = len(c.tx_response) // c.samples_per_ui + 8
    count = before + len(symbols)
    padded = -(-count // c.symbols) * c.symbols
    sent = np.resize(np.roll(levels, before), padded)
    codes = statistics.tx_codes(c.with_(lanes=1), sent[None, :], tx_ffe)
    volts = oracle.drive_volts(c.with_(lanes=1), codes)[0]
    opened = oracle.transmission(c, volts) * float(c.source_field[side, lane]) ** 2
    n = c.samples_per_ui
    return Waveform(opened[before * n : count * n], symbols, c.levels)
