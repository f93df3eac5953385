"""Wavelength lock of the rings on one bus: search, lock, hold, and search again on loss."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FRACTION", "RingLock"]

FRACTION = 8
"""Fraction bits of a heater's integrator."""


class RingLock(wiring.Component):
    """Tune rings to the lasers of a bus, each to the next wavelength, and keep them there.

    A ring's monitor, at its drop port, is brightest at resonance. Heat moves the resonance to the
    red, and only up. Rings are drawn alike and rest below the first wavelength; ring k is to have
    the k-th one. Light comes to ring 0 first, and a tuned ring takes its wavelength off the bus.

    Search: ring by ring, from ring 0. A ring's code rises from 0 by `sweep_step`, each after `wait`
    clocks; a peak is a reading of at least `threshold` that then falls by a quarter. The ring takes
    the first peak that is in order, and is set to where it was brightest.

    Order: wavelengths of locked rings before a ring are gone from the bus, so it can take none of
    them, and its first peak is its own. What dead lasers and dead rings make of that is caught by
    the codes, which are a spacing apart in rings that are alike: a peak counts when its code is
    above that of the next locked ring before by at least `slack`, half a spacing, and two more for
    each ring between; and as much below that of the next locked ring behind. `order` says that of
    the codes of all locked rings.

    Lock: in turn, each ring's code moves up and down by `amplitude`; the integrator goes up by
    ``(bright(up) - bright(down)) * 2**gain`` in 2**-FRACTION codes, by at most `sweep_step`, and
    stays in 0 to the top code. Loss: when both readings are below `hold`, the code stays for
    `patience` further turns; if light has not come back by then, the ring searches again.
    While one ring searches the others wait at their codes. A ring that finds no peak up to the top
    code has failed: it rests at 0, and is searched again
    when `enable` rises.

    Observable: the light that a ring drops. Not observable: which wavelength it is.

    Latency: a search has at most ``2**code_bits / sweep_step`` steps of `wait` and a sample, a turn
    of the lock two; where no sample comes within 2**17 clocks a reading is 0, so every search ends.
    Reset: codes 0, nothing locked.

    Parameters
    ----------
    rings : int
        1 to 16.
    code_bits : int
        Of a heater's DAC, 6 to 16.
    sample_bits : int
        Of a reading, 8 to 16.

    Members
    -------
    enable : In(1)
        Run; low: codes stay, at a rise failed rings are searched again.
    sample_valid, sample_channel, sample_value : In(1), In(ring bits), In(sample_bits)
        Readings of monitors.
    wait : In(16)
        Clocks from a new code to a reading that counts.
    sweep_step, amplitude : In(8), In(8)
        Codes; at least 1.
    slack : In(code_bits)
        Codes of half a spacing.
    gain : In(4)
        See above.
    threshold, hold : In(sample_bits)
        Least peak; least reading of a locked ring.
    patience : In(8)
        Turns without light before a search.
    codes : Out(rings * code_bits)
        To the heaters, ring 0 lowest.
    channel : Out(ring bits)
        Ring whose reading is wanted.
    locked, failed, dark : Out(rings)
        Ring is locked; its search found nothing; it is locked and held without light.
    searching : Out(1)
        A search is on.
    order : Out(1)
        See above, of the locked rings.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    enable: Signal
    sample_valid: Signal
    sample_channel: Signal
    sample_value: Signal
    wait: Signal
    sweep_step: Signal
    amplitude: Signal
    slack: Signal
    gain: Signal
    threshold: Signal
    hold: Signal
    patience: Signal
    codes: Signal
    channel: Signal
    locked: Signal
    failed: Signal
    dark: Signal
    searching: Signal
    order: Signal

    def __init__(self, rings: int, *, code_bits: int = 12, sample_bits: int = 12) -> None:
        """Check the parameters and make the ports."""
        for name, value, low, high in (
            ("rings", rings, 1, 16),
            ("code_bits", code_bits, 6, 16),
            ("sample_bits", sample_bits, 8, 16),
        ):
            if not low <= value <= high:
                raise ValueError(f"{name} = {value!r}; allowed: {low} to {high}")
        self.rings, self.code_bits, self.sample_bits = rings, code_bits, sample_bits
        ring_bits = max((rings - 1).bit_length(), 1)
        super().__init__(
            {
                "enable": In(1),
                "sample_valid": In(1),
                "sample_channel": In(ring_bits),
                "sample_value": In(sample_bits),
                "wait": In(16),
                "sweep_step": In(8),
                "amplitude": In(8),
                "slack": In(code_bits),
                "gain": In(4),
                "threshold": In(sample_bits),
                "hold": In(sample_bits),
                "patience": In(8),
                "codes": Out(rings * code_bits),
                "channel": Out(ring_bits),
                "locked": Out(rings),
                "failed": Out(rings),
                "dark": Out(rings),
                "searching": Out(1),
                "order": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the turns of search and lock."""
        m = Module()
        rings, bits = self.rings, self.code_bits
        top = (1 << bits) - 1
        ring = self.channel
        place = Signal(range(max(rings, 2)))
        centres = Signal(rings * (bits + FRACTION))
        missed = Signal(rings * 8)
        code = Signal(bits)  # what the ring in turn is given
        moving = Signal()
        m.d.comb += ring.eq(place)
        wide = bits + FRACTION
        centre = Signal(wide)
        count = Signal(8)
        m.d.comb += [
            centre.eq(centres.word_select(place, wide)),
            count.eq(missed.word_select(place, 8)),
        ]
        for k in range(rings):
            rest = centres[k * wide + FRACTION : (k + 1) * wide]
            m.d.comb += self.codes.word_select(k, bits).eq(Mux(moving & (place == k), code, rest))
        # What each ring's code may be, from the locked ones on either side; they ripple through.
        least = [Signal(bits, name=f"least_{k}") for k in range(rings)]
        most_at = [Signal(bits, init=top, name=f"most_{k}") for k in range(rings)]
        low_known = [Signal(name=f"low_known_{k}") for k in range(rings)]
        high_known = [Signal(name=f"high_known_{k}") for k in range(rings)]
        good = Signal(rings)
        floor, ceiling = Signal(bits), Signal(bits)
        for k in range(rings):
            mine = centres[k * wide + FRACTION : (k + 1) * wide]
            m.d.comb += good[k].eq(~self.locked[k] | ((mine >= least[k]) & (mine <= most_at[k])))
            with m.If(place == k):
                m.d.comb += [floor.eq(least[k]), ceiling.eq(most_at[k])]
            if k:
                last = centres[(k - 1) * wide + FRACTION : k * wide]
                low = Mux(self.locked[k - 1], last + self.slack, least[k - 1] + 2 * self.slack)
                m.d.sync += [
                    low_known[k].eq(self.locked[k - 1] | low_known[k - 1]),
                    least[k].eq(
                        Mux(self.locked[k - 1] | low_known[k - 1], Mux(low > top, top, low), 0)
                    ),
                ]
            if k < rings - 1:
                after = centres[(k + 1) * wide + FRACTION : (k + 2) * wide]
                high = Mux(self.locked[k + 1], after - self.slack, most_at[k + 1] - 2 * self.slack)
                m.d.sync += [
                    high_known[k].eq(self.locked[k + 1] | high_known[k + 1]),
                    most_at[k].eq(
                        Mux(self.locked[k + 1] | high_known[k + 1], Mux(high < 0, 0, high), top)
                    ),
                ]
        m.d.comb += self.order.eq(good.all())

        # A reading: the first sample of the ring after `wait`, or 0 where none comes.
        waited = Signal(17)
        reading = Signal(self.sample_bits)
        ready = Signal()
        due = waited >= self.wait
        with m.If(due & self.sample_valid & (self.sample_channel == place)):
            m.d.comb += [ready.eq(1), reading.eq(self.sample_value)]
        with m.Elif(waited == (1 << 17) - 1):
            m.d.comb += ready.eq(1)

        swept = Signal(bits + 9)
        best, best_at = Signal(self.sample_bits), Signal(bits)
        first = Signal(self.sample_bits)
        step = Signal(8)
        raised, lowered = Signal(bits + 2), Signal(signed(bits + 2))
        m.d.comb += [
            step.eq(Mux(self.sweep_step == 0, 1, self.sweep_step)),
            swept.eq(code + step),
            raised.eq(centre[FRACTION:] + self.amplitude),
            lowered.eq(centre[FRACTION:] - self.amplitude),
            self.searching.eq(0),
        ]
        slope = Signal(signed(self.sample_bits + 1))
        push = Signal(signed(self.sample_bits + 16))
        most = Signal(8 + FRACTION)
        move = Signal(signed(8 + FRACTION + 1))
        moved = Signal(signed(wide + 3))
        bounded = Signal(wide)
        m.d.comb += [
            slope.eq(first - reading),
            push.eq(slope << self.gain),
            most.eq(step << FRACTION),
            moved.eq(centre + move),
            bounded.eq(Mux(moved < 0, 0, Mux(moved > top << FRACTION, top << FRACTION, moved))),
        ]
        following = Mux(place == rings - 1, 0, place + 1)
        was_enabled = Signal()
        m.d.sync += [was_enabled.eq(self.enable), waited.eq(waited + 1)]
        with m.If(self.enable & ~was_enabled):
            m.d.sync += self.failed.eq(0)

        with m.FSM():
            with m.State("TURN"):
                m.d.sync += [waited.eq(0), best.eq(0), code.eq(0)]
                with m.If(~self.enable):
                    m.next = "TURN"
                with m.Elif(self.locked.bit_select(place, 1)):
                    m.d.sync += code.eq(Mux(raised > top, top, raised))
                    m.next = "UP"
                with m.Elif(self.failed.bit_select(place, 1)):
                    m.d.sync += place.eq(following)
                with m.Else():
                    m.next = "SEARCH"
            with m.State("SEARCH"):
                m.d.comb += [self.searching.eq(1), moving.eq(1)]
                brighter = reading > best
                fallen = (best >= self.threshold) & (reading < best - (best >> 2))
                ordered = (best_at >= floor) & (best_at <= ceiling)
                with m.If(~self.enable):
                    m.next = "TURN"
                with m.Elif(ready):
                    m.d.sync += [waited.eq(0), code.eq(swept)]
                    with m.If(brighter):
                        m.d.sync += [best.eq(reading), best_at.eq(code)]
                    with m.If(fallen & ordered):
                        m.d.sync += [
                            self.locked.bit_select(place, 1).eq(1),
                            centres.word_select(place, wide).eq(best_at << FRACTION),
                            missed.word_select(place, 8).eq(0),
                            place.eq(following),
                        ]
                        m.next = "TURN"
                    with m.Else():
                        with m.If(fallen):
                            m.d.sync += best.eq(reading)
                        with m.If(swept > top):
                            m.d.sync += [
                                self.failed.bit_select(place, 1).eq(1),
                                centres.word_select(place, wide).eq(0),
                                place.eq(following),
                            ]
                            m.next = "TURN"
            with m.State("UP"):
                m.d.comb += moving.eq(1)
                with m.If(~self.enable):
                    m.next = "TURN"
                with m.Elif(ready):
                    m.d.sync += [
                        first.eq(reading),
                        waited.eq(0),
                        code.eq(Mux(lowered < 0, 0, lowered)),
                    ]
                    m.next = "DOWN"
            with m.State("DOWN"):
                m.d.comb += moving.eq(1)
                with m.If(~self.enable):
                    m.next = "TURN"
                with m.Elif(ready):
                    m.d.sync += move.eq(Mux(push > most, most, Mux(push < -most, -most, push)))
                    m.next = "TURN"
                    with m.If((first < self.hold) & (reading < self.hold)):
                        # Held: light that comes back is found where it was.
                        m.d.sync += self.dark.bit_select(place, 1).eq(1)
                        with m.If(count >= self.patience):
                            m.d.sync += [
                                self.locked.bit_select(place, 1).eq(0),
                                self.dark.bit_select(place, 1).eq(0),
                            ]
                        with m.Else():
                            m.d.sync += [
                                missed.word_select(place, 8).eq(count + 1),
                                place.eq(following),
                            ]
                    with m.Else():
                        m.d.sync += [
                            self.dark.bit_select(place, 1).eq(0),
                            missed.word_select(place, 8).eq(0),
                        ]
                        m.next = "STEP"
            with m.State("STEP"):
                m.next = "TURN"
                with m.If(self.enable):
                    m.d.sync += [
                        centres.word_select(place, wide).eq(bounded),
                        place.eq(following),
                    ]
        return m
