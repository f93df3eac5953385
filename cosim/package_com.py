"""Channel operating margin of the package channel alone: from a SerDes to a SerDes through it.

The transmitter's FFE and swing, the package (analytic or Touchstone), the CTLE, the receiver's FFE
and its feedback are those of the design, the taps of the FFE those of least mean square error. The
receiver's filter and noise, jitter and level mismatch are those of IEEE 802.3 for 100 Gb/s a lane
(recalled). The link has this channel twice, with light between; lanes of a package do not disturb
each other in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lightloom.cosim import channel
from lightloom.cosim.measure import com
from lightloom.cosim.measure.com import Com, Parameters
from lightloom.cosim.measure.waveform import Real
from lightloom.rtl.link.config import Config
from lightloom.spec import Design

SAMPLES = 32
"""Of a symbol, as Annex 93A takes them."""
LONGEST_UI = 96
NOISE_V2_PER_GHZ = 8.2e-9
"""Noise at the receiver's input, one-sided (recalled, IEEE 802.3ck)."""
FEEDBACK_LIMIT = 0.85
"""Largest first tap in parts of the cursor (recalled, IEEE 802.3ck)."""
JITTER_UI2 = Parameters().dual_dirac_ui ** 2 + Parameters().random_jitter_ui ** 2
ERROR_RATIO = {None: 1e-12, "kr4": 1e-5, "kp4": 1e-4}
"""By FEC (recalled)."""


@dataclass(frozen=True, eq=False)
class _Channel:
    """Pulse at the sampler in V, and the noise there."""

    pulse: Real
    noise: Real
    """Covariance in V^2 at lags of whole symbols."""


def measure(design: Design) -> Com:
    """COM of `design.package` for the design's SerDes; raises as `channel.package` does."""
    serdes = design.serdes
    made = _channel(design)
    form = Config.from_design(serdes).rx_format
    limits = (FEEDBACK_LIMIT,) if serdes.rx_dfe else ()
    taps, cursor = _equalizer(made, form.ffe_taps, form.pre, serdes.rx_dfe)
    pulse = sum(
        (tap * np.roll(made.pulse, (k - form.pre) * SAMPLES) for k, tap in enumerate(taps)),
        np.zeros_like(made.pulse),
    )
    lags = np.abs(np.subtract.outer(np.arange(len(taps)), np.arange(len(taps))))
    parameters = Parameters(
        levels=2**serdes.bits_per_symbol,
        error_ratio=ERROR_RATIO[serdes.fec],
        noise_v=float(np.sqrt(taps @ made.noise[lags] @ taps)),
        feedback_limits=limits,
    )
    return com.measure(pulse, SAMPLES, parameters, cursor=cursor)


def _channel(design: Design) -> _Channel:
    serdes = design.serdes
    baud = serdes.baud_gbd * 1e9
    package = channel.package(design.package, baud / 2)
    equalizer = channel.ctle(serdes.ctle_boost_db, baud / 2)
    receiver = com.receiver_filter()
    response = channel.held(
        lambda f: package(f) * equalizer(f) * receiver(f / baud), 1.0, 1 / baud, SAMPLES, LONGEST_UI
    )
    # room for the equalizers' taps on either side
    padded = np.pad(response.values, 12 * SAMPLES)
    pulse = sum(
        (tap * np.roll(padded, n * SAMPLES) for n, tap in enumerate(serdes.tx_ffe)),
        np.zeros_like(padded),
    )
    f = np.linspace(0.0, 4.0, 4001)
    density = NOISE_V2_PER_GHZ * serdes.baud_gbd * np.abs(receiver(f) * equalizer(f * baud)) ** 2
    lags = range(Config.from_design(serdes).rx_format.ffe_taps)
    noise = [float(np.trapezoid(density * np.cos(2 * np.pi * lag * f), f)) for lag in lags]
    return _Channel(pulse * serdes.tx_swing_v / 2, np.array(noise))


def _equalizer(made: _Channel, count: int, pre: int, feedback: bool) -> tuple[Real, int]:
    """Taps and sampling instant of least error against the cursor, which stays what it is."""
    peak = int(np.argmax(made.pulse))
    lags = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    best: tuple[float, Real, int] | None = None
    for cursor in range(peak - SAMPLES // 2, peak + SAMPLES // 2 + 1, 2):
        at = cursor + SAMPLES * np.arange(-(cursor // SAMPLES) + count, 80)
        at = at[at + count * SAMPLES < len(made.pulse)]
        # what each tap adds to the sample at a symbol's distance from the cursor
        seen = np.stack([made.pulse[at - (k - pre) * SAMPLES] for k in range(count)])
        symbol = (at - cursor) // SAMPLES
        wrong = seen[:, (symbol != 0) & ~(feedback & (symbol == 1))]
        main = seen[:, symbol == 0][:, 0]
        slope = np.stack(
            [
                (
                    made.pulse[at - (k - pre) * SAMPLES + 1]
                    - made.pulse[at - (k - pre) * SAMPLES - 1]
                )
                * SAMPLES
                / 2
                for k in range(count)
            ]
        )
        # symbols' mean square, between 5/9 and 1, is left out: it weighs noise a little more
        system = wrong @ wrong.T + JITTER_UI2 * slope @ slope.T + made.noise[lags]
        solved = np.linalg.solve(system, main)
        error = 1.0 / float(main @ solved)
        if best is None or error < best[0]:
            taps = solved / float(main @ solved)
            best = error, np.asarray(taps * float(made.pulse[cursor]), np.float64), cursor
    assert best is not None
    return best[1], best[2]
