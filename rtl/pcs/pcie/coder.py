"""Lane coder of 128b/130b: rows to line words and back.

What a row becomes: IDLE between frames is a data block of zeros (logical idle), inside a frame a
SKP set; START is SDS; DATA a data block; ERROR a set like the token EDB; END the set END and, when
the row has bytes, a data block after it; MARKER is EIEOS twice, SKP, and TS2 with the marker's
word.

The receiver does not know which lane's seed is sent to it. EIEOS sets the scrambler back and the
SKP set after it carries the seed in the clear, which must be one of the eight; that gives block
lock too. From then on each SKP set tells whether the descrambler is still right.

A damaged block is an ERROR row. Whether it moved the scrambler is judged by its symbols: 9 or more
of the first 12 those of SKP make it a SKP set, 12 or more of 16 those of EIEOS an EIEOS, whatever
its header. In between (4 to 8 of SKP), or when the state in a SKP set differs in more than 3 of 24
bits, the descrambler is doubtful: data blocks are ERROR rows until EIEOS or a SKP set shows it
right.

Each block makes one row, whatever it holds, so that a damaged block does not shift its lane against
others: EIEOS, SKP and an END that a data block follows are IDLE rows.

What passes undetected: bit errors in the payload of a data block (they hit the same bits of the
data, the scrambler multiplies none), and two errors that turn one header into the other while what
follows fits. Frames carry their own check against these. Ordered sets are compared whole; TS2
carries its word twice; END its code 15 times.

Ref: PCI Express Base Specification 5.0 sections 4.2.2 and 4.2.4; which sets move the scrambler is
recalled: all but SKP do, TS2 is scrambled but for its first symbol.
"""

from amaranth import Array, C, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring

from lightloom.rtl.pcs import seam
from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.pcie.gearbox130 import TxGearbox130
from lightloom.rtl.pcs.pcie.lock import BlockAlign
from lightloom.rtl.pcs.pcie.ordered_sets import (
    BLOCK,
    EIEOS,
    EMPTY,
    ERROR,
    FULL,
    HEADER_DATA,
    HEADER_SET,
    ID_END,
    ID_SKP,
    ID_TS2,
    NONE,
    SDS,
    SKP_END,
)
from lightloom.rtl.pcs.pcie.scrambler import SEEDS, STATE_BITS, Lfsr

__all__ = ["LIKE_EIEOS", "LIKE_SKP", "NEAR", "UNLIKE_SKP", "PcieRx", "PcieTx"]

LIKE_SKP = 9
"""Symbols of the first 12 that make a damaged block a SKP set."""
UNLIKE_SKP = 4
"""From so many on it may be one."""
LIKE_EIEOS = 12
"""Symbols of 16 that make a damaged block an EIEOS."""
NEAR = 3
"""Wrong bits in the state of a SKP set that do not make the descrambler doubtful."""

_TS2_TAIL = 0x45 * 0x01_01_01_01_01_01
_FIRST_SYMBOL = (1 << 128) - 1 ^ 0xFF


def _both(kind: int) -> int:
    return kind | kind << 4


def _end(code: Value) -> Value:
    """Payload of END with a code of 6 bits."""
    byte = Cat(code, C(0, 2))
    return Cat(C(ID_END, 8), *[byte if n % 2 else ~byte for n in range(1, 16)])


def _skp_tail(state: Value) -> Value:
    """The three symbols after the end symbol of a SKP set, first symbol in the high bits."""
    return Cat(state, ~state[-1])


