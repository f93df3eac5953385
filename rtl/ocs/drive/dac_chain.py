"""SPI master of chains of multi-channel DACs that proves its chains by their echo."""

from __future__ import annotations

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import enum, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_clock_mhz, check_integer
from lightloom.rtl.ocs.drive.parts import LTC2668, DacPart, clocks

__all__ = ["PROBE", "DacChains", "Kind", "Timing"]

PROBE = 8
"""Pulses of SCK with CS/LD high, after each update."""
_WRITE, _WRITE_UPDATE_ALL = 0, 2
_SYNC = 2


class Kind(enum.IntEnum, shape=3):
    """What the echo of a chain says of it."""

    GOOD = 0
    LOW = 1
    """All 0: SDO or SDI held low, SCK stuck, CS/LD stuck high, or a chip gone."""
    HIGH = 2
    """All 1: the same with a line held high."""
    SHORT = 3
    """One word early: a chip is bridged."""
    SELECT = 4
    """Moved by the pulses that a chip has to ignore: CS/LD stays low."""
    MIXED = 5
    """Something else: bit errors, or a chip that is broken in another way."""


class _Phase(enum.Enum, shape=3):
    LEAD = 0
    LOW = 1
    HIGH = 2
    LAG = 3
    GAP = 4
    PROBE_LOW = 5
    PROBE_HIGH = 6


class Timing:
    """Clocks of the phases of a frame, from a part's data sheet.

    SCK is low for as long as the next chip of a chain needs: `delay` and `setup`; the controller
    takes SDO at the end of the high phase, through a synchroniser of two clocks.
    """

    def __init__(self, part: DacPart, devices: int, clock_mhz: float) -> None:
        """Round up each time to clocks."""
        least_low = max(part.low, part.setup, part.delay + part.setup if devices > 1 else 0)
        self.low = clocks(least_low, clock_mhz)
        self.high = clocks(max(part.high, part.hold), clock_mhz)
        period = max(clocks(part.period, clock_mhz), clocks(part.delay, clock_mhz) + _SYNC + 1)
        self.low += max(0, period - self.low - self.high)
        self.lead = max(clocks(part.lead, clock_mhz), self.low)
        self.lag = clocks(part.lag, clock_mhz)
        self.gap = clocks(max(part.deselect, part.ignore), clock_mhz)
        self.bits = part.word_bits * devices
        pulses = self.bits * (self.low + self.high) - self.low
        self.frame = self.lead + pulses + self.lag + self.gap
        probe = PROBE * (self.low + self.high) + self.gap
        self.update = part.channels * self.frame + probe
        self.sck_mhz = clock_mhz / (self.low + self.high)
        self.update_us = self.update / clock_mhz


