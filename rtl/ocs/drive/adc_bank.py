"""SPI master of multi-channel ADCs at the taps that proves each sample by its address."""

from __future__ import annotations

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_clock_mhz, check_integer
from lightloom.rtl.ocs.drive.parts import AD7490, AdcPart, clocks

__all__ = ["DUMMIES", "AdcBank", "AdcTiming", "Kind"]

DUMMIES = 2
"""Frames of ones after power-up."""
_SYNC = 2
_SETTINGS = 0b11_0_0_1_1
"""PM normal, SHADOW 0, WEAK/TRI 0, RANGE 0 to REFIN, CODING straight binary."""


class Kind(enum.IntEnum, shape=2):
    """What the address in a frame says of an ADC."""

    GOOD = 0
    LOW = 1
    """All 0: DOUT held low, SCLK or CS stuck, or no chip."""
    HIGH = 2
    """All 1: the same with DOUT held or pulled high."""
    ADDRESS = 3
    """Another channel than was asked for: DIN is stuck, or the chip lost its setting."""


class _Phase(enum.Enum, shape=3):
    LEAD = 0
    LOW = 1
    HIGH = 2
    LAG = 3
    QUIET = 4


class AdcTiming:
    """Clocks of the phases of a frame, from a part's data sheet.

    DOUT is taken at the end of the high phase, through a synchroniser of two clocks.
    """

    def __init__(self, part: AdcPart, clock_mhz: float) -> None:
        """Round up each time to clocks."""
        period = max(clocks(part.period, clock_mhz), clocks(part.delay, clock_mhz) + _SYNC + 1)
        half = max(clocks(part.setup, clock_mhz), clocks(part.hold, clock_mhz))
        period = max(period, 2 * half)
        self.low = period // 2
        self.high = period - self.low
        # Halves of odd numbers of clocks leave the duty cycle: 2 and 3 clocks are 40 %.
        first = clocks(part.first, clock_mhz) + _SYNC + 1
        self.lead = max(clocks(part.lead, clock_mhz), first, clocks(part.setup, clock_mhz))
        self.lag = clocks(part.lag, clock_mhz)
        rest = clocks(part.release + part.quiet, clock_mhz) - self.lag
        self.quiet = max(rest, 2)
        clocked = part.frame_bits * period - self.high
        self.frame = self.lead + clocked + self.lag + self.quiet
        self.sck_mhz = clock_mhz / period
        self.round = part.channels * self.frame
        self.round_us = self.round / clock_mhz