class PcieTx(wiring.Component):
    """Lane coder, transmit.

    ``slot`` depends on the fill, on the blocks that a row still needs and on ``run`` only: lanes
    that are reset together and get rows of the same kind have it together. A row takes the time of
    one block, END with bytes two, MARKER four. Latency: `latency` clocks from the ``slot`` clock to
    the first line bits of the row at ``word``, and up to one more block time that the gearbox holds
    bits back; the data of an END row come one block later, the word of a MARKER three.

    The scrambler starts and restarts with the seed of the lane number in ``marker``.

    Parameters
    ----------
    bits : int
        Line bits a clock: 8 to 128.

    Members
    -------
    kinds, data : Signal(8), Signal(128), in
        Row of this lane as `rows.PcieSpread` gives it.
    marker : Signal(32), in
        Word that a MARKER row carries; bits 7:0 lane number, steady.
    seed : Signal(58), in
        Not used, the seed follows from the lane number.
    run : Signal(), in
        The line side moves.
    slot : Signal(), out
        The row is taken in this clock.
    word : Signal(bits), out
        Line bits, new after each ``run`` clock.

    Raises
    ------
    ValueError
        ``bits`` is out of range.
    """

    kinds: Signal
    data: Signal
    marker: Signal
    seed: Signal
    run: Signal
    slot: Signal
    word: Signal

    blocks = 2
    """Blocks of 64 bits a row."""
    latency = 2
    """Clocks from a row to its first line bits at `word`."""

    def __init__(self, bits: int) -> None:
        """Check the parameters and declare the members."""
        self.bits = bits
        self._gearbox = TxGearbox130(bits=bits)
        super().__init__(seam.transmit(self.blocks, bits))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        gearbox = m.submodules.gearbox = self._gearbox
        lfsr = m.submodules.lfsr = Lfsr()
        block = Signal(BLOCK, init=HEADER_DATA)
        started = Signal()
        in_frame = Signal()
        held = Signal(128)
        take = gearbox.i.ready
        m.d.sync += started.eq(1)
        m.d.comb += [
            gearbox.i.payload.eq(block),
            gearbox.i.valid.eq(1),
            gearbox.o.ready.eq(self.run),
            lfsr.seed.eq(Array(Const(seed, STATE_BITS) for seed in SEEDS)[self.marker[:3]]),
        ]
        with m.If(self.run):
            m.d.sync += self.word.eq(gearbox.o.payload)

        # What the block is; all but one of the last three leave the scrambler running.
        header = Signal(2)
        plain = Signal(128)
        scrambled = Signal()
        spared = Signal()  # the first symbol is not scrambled
        restart = Signal()
        hold = Signal()
        skp = Cat(C(ID_SKP, 8).replicate(12), C(SKP_END, 8), *self._tail(lfsr.state))
        ts2 = Cat(
            C(ID_TS2, 8), in_frame.replicate(8), self.marker, ~self.marker, C(_TS2_TAIL, 48)
        )
        m.d.comb += header.eq(HEADER_SET)

        def data_block(value: Value | int) -> list:
            return [header.eq(HEADER_DATA), plain.eq(value), scrambled.eq(1)]

        with m.FSM():
            with m.State("ROW"):
                m.d.comb += self.slot.eq(take)
                with m.If(self.kinds[3]):
                    m.d.comb += plain.eq(_end(Cat(self.kinds[:3], self.kinds[4:7])))
                    with m.If(take):
                        m.d.sync += [in_frame.eq(0), held.eq(self.data)]
                        with m.If(self.kinds[6]):
                            m.next = "BYTES"
                with m.Else(), m.Switch(self.kinds[:3]):
                    with m.Case(Kind.DATA):
                        m.d.comb += data_block(self.data)
                    with m.Case(Kind.IDLE):
                        with m.If(in_frame):
                            m.d.comb += [plain.eq(skp), hold.eq(1)]
                        with m.Else():
                            m.d.comb += data_block(0)
                    with m.Case(Kind.START):
                        m.d.comb += plain.eq(SDS)
                        with m.If(take):
                            m.d.sync += in_frame.eq(1)
                    with m.Case(Kind.MARKER):
                        m.d.comb += [plain.eq(EIEOS), restart.eq(1)]
                        with m.If(take):
                            m.next = "EIEOS"
                    with m.Default():
                        m.d.comb += plain.eq(ERROR)
                        with m.If(take):
                            m.d.sync += in_frame.eq(0)
            with m.State("BYTES"):
                m.d.comb += data_block(held)
                with m.If(take):
                    m.next = "ROW"
            with m.State("EIEOS"):
                m.d.comb += [plain.eq(EIEOS), restart.eq(1)]
                with m.If(take):
                    m.next = "SKP"
            with m.State("SKP"):
                m.d.comb += [plain.eq(skp), hold.eq(1)]
                with m.If(take):
                    m.next = "TS2"
            with m.State("TS2"):
                m.d.comb += [plain.eq(ts2), scrambled.eq(1), spared.eq(1)]
                with m.If(take):
                    m.next = "ROW"

        m.d.comb += lfsr.load.eq(~started | (take & restart))
        m.d.comb += lfsr.enable.eq(take & ~hold)
        mask = Cat((scrambled & ~spared).replicate(8), scrambled.replicate(120))
        with m.If(take):
            m.d.sync += block.eq(Cat(header, plain ^ (lfsr.key & mask)))
        return m

    @staticmethod
    def _tail(state: Value) -> list[Value]:
        tail = _skp_tail(state)
        return [tail[16:24], tail[8:16], tail[:8]]


