"""Signal detect: mean magnitude of the samples over a threshold."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat

__all__ = ["Model", "SignalDetect"]


@dataclass
class Model:
    """Golden model: one call a clock."""

    total: int = 0
    detect: bool = False

    def step(self, magnitude: int, threshold: int) -> None:
        """Take the magnitude of one word; the threshold is not 0."""
        mean = self.total >> RxFormat.AMPLITUDE_FRACTION
        self.detect = mean >= (threshold - (threshold >> 2) if self.detect else threshold)
        self.total += magnitude - mean


class SignalDetect(wiring.Component):
    """Whether there is light: mean magnitude over 64 words against a threshold, with hysteresis.

    The mean has to reach the threshold and is then allowed to fall to three quarters of it. It says
    nothing of timing or of errors, and works before and without lock.

    Latency: 1 clock; the mean follows a step of the signal with a time constant of 64 words.
    Throughput: one word a clock. Reset: no signal.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats.

    Members
    -------
    magnitude : In(sample_bits)
        From :class:`lightloom.rtl.pma.observer.Observer`.
    threshold : In(sample_bits)
        Sample steps; 0 takes :attr:`RxFormat.signal_threshold`, an eighth of full scale.
    detect : Out(1)
        There is a signal.
    """

    magnitude: Signal
    threshold: Signal
    detect: Signal

    def __init__(self, config: RxFormat) -> None:
        """See the class."""
        self.config = config
        super().__init__(
            {
                "magnitude": In(config.sample_bits),
                "threshold": In(config.sample_bits),
                "detect": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the mean and the comparator."""
        m = Module()
        c = self.config
        total = Signal(c.sample_bits + c.AMPLITUDE_FRACTION)
        mean = Signal(c.sample_bits)
        least = Signal(c.sample_bits)
        keep = Signal(c.sample_bits)
        m.d.comb += [
            mean.eq(total >> c.AMPLITUDE_FRACTION),
            least.eq(Mux(self.threshold == 0, c.signal_threshold, self.threshold)),
            keep.eq(least - (least >> 2)),
        ]
        m.d.sync += total.eq(total + self.magnitude - mean)
        with m.If(self.detect):
            m.d.sync += self.detect.eq(mean >= keep)
        with m.Else():
            m.d.sync += self.detect.eq(mean >= least)
        return m
