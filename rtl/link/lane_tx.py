"""Transmit lane: rows' blocks to DAC codes."""

from typing import Any

from amaranth import Module, Signal, signed
from amaranth.lib import data as layouts
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.link.config import Config
from lightloom.rtl.pcs.scrambler import STATE_BITS
from lightloom.rtl.pma.tx_lane import TxLane

__all__ = ["LaneTx", "control"]


def control(config: Config) -> layouts.StructLayout:
    """What all transmit lanes are told alike.

    `enable`, `prbs`, `inject`: as `pma.tx_lane.TxLane`. `pre`, `main`, `post`: taps in DAC steps.
    """
    dac_bits = config.tx_dac_bits
    return layouts.StructLayout(
        {
            "enable": 1,
            "prbs": 1,
            "inject": 1,
            "pre": signed(dac_bits),
            "main": signed(dac_bits),
            "post": signed(dac_bits),
        }
    )


class LaneTx(wiring.Component):
    """One lane of the transmitter: line coder of the profile, test patterns and equalizer.

    Lanes that are reset together have ``slot`` together. Latency from a row in a ``slot`` clock to
    its first symbol at ``codes``: ``coder.latency`` and `TxLane.LATENCY` clocks, and up to one more
    row time that gearboxes hold bits back. All that differs between lanes are inputs.

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
        self._pma = TxLane(width=config.symbols_per_clock, dac_bits=dac_bits)
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
        pma = m.submodules.pma = self._pma
        m.d.comb += [
            coder.kinds.eq(self.kinds),
            coder.data.eq(self.data),
            coder.marker.eq(self.marker),
            coder.seed.eq(self.seed),
            coder.run.eq(self.run),
            self.slot.eq(coder.slot),
            self.word.eq(coder.word),
            pma.data.eq(coder.word),
            pma.enable.eq(self.control.enable),
            pma.prbs_enable.eq(self.control.prbs),
            pma.prbs_seed.eq(self.seed),
            pma.inject.eq(self.control.inject),
            pma.pre.eq(self.control.pre),
            pma.main.eq(self.control.main),
            pma.post.eq(self.control.post),
            self.codes.eq(pma.codes),
        ]
        return m
