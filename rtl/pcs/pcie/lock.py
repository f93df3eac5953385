"""Block alignment of 128b/130b: finds EIEOS at any bit, then follows blocks of changing length.

Ref: PCI Express Base Specification 5.0 section 4.2.2.2.1, its phases unaligned, aligned and locked
(from a secondary source). How many faults take the lock away is this design's.
"""

from collections.abc import Iterator

from amaranth import C, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.pcie.gearbox130 import check_bits
from lightloom.rtl.pcs.pcie.ordered_sets import (
    BLOCK,
    EIEOS,
    HEADER_SET,
    ID_SKP,
    SKP_END,
    SKP_LENGTHS,
)

__all__ = ["FAULTS_TO_LOSE", "SHORT_SETS", "WINDOW", "BlockAlign", "blocks"]

FAULTS_TO_LOSE = 8
WINDOW = 64
SHORT_SETS = 3
"""SKP sets of 8 symbols that may follow each other when a clock brings more bits than they have."""

_EIEOS_BLOCK = EIEOS << 2 | HEADER_SET
_HISTORY = BLOCK - 1
_RUN = 32  # EIEOS: the header, then runs of this many equal bits, zeros first


def _skp_end(block: int) -> int | None:
    """Bits of the SKP set that `block` starts with, None when its end is not found."""
    for length in SKP_LENGTHS:
        if block >> (length - 32) & 0xFF == SKP_END:
            return length
    return None


def blocks(stream: int, length: int) -> Iterator[tuple[int, int]]:
    """Golden model: blocks (length in bits, value) after the first EIEOS of a bit stream."""
    mask = (1 << BLOCK) - 1
    place = 0
    while stream >> place & mask != _EIEOS_BLOCK:
        place += 1
        if place + BLOCK > length:
            return
    place += BLOCK
    while True:
        # Bits that have not come read as zero, which ends no set.
        head = stream >> place & ((1 << SKP_LENGTHS[-1]) - 1)
        size = BLOCK
        if head & 0x3FF == ID_SKP << 2 | HEADER_SET:
            found = _skp_end(head)
            if found is None and place + SKP_LENGTHS[-1] > length:
                return
            size = found or BLOCK
        if place + size > length:
            return
        yield size, stream >> place & ((1 << size) - 1)
        place += size


