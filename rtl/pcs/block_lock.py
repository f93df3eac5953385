"""Block lock: finds the block boundary from the sync headers.

Ref: IEEE Std 802.3-2022 figure 49-14 (lock state diagram) and 49.2.9.
"""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["GOOD_TO_LOCK", "HOLD_OFF", "INVALID_TO_LOSE", "BlockLock", "Model"]

GOOD_TO_LOCK = 64
INVALID_TO_LOSE = 16
HOLD_OFF = 3
"""Headers ignored after a slip: it takes effect in blocks that come after those in the gearbox."""


class Model:
    """Golden model of `BlockLock`: one call of `step` a header."""

    def __init__(self) -> None:
        """Start as after reset."""
        self.locked = False
        self.count = 0
        self.invalid = 0
        self.hold_off = 0

    def step(self, valid: bool) -> bool:
        """Take a header and say whether to slip."""
        if self.hold_off:
            self.hold_off -= 1
            return False
        self.count += 1
        self.invalid += not valid
        if (not self.locked and not valid) or self.invalid == INVALID_TO_LOSE:
            self.locked = False
            self.count = self.invalid = 0
            self.hold_off = HOLD_OFF
            return True
        if self.count == GOOD_TO_LOCK:
            self.locked |= self.invalid == 0
            self.count = self.invalid = 0
        return False


class BlockLock(wiring.Component):
    """Block lock state machine.

    Not locked: 64 valid headers in a row give lock, an invalid one asks for a slip. Locked: windows
    of 64 headers; the 16th invalid header of a window takes the lock away at once and asks for a
    slip. After a slip the next `HOLD_OFF` headers are ignored. ``locked`` and ``slip`` are
    registered, one clock after the header; one header a clock at most. ``restart`` clears the lock
    and the counters.

    Members
    -------
    header : Signal(2), in
        Sync header, used with ``valid``.
    valid : Signal(), in
        A block is present.
    restart : Signal(), in
        Start again, not locked.
    slip : Signal(), out
        Pulse of one clock: move the boundary by one bit.
    locked : Signal(), out
        Block lock.
    error : Signal(), out
        Pulse of one clock: invalid header while locked.

    Ref: IEEE Std 802.3-2022 figure 49-14.
    """

    header: Signal
    valid: Signal
    restart: Signal
    slip: Signal
    locked: Signal
    error: Signal

    def __init__(self) -> None:
        """Check the parameters and declare the members."""
        super().__init__(
            {
                "header": In(2),
                "valid": In(1),
                "restart": In(1),
                "slip": Out(1),
                "locked": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        count = Signal(range(GOOD_TO_LOCK))
        invalid = Signal(range(INVALID_TO_LOSE))
        hold_off = Signal(range(HOLD_OFF + 1))
        bad = Signal()
        m.d.comb += bad.eq(self.header[0] == self.header[1])
        m.d.sync += self.slip.eq(0)
        m.d.sync += self.error.eq(0)
        with m.If(self.restart):
            m.d.sync += [self.locked.eq(0), count.eq(0), invalid.eq(0), hold_off.eq(0)]
        with m.Elif(self.valid):
            with m.If(hold_off != 0):
                m.d.sync += hold_off.eq(hold_off - 1)
            with m.Else():
                m.d.sync += self.error.eq(bad & self.locked)
                with m.If(bad & (~self.locked | (invalid == INVALID_TO_LOSE - 1))):
                    m.d.sync += [self.locked.eq(0), count.eq(0), invalid.eq(0)]
                    m.d.sync += [self.slip.eq(1), hold_off.eq(HOLD_OFF)]
                with m.Else():
                    m.d.sync += count.eq(count + 1)
                    last = count == GOOD_TO_LOCK - 1
                    m.d.sync += invalid.eq(Mux(last, 0, invalid + bad))
                    with m.If(last & ~bad & (invalid == 0)):
                        m.d.sync += self.locked.eq(1)
        return m
