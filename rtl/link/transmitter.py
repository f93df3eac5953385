"""The transmitter of all lanes: frames to DAC codes."""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link import coders
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.lane_tx import LaneTx, control
from lightloom.rtl.pcs.framer import Framer
from lightloom.rtl.pcs.narrow import Narrow
from lightloom.rtl.pcs.row import RowKind, frame_word
from lightloom.rtl.pcs.scrambler import STATE_BITS

__all__ = ["Transmitter", "seed"]


def seed(lane: int, bits: int) -> int:
    """Start of a lane's scrambler or pattern: odd multiples of the golden ratio, never zero."""
    return (0x9E37_79B9_7F4A_7C15 * (2 * lane + 1)) >> 3 & ((1 << bits) - 1) | 1


class Transmitter(wiring.Component):
    """Framer, rows to fewer lanes where the configuration has that, and the lanes.

    Latency: `Framer.latency`, then that of `LaneTx`. Throughput: a row in each ``slot``.
    Back-pressure: ``i.ready``, see `Framer`. Works in ``sync``.

    Parameters
    ----------
    config : Config
        What to build.

    Members
    -------
    i : stream.Interface(frame_word(blocks * lanes)), in
        Frames.
    enable : Signal(), in
        Frames may start.
    sent, aborted : Signal(), out
        As `Framer`.
    marker_word : Signal(24), in
        Marker word from bit 8 up.
    marker : Signal(), out
        A MARKER row is taken in this clock.
    wanted : Signal(lanes), in
        Lanes that the far end hears, 0 for all.
    announce, applied : Signal(lanes), out
        As `Narrow`; all lanes without it.
    control : Signal(lane_tx.control), in
        Of all lanes.
    invert : Signal(lanes), in
        Polarity of each lane.
    run : Signal(), in
        The line side moves; low while a loopback receiver is not ready for a word.
    slot : Signal(), out
        Pace of rows: a row is taken in this clock.
    words : Signal(lanes * bits), out
        Coded line bits of every lane, for loopback.
    codes : Signal(lanes * width * tx_dac_bits), out
        DAC codes.
    """

    i: stream.Interface
    enable: Signal
    sent: Signal
    aborted: Signal
    marker_word: Signal
    marker: Signal
    wanted: Signal
    announce: Signal
    applied: Signal
    control: data.View
    invert: Signal
    run: Signal
    slot: Signal
    words: Signal
    codes: Signal

    def __init__(self, config: Config) -> None:
        """Declare the members."""
        self.config = config
        lanes = config.lanes
        self.lanes = [LaneTx(config, coders.transmit(config)) for _ in range(lanes)]
        super().__init__(
            {
                "i": In(stream.Signature(frame_word(config.blocks * lanes))),
                "enable": In(1),
                "sent": Out(1),
                "aborted": Out(1),
                "marker_word": In(24),
                "marker": Out(1),
                "wanted": In(lanes),
                "announce": Out(lanes),
                "applied": Out(lanes),
                "control": In(control(config)),
                "invert": In(lanes),
                "run": In(1),
                "slot": Out(1),
                "words": Out(lanes * config.bits),
                "codes": Out(lanes * config.symbols_per_clock * config.tx_dac_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        config = self.config
        lanes, blocks = config.lanes, config.blocks
        framer = Framer(lanes=blocks * lanes, marker_rows=config.marker_rows)
        m.submodules.framer = framer
        spread = m.submodules.spread = coders.spread(config)
        wiring.connect(m, wiring.flipped(self.i), framer.i)
        is_marker = framer.o.kind == RowKind.MARKER
        lane_slot = Signal()
        m.d.comb += [
            framer.enable.eq(self.enable),
            framer.slot.eq(self.slot),
            self.sent.eq(framer.sent),
            self.aborted.eq(framer.aborted),
            self.marker.eq(self.slot & is_marker),
            spread.kind.eq(framer.o.kind),
            spread.count.eq(framer.o.count),
        ]
        kinds, content = self._narrowed(m, spread.kinds, framer.o.data, is_marker, lane_slot)

        self._lanes(m, self.control)
        for number, lane in enumerate(self.lanes):
            identity = self._constant(m, number, 8, f"lane_number_{number}")
            m.d.comb += [
                lane.kinds.eq(kinds.word_select(number, 4 * blocks)),
                lane.data.eq(content.word_select(number, 64 * blocks)),
                lane.marker.eq(Cat(identity, self.marker_word)),
            ]
        # All lanes' gearboxes move together; asking all keeps the lanes' modules equal.
        m.d.comb += lane_slot.eq(Cat(lane.slot for lane in self.lanes).all())
        return m

    def _lanes(self, m: Module, told: Any) -> None:
        """Add the lanes, connected but for the rows they take."""
        config = self.config
        size = config.symbols_per_clock * config.tx_dac_bits
        for number, lane in enumerate(self.lanes):
            m.submodules[f"lane_{number}"] = lane
            start = seed(number, STATE_BITS)
            m.d.comb += [
                lane.seed.eq(self._constant(m, start, STATE_BITS, f"lane_seed_{number}")),
                lane.run.eq(self.run),
                lane.control.eq(told),
                lane.invert.eq(self.invert[number]),
                self.words.word_select(number, config.bits).eq(lane.word),
                self.codes.word_select(number, size).eq(lane.codes),
            ]

    @staticmethod
    def _constant(m: Module, value: int, width: int, name: str) -> Signal:
        """A register that holds `value`.

        A constant would be folded into the lane's module, and no two lanes would be alike in the
        Verilog.
        """
        held = Signal(width, init=value, name=name)
        m.d.sync += held.eq(value)
        return held

    def _narrowed(
        self, m: Module, kinds: Any, content: Any, is_marker: Any, lane_slot: Signal
    ) -> tuple[Any, Any]:
        """Blocks of the lanes, and the pace of rows, with or without lanes left out."""
        lanes = self.config.lanes
        if not self.config.degradable:
            everyone = (1 << lanes) - 1
            m.d.comb += [
                self.slot.eq(lane_slot),
                self.announce.eq(everyone),
                self.applied.eq(everyone),
            ]
            return kinds, content
        narrow = m.submodules.narrow = Narrow(lanes=lanes, blocks=self.config.blocks)
        m.d.comb += [
            narrow.kinds.eq(kinds),
            narrow.data.eq(content),
            narrow.marker.eq(is_marker),
            narrow.slot.eq(lane_slot),
            narrow.wanted.eq(self.wanted),
            self.slot.eq(narrow.take),
            self.announce.eq(narrow.announce),
            self.applied.eq(narrow.applied),
        ]
        return narrow.o_kinds, narrow.o_data