class AdcBank(wiring.Component):
    """Sample all taps round and round: one channel of every ADC a frame, all ADCs in parallel.

    Tap `n` is channel ``n % 16`` of ADC ``n // 16``; tap 2 c is the upper output of cell `c`, tap
    2 c + 1 the lower one. A frame writes the channel of the next and reads the sample of its own,
    which the ADC precedes with four bits of its channel. A sample goes on only when these are those
    that the frame before asked for: a frame with another address, or all 0 or all 1, is a fault of
    that ADC, said at the end of the frame (a channel whose address is like the stuck line passes
    once: within two frames), which stays until `clear_faults`. That also starts the ADCs anew, with
    two frames of ones, as after reset; the setting is written in every frame.

    A fault here does not park the heaters: their codes are still known. `failed` is for the locks
    to hold.

    Latency: from the edge of CS, at which an ADC samples, to `valid`, one frame and the number of
    the ADC in clocks. Throughput: see :class:`AdcTiming`: at 250 MHz a frame takes 1.28 us and a
    round of 16 channels 20 us (14 MHz of SCLK: DOUT is slower than the clock may be). No back-
    pressure: `valid` comes when it comes, up to once a clock. After reset CS is high.

    Parameters
    ----------
    taps : int
        1 to 4096, and no more ADCs than a frame has clocks.
    clock_mhz : float
        Clock of ``sync``, above 0 to 10000.
    part : AdcPart
        What is on the pins.

    Members
    -------
    clear_faults : In(1)
        Forget faults, start anew.
    sck, cs_n, din : Out(1)
        To all ADCs.
    dout : In(adcs)
        From each.
    valid : Out(1)
        A sample is there. Registered, as the next two.
    channel : Out(range(16 * adcs))
        Its tap.
    value : Out(12)
        Sample.
    faults, kinds : Out(adcs), Out(2 * adcs)
        ADCs that failed, and a `Kind` of each: of the first bad frame, or of a later one while
        that is ``ADDRESS``.
    failed : Out(1)
        Any of them.

    Raises
    ------
    ValueError
        When a parameter is out of range.

    Ref: see :mod:`lightloom.rtl.ocs.drive.parts`.
    """

    clear_faults: Signal
    sck: Signal
    cs_n: Signal
    din: Signal
    dout: Signal
    valid: Signal
    channel: Signal
    value: Signal
    faults: Signal
    kinds: Signal
    failed: Signal

    def __init__(self, taps: int, clock_mhz: float, *, part: AdcPart = AD7490) -> None:
        """Check the parameters and make the ports."""
        check_integer("taps", taps, 1, 4096)
        check_clock_mhz(clock_mhz)
        self.taps = taps
        self.part = part
        self.timing = AdcTiming(part, clock_mhz)
        self.adcs = -(-taps // part.channels)
        if self.adcs >= self.timing.frame:
            most = (self.timing.frame - 1) * part.channels
            raise ValueError(f"taps = {taps!r}; allowed: 1 to {most} at {clock_mhz:g} MHz")
        super().__init__(
            {
                "clear_faults": In(1),
                "sck": Out(1),
                "cs_n": Out(1),
                "din": Out(1),
                "dout": In(self.adcs),
                "valid": Out(1),
                "channel": Out(range(part.channels * self.adcs)),
                "value": Out(part.sample_bits),
                "faults": Out(self.adcs),
                "kinds": Out(2 * self.adcs),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence, the receivers and the queue of samples."""
        m = Module()
        t, part = self.timing, self.part
        bits, used = part.frame_bits, min(part.channels, self.taps)
        phase = Signal(_Phase, init=_Phase.QUIET)
        left = Signal(range(max(t.lead, t.low, t.high, t.lag, t.quiet)))
        bit = Signal(range(bits))
        done, begin, take, finish = (Signal(name=n) for n in ("done", "begin", "take", "finish"))
        select = Signal()
        clock = Signal(init=1)
        m.d.comb += [
            done.eq(left == 0),
            self.cs_n.eq(~select),
            self.sck.eq(clock),
        ]

        def go(where: _Phase, time: int) -> list[Any]:
            return [phase.eq(where), left.eq(time - 1)]

        sending = Signal(bits)
        m.d.comb += self.din.eq(sending[-1])
        m.d.sync += left.eq(Mux(done, 0, left - 1))
        with m.If(done), m.Switch(phase):
            with m.Case(_Phase.LEAD, _Phase.HIGH):
                m.d.comb += take.eq(1)
                m.d.sync += clock.eq(0)
                with m.If(bit == bits - 1):
                    m.d.sync += go(_Phase.LAG, t.lag)
                with m.Else():
                    m.d.sync += [*go(_Phase.LOW, t.low), bit.eq(bit + 1)]
            with m.Case(_Phase.LOW):
                m.d.sync += [*go(_Phase.HIGH, t.high), clock.eq(1), sending.eq(sending << 1)]
            with m.Case(_Phase.LAG):
                m.d.comb += finish.eq(1)
                m.d.sync += [*go(_Phase.QUIET, t.quiet), select.eq(0), clock.eq(1)]
            with m.Case(_Phase.QUIET):
                m.d.comb += begin.eq(1)
                m.d.sync += [*go(_Phase.LEAD, t.lead), select.eq(1), bit.eq(0)]

        # Frames of ones, then settings; what a frame is to show was asked for in that before.
        dummies = Signal(range(DUMMIES + 1), init=DUMMIES)
        wanted = Signal(4)  # by the frame that runs
        asked = Signal(4)  # of the frame that runs
        asked_for = Signal()
        wanted_for = Signal()
        with m.If(begin):
            word = Cat(Const(0, bits - 12), Const(_SETTINGS, 6), wanted, Const(0b10, 2))
            m.d.sync += sending.eq(Mux(dummies != 0, Const(2**bits - 1, bits), word))
        with m.If(finish):
            m.d.sync += [asked.eq(wanted), asked_for.eq(dummies == 0)]
            with m.If(dummies != 0):
                m.d.sync += dummies.eq(dummies - 1)
            with m.Else():
                m.d.sync += wanted.eq(Mux(wanted == used - 1, 0, wanted + 1))
        m.d.comb += wanted_for.eq(asked_for & (dummies == 0))
        with m.If(self.clear_faults):
            m.d.sync += [dummies.eq(DUMMIES), asked_for.eq(0), wanted.eq(0)]

        results, oks = [], []
        for number in range(self.adcs):
            echo = Signal(name=f"echo_{number}")
            m.submodules[f"echo_{number}"] = FFSynchronizer(self.dout[number], echo, stages=_SYNC)
            word = Signal(bits, name=f"word_{number}")
            ok = Signal(name=f"ok_{number}")
            with m.If(take):
                m.d.sync += word.eq(Cat(echo, word))
            m.d.comb += ok.eq(word[part.sample_bits :] == asked)
            results.append(word[: part.sample_bits])
            oks.append(ok & wanted_for)
            kind = self.kinds.word_select(number, 2)
            with m.If(self.clear_faults):
                m.d.sync += [self.faults[number].eq(0), kind.eq(Kind.GOOD)]
            with m.Elif(finish & wanted_for & ~ok & ((kind == Kind.GOOD) | (kind == Kind.ADDRESS))):
                # The frame in which a line broke has some address; the next shows what it is now.
                m.d.sync += [
                    self.faults[number].eq(1),
                    kind.eq(Mux(~word.any(), Kind.LOW, Mux(word.all(), Kind.HIGH, Kind.ADDRESS))),
                ]
        m.d.comb += self.failed.eq(self.faults.any())

        # The samples of a frame leave one a clock.
        size = part.sample_bits + 1
        queue = Signal(size * self.adcs)
        number = Signal(range(self.adcs + 1), init=self.adcs)
        of = Signal(4)
        m.d.sync += self.valid.eq(0)
        with m.If(finish):
            pairs = [Cat(result, ok) for result, ok in zip(results, oks, strict=True)]
            m.d.sync += [queue.eq(Cat(*pairs)), number.eq(0), of.eq(asked)]
        with m.Elif(number != self.adcs):
            tap = Cat(of, number)
            m.d.sync += [
                number.eq(number + 1),
                queue.eq(queue >> size),
                self.value.eq(queue[: size - 1]),
                self.channel.eq(tap),
                self.valid.eq(queue[size - 1] & (tap < self.taps)),
            ]
        return m