class PcieRx(wiring.Component):
    """Lane coder, receive.

    ``locked`` comes with the SKP set of the first marker whose EIEOS is seen, at any bit offset;
    `lock.BlockAlign` says when it goes. Rows leave in order, each valid for one clock, one block a
    row. SKP sets may be 8 to 24 symbols long. Latency: `latency` clocks with ``i_valid`` from the
    word with the last bit of a block to its row. No back-pressure.

    Rows: MARKER with the word in ``data`` bits 31:0; the bytes of a frame's end with kinds as
    `row.Spread` over virtual lanes gives them; data blocks that are not zero between frames,
    damaged sets and blocks while the descrambler is doubtful as ERROR.

    Parameters
    ----------
    bits : int
        Line bits a clock: 8 to 128.

    Members
    -------
    i, i_valid : Signal(bits), Signal(), in
        Line bits.
    run : Signal(), in
        Low: search alignment again.
    locked : Signal(), out
        Block lock, and the lane's seed is known.
    kinds, data : Signal(8), Signal(128), out
        Two `block.Kind` and their data.
    valid : Signal(), out
        A row is present.
    header_errors : Signal(2), out
        Undefined headers and bad ordered sets seen in this clock while locked.

    Raises
    ------
    ValueError
        ``bits`` is out of range.
    """

    i: Signal
    i_valid: Signal
    run: Signal
    locked: Signal
    kinds: Signal
    data: Signal
    valid: Signal
    header_errors: Signal

    blocks = 2
    """Blocks of 64 bits a row."""
    latency = BlockAlign.latency + 2
    """Clocks with ``i_valid`` from a block's last word at `i` to its row."""

    def __init__(self, bits: int) -> None:
        """Check the parameters and declare the members."""
        self.bits = bits
        self._align = BlockAlign(bits=bits)
        super().__init__(seam.receive(self.blocks, bits, errors=2))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        align = m.submodules.align = self._align
        lfsr = m.submodules.lfsr = Lfsr()
        raw = align.payload
        m.d.comb += [
            align.i.eq(self.i),
            align.i_valid.eq(self.i_valid),
            align.restart.eq(~self.run),
            self.locked.eq(align.locked),
        ]

        # First clock: which set it is, and the scrambler.
        is_set = Signal()
        is_data = Signal()
        eieos = Signal()
        like_eieos = Signal()
        like_skp = Signal()
        doubtful = Signal()
        sds = Signal()
        end = Signal()
        error = Signal()
        ts2 = Signal()
        skp = Signal()  # a SKP set with the state expected
        unknown = Signal()
        code = raw[8:14]
        where = raw[8:13]
        bare = (code == EMPTY) | (code == NONE)
        skips = Signal(range(13))
        alike = Signal(range(17))
        bytes_of = [raw.word_select(n, 8) for n in range(16)]
        m.d.comb += [
            skips.eq(sum((byte == ID_SKP for byte in bytes_of[:12]), C(0, 1))),
            alike.eq(
                sum(
                    (byte == (EIEOS >> 8 * n & 0xFF) for n, byte in enumerate(bytes_of)), C(0, 1)
                )
            ),
            like_skp.eq(align.skp | (skips >= LIKE_SKP)),
            like_eieos.eq(~is_data & (alike >= LIKE_EIEOS)),
            doubtful.eq(~align.skp & ~is_data & (skips >= UNLIKE_SKP) & (skips < LIKE_SKP)),
            is_set.eq(align.header == HEADER_SET),
            is_data.eq((align.header == HEADER_DATA) & ~like_skp),
            eieos.eq(is_set & (raw == EIEOS)),
            sds.eq(is_set & (raw == SDS)),
            error.eq(is_set & (raw == ERROR)),
            end.eq(is_set & (raw == _end(code)) & (where <= NONE) & (code[5] | bare)),
            ts2.eq(is_set & (raw[:8] == ID_TS2)),
        ]
        known = Signal()
        seed = Signal(STATE_BITS)
        trusted = Signal()
        after_eieos = Signal()
        learn = Signal()
        state = align.skp_value[:STATE_BITS]
        whole = align.skp_value[-1] != state[-1]
        m.d.comb += learn.eq(
            align.skp & after_eieos & ~known & whole & Cat(state == s for s in SEEDS).any()
        )
        wrong = Signal(24)
        near = Signal()
        m.d.comb += [
            wrong.eq(align.skp_value ^ _skp_tail(lfsr.state)),
            near.eq(known & (sum(wrong, C(0, 1)) <= NEAR)),
            skp.eq(learn | (align.skp & known & (wrong == 0))),
            unknown.eq(~(skp | eieos | sds | end | error | ts2 | is_data)),
            align.confirm.eq(align.valid & after_eieos & skp),
            lfsr.load.eq(align.valid & (like_eieos | learn)),
            lfsr.seed.eq(Mux(learn, state, seed)),
            lfsr.enable.eq(align.valid & ~like_skp),
        ]
        with m.If(align.valid):
            m.d.sync += after_eieos.eq(like_eieos)
            with m.If(learn):
                m.d.sync += [known.eq(1), seed.eq(state)]
            with m.Elif(align.skp & after_eieos & ~near):
                m.d.sync += known.eq(0)
            with m.If(like_eieos):
                m.d.sync += trusted.eq(known)
            with m.Elif(skp):
                m.d.sync += trusted.eq(1)
            with m.Elif(doubtful | (align.skp & ~near)):
                m.d.sync += trusted.eq(0)
        with m.If(~align.aligned):
            m.d.sync += [after_eieos.eq(1), known.eq(0), trusted.eq(0)]

        # Second clock: the row.
        held = Signal(128)
        held_code = Signal(6)
        flags = {
            name: Signal(name=f"is_{name}")
            for name in ("valid", "data", "idle", "sds", "end", "error", "ts2", "bad", "header")
        }
        spare = Mux(ts2, _FIRST_SYMBOL, -1)
        m.d.sync += [flags["valid"].eq(align.valid), flags["header"].eq(align.error)]
        with m.If(align.valid):
            m.d.sync += [
                held.eq(raw ^ (lfsr.key & spare)),
                held_code.eq(code),
                flags["data"].eq(is_data & trusted),
                flags["idle"].eq(eieos | skp),
                flags["sds"].eq(sds),
                flags["end"].eq(end),
                flags["error"].eq(error),
                flags["ts2"].eq(ts2 & trusted),
                flags["bad"].eq(unknown),
            ]
        self._row(m, held, held_code, flags)
        return m

    def _row(self, m: Module, held: Signal, code: Signal, flags: dict[str, Signal]) -> None:
        """Second clock: what row the block is."""
        align = self._align
        in_frame = Signal()
        bytes_next = Signal()
        where = Signal(5)
        kinds = Signal(8)
        marker = Signal()
        word = held[16:48]
        here = flags["valid"] & align.locked
        m.d.comb += marker.eq(
            flags["ts2"]
            & (held == Cat(C(ID_TS2, 8), held[8].replicate(8), word, ~word, C(_TS2_TAIL, 48)))
        )
        m.d.comb += kinds.eq(_both(Kind.ERROR))
        with m.If(bytes_next):
            m.d.comb += kinds.eq(
                Mux(flags["data"], self._end_kinds(where), _both(Kind.ERROR))
            )
        with m.Elif(flags["data"]):
            with m.If(in_frame):
                m.d.comb += kinds.eq(_both(Kind.DATA))
            with m.Elif(held == 0):
                m.d.comb += kinds.eq(_both(Kind.IDLE))
        with m.Elif(marker):
            m.d.comb += kinds.eq(_both(Kind.MARKER))
        with m.Elif(flags["sds"]):
            m.d.comb += kinds.eq(_both(Kind.START))
        with m.Elif(flags["end"]):
            m.d.comb += kinds.eq(_both(Kind.IDLE))
            with m.If(~code[5]):
                m.d.comb += kinds.eq(self._end_kinds(code[:5]))
        with m.Elif(flags["idle"]):
            m.d.comb += kinds.eq(_both(Kind.IDLE))
        with m.If(flags["valid"]):
            m.d.sync += [bytes_next.eq(flags["end"] & code[5]), where.eq(code[:5])]
            with m.If(marker):
                m.d.sync += in_frame.eq(held[8])
            with m.Elif(flags["sds"]):
                m.d.sync += in_frame.eq(1)
            with m.Elif(flags["end"] | flags["error"]):
                m.d.sync += in_frame.eq(0)
            m.d.sync += [self.kinds.eq(kinds), self.data.eq(Mux(marker, word, held))]
        with m.If(~align.aligned):
            m.d.sync += [in_frame.eq(0), bytes_next.eq(0)]
        m.d.sync += self.valid.eq(here)
        spoilt = Signal()  # an ordered set that only the descrambler could show to be bad
        m.d.comb += spoilt.eq(flags["valid"] & flags["ts2"] & ~marker)
        bad_set = Signal()
        m.d.comb += bad_set.eq(flags["valid"] & flags["bad"] & ~flags["header"])
        reject = Signal()  # registered: the comparison is long, the count of faults can wait
        m.d.sync += reject.eq(spoilt | bad_set)
        m.d.comb += align.reject.eq(reject)
        m.d.sync += self.header_errors.eq(
            Mux(align.locked, flags["header"] + reject, 0)
        )

    @staticmethod
    def _end_kinds(where: Value) -> Value:
        """Kinds of the two virtual lanes for a code of END."""
        low = Cat(where[:3], C(1, 1))
        idle, data = C(Kind.IDLE, 4), C(Kind.DATA, 4)
        ends = Mux(where[3], Cat(data, low), Cat(low, idle))
        whole = Mux(where == FULL, _both(Kind.DATA), _both(Kind.IDLE))
        return Mux(where[4], whole, ends)