class DacChains(wiring.Component):
    """Keep the DACs at `codes`: frame after frame, all chains in parallel, without an end.

    Heater `n` is channel ``n % 16`` of device ``n // 16``; chain `c` has the devices from
    ``c * devices`` on, the first of them nearest to the controller. An update takes all codes at
    once and writes them channel by channel; the last frame makes all DACs change together (command
    0010, write one and update all), so the heaters of all chains change at one edge of CS/LD, as
    the codes did. The span of the DACs is set by their pins.

    Each chip puts out on SDO what it got a word before, so a frame brings back that of before:
    every bit is compared. Each word begins with eight bits that do not matter to a DAC, 0xA5 and
    0x5A in turn by device and frame: no frame is all 0, all 1, or like its neighbour. After each
    update come 8 pulses of SCK with CS/LD high, which a chip ignores; one whose CS/LD stays low
    shifts, and never takes a word: without these its echo would be perfect. A fault is said at the
    end of the frame that shows it, at most two frames after it began (CS/LD stuck low: at most one
    update and a frame), and stays until `clear_faults`.

    On a fault, and after reset until a frame has come back, `clr_n` is low, a wire of its own to
    the CLR of all chips: their outputs go to zero scale (by MSP pins) without SPI. The frames go
    on, and from the next update they carry 0 whatever the codes are: a chain whose CLR is cut and
    that still listens is parked by SPI. With SDI held low a chip sees "write 0 to channel 0, no
    update", with SDI held high "no operation": a dead chain holds its last codes until CLR comes.
    If CLR is cut there as well, only the supply of the heaters is left; `failed` is to switch it.

    Latency: codes are at the pins one to two updates later, see :class:`Timing`: 23, 50, 99 us for
    chains of 1, 2, 4 chips at 250 MHz, 22.7 to 20.8 MHz of SCK (SDO limits it, not SDI). Pulses of
    overdrive shorter than an update are lost: let a tick of the drive be no shorter.
    Throughput: one update after the other. No back-pressure. After reset CS/LD
    is high, SCK low.

    Parameters
    ----------
    cells : int
        Heaters, 1 to 4096.
    dac_bits : int
        Bits of a code, 1 to 16; the DAC gets them as its upper ones.
    clock_mhz : float
        Clock of ``sync``, above 0 to 10000.
    devices : int
        Chips in a chain, 1 to 16.
    part : DacPart
        What is on the pins.

    Members
    -------
    codes : In(cells * dac_bits)
        Cell 0 lowest.
    clear : In(1)
        CLR low, in the clock after, and updates of 0: for a park that does not wait for frames.
    clear_faults : In(1)
        Forget faults.
    sck, cs_n, clr_n : Out(1)
        To all chips; `sck` is registered, the others are registers inverted.
    sdi : Out(chains)
        To the first chip of each chain. Registered.
    sdo : In(chains)
        From the last chip of each chain.
    update : Out(1)
        High in the clock in which the DACs change.
    faults : Out(chains)
        Chains that failed.
    kinds : Out(3 * chains)
        A `Kind` of each: of the first bad frame, or of a later one while that is ``MIXED``.
    failed : Out(1)
        Any of them: park.

    Raises
    ------
    ValueError
        When a parameter is out of range.

    Ref: see :mod:`lightloom.rtl.ocs.drive.parts`.
    """

    codes: Signal
    clear: Signal
    clear_faults: Signal
    sck: Signal
    cs_n: Signal
    clr_n: Signal
    sdi: Signal
    sdo: Signal
    update: Signal
    faults: Signal
    kinds: Signal
    failed: Signal

    def __init__(
        self,
        cells: int,
        dac_bits: int,
        clock_mhz: float,
        *,
        devices: int = 4,
        part: DacPart = LTC2668,
    ) -> None:
        """Check the parameters and make the ports."""
        check_integer("cells", cells, 1, 4096)
        check_integer("dac_bits", dac_bits, 1, 16)
        check_clock_mhz(clock_mhz)
        check_integer("devices", devices, 1, 16)
        self.cells = cells
        self.dac_bits = dac_bits
        self.devices = devices
        self.part = part
        self.timing = Timing(part, devices, clock_mhz)
        self.chains = -(-cells // (part.channels * devices))
        super().__init__(
            {
                "codes": In(cells * dac_bits),
                "clear": In(1),
                "clear_faults": In(1),
                "sck": Out(1),
                "cs_n": Out(1),
                "clr_n": Out(1),
                "sdi": Out(self.chains),
                "sdo": In(self.chains),
                "update": Out(1),
                "faults": Out(self.chains),
                "kinds": Out(3 * self.chains),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the sequence and the chains."""
        m = Module()
        t, channels = self.timing, self.part.channels
        phase = Signal(_Phase, init=_Phase.GAP)
        left = Signal(range(max(t.low, t.high, t.lead, t.lag, t.gap) + 1))
        bit = Signal(range(max(t.bits, PROBE) + 1))
        channel = Signal(range(channels))
        odd = Signal()
        begin = Signal()  # load a frame
        snap = Signal()  # and take all codes
        shift = Signal()  # the bit on the lines is done
        finish = Signal()  # the frame is checked
        last = channel == channels - 1
        done = Signal()
        select = Signal()
        m.d.comb += [done.eq(left == 0), self.cs_n.eq(~select)]

        def go(where: _Phase, time: int) -> list[Any]:
            return [phase.eq(where), left.eq(time - 1)]

        m.d.sync += [left.eq(Mux(done, 0, left - 1)), self.update.eq(0)]
        with m.If(done), m.Switch(phase):
            with m.Case(_Phase.LEAD, _Phase.LOW):
                m.d.sync += [*go(_Phase.HIGH, t.high), self.sck.eq(1)]
            with m.Case(_Phase.HIGH):
                m.d.comb += shift.eq(1)
                m.d.sync += [self.sck.eq(0), bit.eq(bit - 1)]
                with m.If(bit == 0):
                    m.d.sync += go(_Phase.LAG, t.lag)
                with m.Else():
                    m.d.sync += go(_Phase.LOW, t.low)
            with m.Case(_Phase.LAG):
                m.d.comb += finish.eq(1)
                m.d.sync += [*go(_Phase.GAP, t.gap), select.eq(0), bit.eq(PROBE)]
                m.d.sync += [self.update.eq(last), odd.eq(~odd)]
                m.d.sync += channel.eq(Mux(last, 0, channel + 1))
            with m.Case(_Phase.GAP):
                with m.If((channel == 0) & (bit != 0)):
                    m.d.sync += go(_Phase.PROBE_LOW, t.low)
                with m.Else():
                    m.d.comb += [begin.eq(1), snap.eq(channel == 0)]
                    m.d.sync += [*go(_Phase.LEAD, t.lead), select.eq(1), bit.eq(t.bits - 1)]
            with m.Case(_Phase.PROBE_LOW):
                m.d.sync += [*go(_Phase.PROBE_HIGH, t.high), self.sck.eq(1), bit.eq(bit - 1)]
            with m.Case(_Phase.PROBE_HIGH):
                m.d.sync += [*go(_Phase.GAP, t.gap), self.sck.eq(0)]
                with m.If(bit != 0):
                    m.d.sync += go(_Phase.PROBE_LOW, t.low)

        faults = Signal(self.chains)
        whole = Signal()  # this frame began after the last clear_faults
        known = Signal()  # what the chains hold
        proved = Signal()
        with m.If(begin):
            m.d.sync += whole.eq(1)
        with m.If(self.clear_faults):
            m.d.sync += [whole.eq(0), known.eq(0), proved.eq(0)]
        with m.Elif(finish):
            m.d.sync += [known.eq(whole), proved.eq(known)]
        m.d.comb += [self.faults.eq(faults), self.failed.eq(faults.any())]
        m.d.sync += self.clr_n.eq(proved & ~self.failed & ~self.clear)

        for number in range(self.chains):
            self._chain(m, number, channel, odd, begin, snap, shift, finish, known, faults)
        return m

    def _chain(
        self,
        m: Module,
        number: int,
        channel: Signal,
        odd: Signal,
        begin: Signal,
        snap: Signal,
        shift: Signal,
        finish: Signal,
        known: Signal,
        faults: Signal,
    ) -> None:
        """One chain: what it is sent, what it has to answer, what is wrong when it does not."""
        part, bits = self.part, self.timing.bits
        word = part.word_bits
        final = channel == part.channels - 1
        command = Mux(final, Const(_WRITE_UPDATE_ALL, 4), Const(_WRITE, 4))
        frame = []
        for device in range(self.devices):
            first = (number * self.devices + device) * part.channels
            mine = min(max(self.cells - first, 0), part.channels)
            # The codes of a device turn, so that the next to be sent is at the bottom.
            held = Signal(part.channels * self.dac_bits, name=f"codes_{number}_{device}")
            stop = (self.failed | self.clear).replicate(mine * self.dac_bits)
            coming = self.codes[first * self.dac_bits : (first + mine) * self.dac_bits] & ~stop
            now = Mux(snap, coming, held) if mine else Const(0, len(held))
            if mine:
                with m.If(begin):
                    m.d.sync += held.eq(Cat(now[self.dac_bits :], now[: self.dac_bits]))
            mark = Const(0xA5, 8) ^ (odd ^ (device % 2)).replicate(8)
            data = Cat(Const(0, 16 - self.dac_bits), now[: self.dac_bits])
            frame.append(Cat(data, channel, command, mark))

        sending = Signal(bits, name=f"sending_{number}")
        sent = Signal(bits, name=f"sent_{number}")
        echo = Signal(name=f"echo_{number}")
        m.submodules[f"echo_{number}"] = FFSynchronizer(self.sdo[number], echo, stages=_SYNC)
        m.d.comb += self.sdi[number].eq(sending[-1])
        place = Signal(range(bits + 1), name=f"place_{number}")
        zeros, ones, exact, early, slipped = (
            Signal(name=f"{name}_{number}")
            for name in ("zeros", "ones", "exact", "early", "slipped")
        )
        # What comes back when all is well, when a chip is bridged, and when it moved by the probe.
        bridged = sent[-1 - word] if bits > word else sending[-1]
        moved = sent[-1 - PROBE]
        with m.If(begin):
            m.d.sync += [sending.eq(Cat(*frame)), place.eq(0)]
            m.d.sync += [zeros.eq(1), ones.eq(1), exact.eq(1), early.eq(1), slipped.eq(1)]
        with m.Elif(shift):
            # The line stays at 1 after a frame, for the probe.
            m.d.sync += [
                sending.eq(Cat(1, sending)),
                sent.eq(Cat(sending[-1], sent)),
                place.eq(place + 1),
                zeros.eq(zeros & ~echo),
                ones.eq(ones & echo),
                exact.eq(exact & (echo == sent[-1])),
                early.eq(early & (echo == bridged)),
                slipped.eq(slipped & ((echo == moved) | (place >= bits - PROBE))),
            ]
        kind = self.kinds.word_select(number, 3)
        with m.If(self.clear_faults):
            m.d.sync += [faults[number].eq(0), kind.eq(Kind.GOOD)]
        with m.Elif(finish & known & ~exact & ((kind == Kind.GOOD) | (kind == Kind.MIXED))):
            # The frame in which a line broke is mixed; the next shows what it is now.
            m.d.sync += faults[number].eq(1)
            with m.If(zeros):
                m.d.sync += kind.eq(Kind.LOW)
            with m.Elif(ones):
                m.d.sync += kind.eq(Kind.HIGH)
            with m.Elif(early):
                m.d.sync += kind.eq(Kind.SHORT)
            with m.Elif(slipped):
                m.d.sync += kind.eq(Kind.SELECT)
            with m.Else():
                m.d.sync += kind.eq(Kind.MIXED)
