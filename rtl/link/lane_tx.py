"""Transmit lane: rows' blocks to DAC codes."""

from typing import Any

from amaranth import Module, Signal, signed
from amaranth.lib import data as layouts
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.config import Config
from lightloom.rtl.pcs.scrambler import STATE_BITS
from lightloom.rtl.pma.pattern import SEED_BITS, TRAINING
from lightloom.rtl.pma.tx_lane import TxLane

__all__ = ["LaneTx", "control"]


def control(config: Config) -> layouts.StructLayout:
    """What all transmit lanes are told alike.

    `enable`, `inject`, `precode`: as `pma.tx_lane.TxLane`. `prbs`: send the test pattern. `train`:
    send the training pattern. `pre2`, `pre`, `main`, `post`: taps in DAC steps.
    """
    tap = signed(config.tx_dac_bits)
    return layouts.StructLayout(
        {
            "enable": 1,
            "prbs": 1,
            "train": 1,
            "inject": 1,
            "precode": 1,
            "pre2": tap,
            "pre": tap,
            "main": tap,
            "post": tap,
        }
    )


class LaneTx(wiring.Component):
    """One lane of the transmitter: line coder of the profile, test patterns and equalizer.

    Lanes that are reset together have ``slot`` together. Latency from a row in a ``slot`` clock to
    its first symbol at ``codes``: ``coder.latency`` and ``TxLane.latency`` clocks, and up to one
    more row time that gearboxes hold bits back. All that differs between lanes are inputs.

    Parameters
    ----------
    config : Config
        Widths and modulation.
    coder : component
        Transmit coder of the profile (`link.coders`).

    Members
    -------
    kinds, data : Signal(4 * blocks), Signal(64 * blocks), in
        Blocks of a row, used in a ``slot`` clock.
    marker : Signal(32), in
        Marker word (`pcs.block`).
    seed : Signal(58), in
        Scrambler state to start from, loaded in the first clock after reset.
    run : Signal(), in
        The line side moves; low while a loopback receiver is not ready for a word.
    slot : Signal(), out
        A row is taken in this clock.
    word : Signal(bits), out
        Line bits of the coded data, new after each ``run`` clock.
    control : Signal(control(config)), in
        Common to all lanes.
    invert : Signal(), in
        Polarity.
    codes : Signal(width * dac_bits), out
        DAC codes.
    """

    kinds: Signal
    data: Signal
    marker: Signal
    seed: Signal
    run: Signal
    slot: Signal
    word: Signal
    control: layouts.View
    invert: Signal
    codes: Signal

    def __init__(self, config: Config, coder: Any) -> None:
        """Declare the members."""
        self.config = config
        self.coder = coder
        dac_bits = config.tx_dac_bits
        self.pma = TxLane(
            width=config.symbols_per_clock,
            dac_bits=dac_bits,
            modulation=config.modulation,
            taps=len(config.tx_ffe),
            patterns=("prbs31", TRAINING[config.modulation]),
        )
        super().__init__(
            {
                "kinds": In(4 * coder.blocks),
                "data": In(64 * coder.blocks),
                "marker": In(32),
                "seed": In(STATE_BITS),
                "run": In(1),
                "slot": Out(1),
                "word": Out(config.bits),
                "control": In(control(config)),
                "invert": In(1),
                "codes": Out(config.symbols_per_clock * dac_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        coder = m.submodules.coder = self.coder
        told = self.control
        pma = m.submodules.pma = self.pma
        m.d.comb += [
            coder.kinds.eq(self.kinds),
            coder.data.eq(self.data),
            coder.marker.eq(self.marker),
            coder.seed.eq(self.seed),
            coder.run.eq(self.run),
            self.slot.eq(coder.slot),
            self.word.eq(coder.word),
            pma.data.eq(coder.word),
            pma.enable.eq(told.enable),
            pma.prbs_enable.eq(told.prbs | told.train),
            pma.prbs_select.eq(~told.prbs),
            pma.prbs_seed.eq(self.seed[:SEED_BITS]),
            pma.inject.eq(told.inject),
            pma.invert.eq(self.invert),
            self.codes.eq(pma.codes),
        ]
        for tap in ("pre2", "pre", "main", "post")[-len(self.config.tx_ffe) :]:
            m.d.comb += getattr(pma, tap).eq(told[tap])
        if pma.with_precoder:
            m.d.comb += pma.precode.eq(told.precode)
        return m
