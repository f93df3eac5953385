"""Saved coefficients of a receive lane, one set for each optical route."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pma.formats import RxFormat

__all__ = ["CoefficientSets"]


class CoefficientSets(wiring.Component):
    """Memory of coefficient sets: taps, feedback tap, levels and frequency word.

    Latency: `restore` comes 1 clock after `load`. Throughput: one operation a clock; `save` and
    `load` of one set in one clock load the old one.
    Reset: no set is valid.

    Parameters
    ----------
    config : RxFormat
        Widths and number formats; `sets` sets.

    Members
    -------
    index : In(4)
        Number of the set; one that does not exist is not saved and not loaded.
    save : In(1)
        Keep `coefficients` and `frequency` of this clock.
    load : In(1)
        Bring the set back; nothing happens when it is not valid.
    coefficients : In(coefficient_bits)
        From :class:`lightloom.rtl.pma.lms.Lms`.
    frequency : In(signed(16))
        From :class:`lightloom.rtl.pma.cdr.Cdr`.
    restore : Out(1)
        `saved` and `saved_frequency` are to be taken.
    saved : Out(coefficient_bits)
        Coefficients of the set.
    saved_frequency : Out(signed(16))
        Frequency word of the set.
    valid : Out(sets)
        Sets that were saved.
    """

    index: Signal
    save: Signal
    load: Signal
    coefficients: Signal
    frequency: Signal
    restore: Signal
    saved: Signal
    saved_frequency: Signal
    valid: Signal

    def __init__(self, config: RxFormat) -> None:
        """See the class."""
        self.config = config
        super().__init__(
            {
                "index": In(4),
                "save": In(1),
                "load": In(1),
                "coefficients": In(config.coefficient_bits),
                "frequency": In(signed(16)),
                "restore": Out(1),
                "saved": Out(config.coefficient_bits),
                "saved_frequency": Out(signed(16)),
                "valid": Out(config.sets),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory."""
        m = Module()
        c = self.config
        bits = c.coefficient_bits
        m.submodules.store = store = memory.Memory(shape=bits + 16, depth=c.sets, init=[])
        write = store.write_port()
        read = store.read_port()
        exists = self.index < c.sets
        m.d.comb += [
            write.addr.eq(self.index),
            write.data[:bits].eq(self.coefficients),
            write.data[bits:].eq(self.frequency),
            write.en.eq(self.save & exists),
            read.addr.eq(self.index),
            read.en.eq(self.load),
            self.saved.eq(read.data[:bits]),
            self.saved_frequency.eq(read.data[bits:]),
        ]
        known = self.valid.bit_select(self.index, 1)
        m.d.sync += self.restore.eq(self.load & exists & known)
        with m.If(self.save & exists):
            m.d.sync += known.eq(1)
        return m