class BlockAlign(wiring.Component):
    """Words to blocks.

    Search: EIEOS with its header (130 bits) is looked for at every bit offset of every word; it is
    met at one offset at most. Aligned: blocks leave from the one after that EIEOS. A block with an
    undefined header or a pulse of ``reject`` starts the search again, ``confirm`` gives the lock,
    unless the next block has an undefined header in that clock. Locked: headers and ``reject`` are
    counted in windows of `WINDOW` blocks; fault number `FAULTS_TO_LOSE` of a window starts the
    search again at once. So does ``restart``, and a stream of SKP sets so short that blocks leave
    more slowly than bits come (`SHORT_SETS`; not with 66 bits or fewer).

    A block that begins as a SKP set ends where its end symbol says (66 to 194 bits); without an end
    symbol it is taken as 130 bits and ``skp`` is low. One block leaves at most in a clock; the
    whole pipeline moves with ``i_valid``. No back-pressure. Latency: 5 clocks with ``i_valid`` from
    the word with the last bit of a block to ``valid``.

    Parameters
    ----------
    bits : int
        Bits of a word: 8 to 128.

    Members
    -------
    i, i_valid : Signal(bits), Signal(), in
        Word.
    restart : Signal(), in
        Search.
    confirm, reject : Signal(), in
        Pulses of the decoder: a block could only come with the right alignment; a bad ordered set.
    header, payload : Signal(2), Signal(128), out
        Block, with ``valid``.
    skp : Signal(), out
        The block is a SKP set.
    skp_value : Signal(24), out
        Its last three symbols, the first in the high bits.
    valid : Signal(), out
        A block is present, aligned or locked.
    aligned, locked : Signal(), out
        Phase; ``aligned`` stays high while locked.
    error : Signal(), out
        Pulse with ``valid``: undefined header while locked.

    Raises
    ------
    ValueError
        ``bits`` is out of range.

    Ref: PCI Express Base Specification 5.0 section 4.2.2.2.1.
    """

    i: Signal
    i_valid: Signal
    restart: Signal
    confirm: Signal
    reject: Signal
    header: Signal
    payload: Signal
    skp: Signal
    skp_value: Signal
    valid: Signal
    aligned: Signal
    locked: Signal
    error: Signal

    latency = 5
    """Clocks from the word with the last bit of a block to the block."""

    def __init__(self, *, bits: int) -> None:
        """Check the parameters and declare the members."""
        check_bits(bits)
        self.bits = bits
        super().__init__(
            {
                "i": In(bits),
                "i_valid": In(1),
                "restart": In(1),
                "confirm": In(1),
                "reject": In(1),
                "header": Out(2),
                "payload": Out(128),
                "skp": Out(1),
                "skp_value": Out(24),
                "valid": Out(1),
                "aligned": Out(1),
                "locked": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        bits = self.bits
        # Clock 1: the word. Clock 2: EIEOS at each offset. Clock 3: the offset. Clock 4: the stock.
        words = [Signal(bits, name=f"word_{n}") for n in range(3)]
        hits = Signal(bits)
        last = words[2]
        with m.If(self.i_valid):
            m.d.sync += [words[0].eq(self.i), words[1].eq(words[0]), words[2].eq(words[1])]
            m.d.sync += hits.eq(Mux(self.aligned, 0, self._search(m, words[0])))
        offset = Signal(range(bits))
        for n in range(bits):
            with m.If(hits[n]):
                m.d.comb += offset.eq(bits - 1 - n)

        # Bits of blocks not complete, and where the next word's bit 0 goes, plus `bits`: the first
        # word brings the end of EIEOS, which falls off below.
        most = SKP_LENGTHS[-1] - 1 + bits + SHORT_SETS * max(0, bits - SKP_LENGTHS[0])
        stock = Signal(most)
        place = Signal(range(most + bits + 1))
        joined = Signal(most + 2 * bits)
        m.d.comb += joined.eq(Cat(C(0, bits), stock) | (last << place))
        header = stock[:2]
        begins = Signal()
        ends = Signal(len(SKP_LENGTHS))
        m.d.comb += begins.eq(stock[:10] == Cat(C(HEADER_SET, 2), C(ID_SKP, 8)))
        m.d.comb += ends.eq(Cat(stock[n - 32 : n - 24] == SKP_END for n in SKP_LENGTHS))
        take = Signal()
        length = Signal(range(SKP_LENGTHS[-1] + 1))
        value = Signal(24)

        def has(count: int) -> Value:
            return place >= count + bits

        m.d.comb += length.eq(BLOCK)
        m.d.comb += take.eq(has(BLOCK))
        with m.If(begins):
            m.d.comb += take.eq(has(SKP_LENGTHS[-1]))
            for n, size in reversed(list(enumerate(SKP_LENGTHS))):
                with m.If(ends[n]):
                    m.d.comb += [length.eq(size), take.eq(has(size))]
                    m.d.comb += value.eq(
                        Cat(stock[at : at + 8] for at in (size - 8, size - 16, size - 24))
                    )
        next_stock = Signal(most)
        next_place = Signal(range(most + 2 * bits + 1))
        m.d.comb += next_stock.eq(joined[bits:])
        m.d.comb += next_place.eq(place + bits)
        with m.If(take):
            m.d.comb += next_place.eq(place + bits - length)
            with m.Switch(length):
                for size in SKP_LENGTHS:
                    with m.Case(size):
                        m.d.comb += next_stock.eq(joined[bits + size :])
        overflow = Signal()
        m.d.comb += overflow.eq(next_place > most + bits)

        step = Signal()
        m.d.comb += step.eq(self.i_valid & self.aligned)
        m.d.sync += self.valid.eq(step & take)
        bad = Signal()
        m.d.comb += bad.eq(step & take & (header[0] == header[1]))
        m.d.sync += self.error.eq(bad & self.locked)
        with m.If(step):
            m.d.sync += [stock.eq(next_stock), place.eq(next_place)]
            m.d.sync += [
                self.header.eq(header),
                self.payload.eq(stock[2:BLOCK]),
                self.skp.eq(begins & ends.any()),
                self.skp_value.eq(value),
            ]

        count = Signal(range(WINDOW))
        faults = Signal(range(FAULTS_TO_LOSE + 2))
        next_faults = Signal(range(FAULTS_TO_LOSE + 2))
        lost = Signal()
        m.d.comb += next_faults.eq(faults + bad + self.reject)
        m.d.comb += lost.eq(
            (step & overflow)
            | Mux(self.locked, next_faults >= FAULTS_TO_LOSE, bad | self.reject)
        )
        with m.If(self.restart | (self.aligned & lost)):
            m.d.sync += [self.aligned.eq(0), self.locked.eq(0), self.valid.eq(0), hits.eq(0)]
        with m.Elif(self.aligned):
            with m.If(self.confirm & ~self.locked):
                m.d.sync += [self.locked.eq(1), count.eq(0), faults.eq(0)]
            with m.Else():
                m.d.sync += faults.eq(next_faults)
                with m.If(step & take):
                    m.d.sync += count.eq(count + 1)
                    with m.If(count == WINDOW - 1):
                        m.d.sync += faults.eq(0)
        with m.Elif(self.i_valid & hits.any()):
            m.d.sync += [self.aligned.eq(1), place.eq(offset), stock.eq(0)]
        return m

    def _search(self, m: Module, word: Signal) -> Value:
        """Whether EIEOS starts at each of the `bits` first offsets of the last bits and `word`."""
        bits = self.bits
        history = Signal(_HISTORY)
        window = Signal(_HISTORY + bits)
        m.d.comb += window.eq(Cat(history, word))
        with m.If(self.i_valid):
            m.d.sync += history.eq(window[bits:])
        runs = []
        for name, start in (("zeros", ~window), ("ones", window)):
            run = Signal.like(window, name=f"{name}_1")
            m.d.comb += run.eq(start)
            size = 1
            while size < _RUN:
                longer = Signal.like(window, name=f"{name}_{2 * size}")
                m.d.comb += longer.eq(run & (run >> size))
                run, size = longer, 2 * size
            runs.append(run)
        zeros, ones = runs
        found = window & (~window >> 1)
        for run, at in ((zeros, 0), (ones, 1), (zeros, 2), (ones, 3)):
            found &= run >> (2 + _RUN * at)
        return found[:bits]
