"""Line coder of one lane for profile xsr-raw: no code."""

from amaranth import Module, Signal
from amaranth.lib import wiring

from lightloom.rtl.pcs import seam
from lightloom.rtl.pcs.block import Kind

__all__ = ["RawRx", "RawTx"]


def _blocks(bits: int) -> int:
    return max(1, bits // 64)


class RawTx(wiring.Component):
    """Transmit coder that codes nothing: the low bits of ``data`` are the next word.

    Latency: `latency` clocks. Throughput: a word in each ``run`` clock. Members as of
    `eth_lane.EthTx`; ``kinds``, ``marker`` and ``seed`` have no effect.

    Parameters
    ----------
    bits : int
        Line bits a clock: 8 to 32, or a multiple of 64 up to 256.
    """

    kinds: Signal
    data: Signal
    marker: Signal
    seed: Signal
    run: Signal
    slot: Signal
    word: Signal

    latency = 1
    """Clocks from data to `word`."""

    def __init__(self, bits: int) -> None:
        """Declare the members."""
        self.bits = bits
        self.blocks = _blocks(bits)
        super().__init__(seam.transmit(self.blocks, bits))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        m.d.comb += self.slot.eq(self.run)
        with m.If(self.run):
            m.d.sync += self.word.eq(self.data)
        return m


class RawRx(wiring.Component):
    """Receive coder that decodes nothing: each word is a row of DATA, at no particular bit.

    Latency: `latency` clocks. Members as of `eth_lane.EthRx`; ``locked`` is ``run``.

    Parameters
    ----------
    bits : int
        Line bits a clock: 8 to 32, or a multiple of 64 up to 256.
    """

    i: Signal
    i_valid: Signal
    run: Signal
    locked: Signal
    kinds: Signal
    data: Signal
    valid: Signal
    header_errors: Signal

    latency = 1
    """Clocks from a word to its row."""

    def __init__(self, bits: int) -> None:
        """Declare the members."""
        self.bits = bits
        self.blocks = _blocks(bits)
        super().__init__(seam.receive(self.blocks, bits))

    def elaborate(self, platform: object) -> Module:
        """Build the netlist."""
        m = Module()
        m.d.comb += self.kinds.eq(sum(Kind.DATA << 4 * n for n in range(self.blocks)))
        m.d.sync += [
            self.data.eq(self.i),
            self.locked.eq(self.run),
            self.valid.eq(self.run & self.i_valid),
        ]
        return m
