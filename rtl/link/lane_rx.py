"""Receive lane: samples to decoded blocks."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data as layouts
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.counter import Counter
from lightloom.rtl.pcs.block import Decoder, Kind
from lightloom.rtl.pcs.block_lock import BlockLock
from lightloom.rtl.pcs.gearbox import RxGearbox
from lightloom.rtl.pcs.scrambler import Descrambler
from lightloom.rtl.pma.formats import RxFormat
from lightloom.rtl.pma.rx_lane import RxLane

__all__ = ["PRBS_WORDS_BITS", "LaneRx", "status"]

PRBS_WORDS_BITS = 48


def status(config: RxFormat) -> layouts.StructLayout:
    """Layout of the status of a lane, as it crosses to the registers."""
    return layouts.StructLayout(
        {
            "phase": 12,
            "frequency": 16,
            "taps": max(1, config.ffe_taps - 1) * config.tap_bits,
            "dfe": config.dfe_bits,
            "level": config.level_bits,
            "prbs_errors": 32,
            "prbs_words": PRBS_WORDS_BITS,
            "header_errors": 32,
            "block_errors": 32,
        }
    )


class LaneRx(wiring.Component):
    """One lane of the receiver: receive lane of `pma`, gearbox, block lock, descrambler, decoder.

    Works in ``sync``; rename it to the recovered clock. Latency: `RxFormat.decision_latency` clocks
    to the decisions, 1 gearbox, 1 descrambler and decoder; a block leaves `pcs_latency` clocks
    after the word that completes it. All that differs between lanes are inputs.

    Parameters
    ----------
    config : RxFormat
        Widths of the receive lane.

    Members
    -------
    samples : Signal(width * sample_bits), in
        Samples of the symbols of one clock.
    cdr_run, equalizer_run, lock_run : Signal(), in
        Let clock recovery, adaptation, block lock work.
    freeze_cdr : Signal(), in
        Hold the phase.
    prbs_enable : Signal(), in
        Check the test pattern.
    clear : Signal(), in
        Set the counters to 0.
    loopback : Signal(), in
        Use ``loop_word``, when ``loop_valid``, in place of the decisions.
    loop_word, loop_valid : Signal(width), Signal(), in
        Word of the near-end transmitter.
    decisions : Signal(width), out
        Decided bits.
    phase : Signal(12), out
        Phase interpolator code.
    cdr_locked, settled, prbs_locked, block_lock : Signal(), out
        State.
    kind, data : Signal(4), Signal(64), out
        Block as `block.Decoder` gives it, valid with ``valid``.
    valid : Signal(), out
        A block is present and block lock is held.
    status : Signal(status(config)), out
        Values for the registers.
    """

    samples: Signal
    cdr_run: Signal
    equalizer_run: Signal
    lock_run: Signal
    freeze_cdr: Signal
    prbs_enable: Signal
    clear: Signal
    loopback: Signal
    loop_word: Signal
    loop_valid: Signal
    decisions: Signal
    phase: Signal
    cdr_locked: Signal
    settled: Signal
    prbs_locked: Signal
    block_lock: Signal
    kind: Signal
    data: Signal
    valid: Signal
    status: layouts.View

    pcs_latency = 2

    def __init__(self, config: RxFormat) -> None:
        """Check the parameters and declare the members."""
        self.config = config
        width = config.width
        self._gearbox = RxGearbox(width=width)
        super().__init__(
            {
                "samples": In(width * config.sample_bits),
                "cdr_run": In(1),
                "equalizer_run": In(1),
                "lock_run": In(1),
                "freeze_cdr": In(1),
                "prbs_enable": In(1),
                "clear": In(1),
                "loopback": In(1),
                "loop_word": In(width),
                "loop_valid": In(1),
                "decisions": Out(width),
                "phase": Out(12),
                "cdr_locked": Out(1),
                "settled": Out(1),
                "prbs_locked": Out(1),
                "block_lock": Out(1),
                "kind": Out(4),
                "data": Out(64),
                "valid": Out(1),
                "status": Out(status(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        pma = m.submodules.pma = RxLane(self.config)
        gearbox = m.submodules.gearbox = self._gearbox
        lock = m.submodules.lock = BlockLock()
        descrambler = m.submodules.descrambler = Descrambler()
        decoder = m.submodules.decoder = Decoder()
        m.d.comb += [
            pma.samples.eq(self.samples),
            pma.enable.eq(self.cdr_run),
            pma.freeze_cdr.eq(self.freeze_cdr),
            pma.freeze_eq.eq(~self.equalizer_run),
            pma.prbs_enable.eq(self.prbs_enable),
            self.decisions.eq(pma.decisions),
            self.phase.eq(pma.phase),
            self.cdr_locked.eq(pma.cdr_locked),
            self.settled.eq(pma.settled),
            self.prbs_locked.eq(pma.prbs_locked),
            gearbox.i.eq(Mux(self.loopback, self.loop_word, pma.decisions)),
            gearbox.i_valid.eq(~self.loopback | self.loop_valid),
            gearbox.slip.eq(lock.slip),
            lock.header.eq(gearbox.o[:2]),
            lock.valid.eq(gearbox.o_valid),
            lock.restart.eq(~self.lock_run),
            self.block_lock.eq(lock.locked),
            descrambler.i.eq(gearbox.o[2:]),
            descrambler.enable.eq(gearbox.o_valid),
            decoder.header.eq(gearbox.o[:2]),
            decoder.payload.eq(descrambler.o),
        ]
        m.d.sync += self.valid.eq(gearbox.o_valid & lock.locked)
        with m.If(gearbox.o_valid):
            m.d.sync += [self.kind.eq(decoder.kind), self.data.eq(decoder.data)]

        errors = m.submodules.header_errors = Counter()
        blocks = m.submodules.block_errors = Counter()
        prbs_errors = m.submodules.prbs_errors = Counter(add_width=len(pma.prbs_errors))
        prbs_words = m.submodules.prbs_words = Counter(width=PRBS_WORDS_BITS)
        m.d.comb += [
            errors.add.eq(lock.error),
            blocks.add.eq(self.valid & (self.kind == Kind.ERROR)),
            prbs_errors.add.eq(pma.prbs_errors),
            prbs_words.add.eq(pma.prbs_valid),
            self.status.phase.eq(pma.phase),
            self.status.frequency.eq(pma.frequency),
            self.status.taps.eq(pma.taps),
            self.status.dfe.eq(pma.dfe),
            self.status.level.eq(pma.level),
            self.status.prbs_errors.eq(prbs_errors.value),
            self.status.prbs_words.eq(prbs_words.value),
            self.status.header_errors.eq(errors.value),
            self.status.block_errors.eq(blocks.value),
        ]
        for counter in (errors, blocks, prbs_errors, prbs_words):
            m.d.comb += counter.clear.eq(self.clear)
        return m
