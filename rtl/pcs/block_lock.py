"""Block lock: finds the block boundary from the sync headers.

Ref: IEEE Std 802.3-2022 figure 49-14 (lock state diagram) and 49.2.9.
"""

from amaranth import C, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["GOOD_TO_LOCK", "HOLD_OFF", "INVALID_TO_LOSE", "BlockLock", "Model"]

GOOD_TO_LOCK = 64
INVALID_TO_LOSE = 16
HOLD_OFF = 3
"""Items of blocks whose headers are ignored after a slip: it takes effect in blocks that come after
those in the gearbox."""


class Model:
    """Golden model of `BlockLock`: one call of `step` for the headers of a clock."""

    def __init__(self, headers: int = 1) -> None:
        """Start as after reset."""
        self.headers = headers
        self.locked = False
        self.count = 0
        self.invalid = 0
        self.hold_off = 0

    def step(self, *valid: bool) -> bool:
        """Take the headers of a clock, the first in time first, and say whether to slip."""
        if self.hold_off:
            self.hold_off -= 1
            return False
        for header in valid:
            self.count += 1
            self.invalid += not header
            if (not self.locked and not header) or self.invalid == INVALID_TO_LOSE:
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
    slip. After a slip the headers of `HOLD_OFF` clocks with ``valid`` are ignored. ``locked`` and
    ``slip`` are registered, one clock after the headers. ``restart`` clears the lock and the
    counters.

    Parameters
    ----------
    headers : int
        Headers of a clock with ``valid``: 1 or 2.

    Members
    -------
    header : Signal(2 * headers), in
        Sync headers, the first in time in the low bits, used with ``valid``.
    valid : Signal(), in
        Blocks are present.
    restart : Signal(), in
        Start again, not locked.
    slip : Signal(), out
        Pulse of one clock: move the boundary by one bit.
    locked : Signal(), out
        Block lock.
    error : Signal(range(headers + 1)), out
        Invalid headers of a clock while locked, for one clock.

    Raises
    ------
    ValueError
        ``headers`` is not allowed.

    Ref: IEEE Std 802.3-2022 figure 49-14.
    """

    header: Signal
    valid: Signal
    restart: Signal
    slip: Signal
    locked: Signal
    error: Signal

    def __init__(self, *, headers: int = 1) -> None:
        """Check the parameter and declare the members."""
        if headers not in (1, 2):
            raise ValueError(f"headers = {headers}; allowed: 1, 2")
        self.headers = headers
        super().__init__(
            {
                "header": In(2 * headers),
                "valid": In(1),
                "restart": In(1),
                "slip": Out(1),
                "locked": Out(1),
                "error": Out(range(headers + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        clocks = GOOD_TO_LOCK // self.headers  # of a window
        count = Signal(range(clocks))
        invalid = Signal(range(INVALID_TO_LOSE))
        hold_off = Signal(range(HOLD_OFF + 1))
        bad = Signal(range(self.headers + 1))
        pairs = [self.header.word_select(n, 2) for n in range(self.headers)]
        m.d.comb += bad.eq(sum((pair[0] == pair[1] for pair in pairs), C(0, 0)))
        # With a bad header in this clock the window has its 16th.
        most: Value = invalid == INVALID_TO_LOSE - 1
        for n in range(2, self.headers + 1):
            most |= (bad == n) & (invalid == INVALID_TO_LOSE - n)
        m.d.sync += self.slip.eq(0)
        m.d.sync += self.error.eq(0)
        with m.If(self.restart):
            m.d.sync += [self.locked.eq(0), count.eq(0), invalid.eq(0), hold_off.eq(0)]
        with m.Elif(self.valid):
            with m.If(hold_off != 0):
                m.d.sync += hold_off.eq(hold_off - 1)
            with m.Else():
                m.d.sync += self.error.eq(Mux(self.locked, bad, 0))
                with m.If(bad.any() & (~self.locked | most)):
                    m.d.sync += [self.locked.eq(0), count.eq(0), invalid.eq(0)]
                    m.d.sync += [self.slip.eq(1), hold_off.eq(HOLD_OFF)]
                with m.Else():
                    m.d.sync += count.eq(count + 1)
                    last = count == clocks - 1
                    m.d.sync += invalid.eq(Mux(last, 0, invalid + bad))
                    with m.If(last & ~bad.any() & (invalid == 0)):
                        m.d.sync += self.locked.eq(1)
        return m
