"""Line coder of one lane for profile xsr-raw: no code."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.pcs.block import Kind
from lightloom.rtl.pcs.scrambler import STATE_BITS

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
        super().__init__(
            {
                "kinds": In(4 * self.blocks),
                "data": In(64 * self.blocks),
                "marker": In(32),
                "seed": In(STATE_BITS),
                "run": In(1),
                "slot": Out(1),
                "word": Out(bits),
            }
        )

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
        super().__init__(
            {
                "i": In(bits),
                "i_valid": In(1),
                "run": In(1),
                "locked": Out(1),
                "kinds": Out(4 * self.blocks),
                "data": Out(64 * self.blocks),
                "valid": Out(1),
                "header_errors": Out(1),
            }
        )

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
