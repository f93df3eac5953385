"""Transmit feed-forward equalizer: symbols in, DAC codes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BITS", "TAPS", "TxFfe", "codes"]

BITS = {"nrz": 1, "pam4": 2}
"""Bits of a symbol by modulation."""

TAPS = {2: ("main", "pre"), 3: ("post", "main", "pre"), 4: ("post", "main", "pre", "pre2")}
"""Names of the taps by their number, from the weight of the earliest symbol to that of the last."""


def codes(
    symbols: Iterable[int], taps: Sequence[int], dac_bits: int, modulation: str = "nrz"
) -> list[int]:
    """Golden model: code of every symbol that has all its neighbours among `symbols`.

    `taps` are `pre`, `main`, `post`; of two taps `post` is missing, of four `pre2` comes first.
    """
    top = 2 ** (dac_bits - 1) - 1
    outer = 2 ** BITS[modulation] - 1
    levels = [2 * symbol - outer for symbol in symbols]
    weights = list(taps)[::-1]
    result = []
    for start in range(len(levels) - len(weights) + 1):
        total = sum(w * level for w, level in zip(weights, levels[start:], strict=False))
        # The nearest integer: thirds are never half way.
        code = total if outer == 1 else (total + 1) // 3
        result.append(max(-top, min(top, code)))
    return result


class TxFfe(wiring.Component):
    """Transmit equalizer of two to four taps for NRZ or PAM4.

    A symbol is a level of -1 or +1, for PAM4 of -3, -1, +1 or +3 thirds, so that the outer levels
    have the full swing of NRZ. A code is the sum of tap times level, rounded to the nearest integer
    (the sum is a number of thirds: it is never half way between two) and saturated. Codes stay in
    range without saturation when the magnitudes of the taps sum to at most
    ``2 ** (dac_bits - 1) - 1``.

    The sums are made once, in registers, and each symbol picks with its neighbours: one of at most
    16 sums for NRZ; for PAM4 one of 16 from the first two taps and one of at most 16 from the
    others, in eighths, which is enough for the rounding of their sum to be exact.

    Latency: 2 clocks from a symbol to its code for NRZ, 3 for PAM4 (`latency`); the same from a
    tap to the codes.
    Throughput: one word a clock, without back-pressure.
    Reset: codes 0.

    Parameters
    ----------
    width : int
        Symbols a word, 2 to 512. Symbol 0 is first in time.
    dac_bits : int
        Bits of a code, 4 to 10.
    modulation : str
        ``nrz`` or ``pam4``.
    taps : int
        2 (pre, main), 3 (and post) or 4 (and pre2).

    Members
    -------
    i : In(width * bits), bits 1 for NRZ and 2 for PAM4
        Symbols to send: NRZ, 1 is the high level; PAM4, levels 0 (lowest) to 3 after Gray coding.
    pre2, pre, main, post : In(signed(dac_bits))
        Taps in DAC steps: weights of the symbol two after, after, at and before the code. `pre2`
        and `post` are there when `taps` says so.
    invert : In(1)
        Turn the polarity: each code is the negative of what it would be.
    enable : In(1)
        Low: codes are 0, the middle level, no light modulation.
    o : Out(width * dac_bits)
        Two's complement codes, symbol `s` in bits `s * dac_bits` up; saturated to plus or minus
        ``2 ** (dac_bits - 1) - 1``, so that both polarities reach equally far.

    Raises
    ------
    ValueError
        A parameter out of range.
    """

    i: Signal
    pre2: Signal
    pre: Signal
    main: Signal
    post: Signal
    invert: Signal
    enable: Signal
    o: Signal

    def __init__(
        self, *, width: int, dac_bits: int, modulation: str = "nrz", taps: int = 3
    ) -> None:
        """See the class."""
        if not 2 <= width <= 512:
            raise ValueError(f"width is {width}; allowed: 2 to 512")
        if not 4 <= dac_bits <= 10:
            raise ValueError(f"dac_bits is {dac_bits}; allowed: 4 to 10")
        if modulation not in BITS:
            raise ValueError(f"modulation is {modulation}; allowed: nrz, pam4")
        if taps not in TAPS:
            raise ValueError(f"taps is {taps}; allowed: 2, 3, 4")
        self.width = width
        self.dac_bits = dac_bits
        self.modulation = modulation
        self.taps = TAPS[taps]
        self.latency = 1 + BITS[modulation]
        super().__init__(
            {
                "i": In(width * BITS[modulation]),
                **{name: In(signed(dac_bits)) for name in reversed(self.taps)},
                "invert": In(1),
                "enable": In(1),
                "o": Out(width * dac_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        # A tap of the least code has no positive twin: one bit more.
        taps = [Signal(signed(self.dac_bits + 1), name=f"tap_{name}") for name in self.taps]
        for name, tap in zip(self.taps, taps, strict=True):
            port: Value = getattr(self, name)
            m.d.comb += tap.eq(Mux(self.invert, -port, port))

        # The codes of a word's last symbols need the first symbols of the next word.
        bits = BITS[self.modulation]
        word = Signal(self.width * bits)
        before = bits * ("post" in self.taps)
        after = bits * (2 if "pre2" in self.taps else 1)
        stream = Signal(before + self.width * bits + after)
        last = Signal(before)
        m.d.sync += [word.eq(self.i), last.eq(word[-bits:])]
        m.d.comb += stream.eq(Cat(last, word, self.i[:after]))

        if self.modulation == "nrz":
            table = self._nrz_table(m, taps)
            picks = [Array(table)[stream[s : s + len(taps)]] for s in range(self.width)]
            m.d.sync += self.o.eq(Cat(picks))
        else:
            early = self._pam4_table(m, taps[:2], "early")
            late = self._pam4_table(m, taps[2:], "late")
            for s in range(self.width):
                first = Signal.like(early[0], name=f"early_{s}")
                second = Signal.like(early[0], name=f"late_{s}")
                at = 2 * s
                m.d.sync += first.eq(Array(early)[stream[at : at + 4]])
                if late:
                    end = at + 2 * len(taps)
                    m.d.sync += second.eq(Array(late)[stream[at + 4 : end]])
                total = Signal(signed(self.dac_bits + 3), name=f"total_{s}")
                m.d.comb += total.eq((first + second + 4) >> 3)
                code = self.o[s * self.dac_bits : (s + 1) * self.dac_bits]
                m.d.sync += code.eq(self._bounded(m, total, f"code_{s}"))
        return m

    def _bounded(self, m: Module, value: Value, name: str) -> Signal:
        """Saturated `value`."""
        top = 2 ** (self.dac_bits - 1) - 1
        result = Signal(signed(self.dac_bits), name=name)
        with m.If(value > top):
            m.d.comb += result.eq(top)
        with m.Elif(value < -top):
            m.d.comb += result.eq(-top)
        with m.Else():
            m.d.comb += result.eq(value)
        return result

    def _nrz_table(self, m: Module, taps: Sequence[Value]) -> list[Signal]:
        """Codes by the bits from the earliest to the last, the earliest in bit 0."""
        size = 2 ** len(taps)
        table = [Signal(signed(self.dac_bits), name=f"level_{index}") for index in range(size)]
        for index in range(size // 2, size):
            total = Signal(signed(self.dac_bits + 3), name=f"sum_{index}")
            terms = [tap if index >> k & 1 else -tap for k, tap in enumerate(taps)]
            m.d.comb += total.eq(sum(terms[1:], terms[0]))
            bounded = self._bounded(m, total, f"bounded_{index}")
            with m.If(self.enable):
                m.d.sync += [table[index].eq(bounded), table[~index].eq(-bounded)]
            with m.Else():
                m.d.sync += [table[index].eq(0), table[~index].eq(0)]
        return table

    def _pam4_table(self, m: Module, taps: Sequence[Value], name: str) -> list[Signal]:
        """Sums in eighths of a step, by the levels, the earliest in the low bits.

        A third of a tap is held in 1/64, wrong by at most 1/192. An entry is then wrong by at most
        1/16 + 2/192 and two of them by less than the 1/6 that separates thirds from halves.
        """
        if not taps:
            return []
        # Of a level: minus and plus a third, minus and plus the whole, in 1/64 of a step.
        weighted = []
        for k, tap in enumerate(taps):
            # (n * factor) >> 17 is n // 3 below 2 ** 17; the offset makes n positive.
            offset, factor = 1 << 10, (2**17 + 1) // 3
            third = Signal(signed(self.dac_bits + 6), name=f"{name}_third_{k}")
            rounded = ((tap + (1 + 3 * offset)).as_unsigned() * factor >> 17) - offset
            m.d.comb += third.eq(21 * tap + rounded)
            weighted.append([-64 * tap, -third, third, 64 * tap])
        table = []
        for index in range(4 ** len(taps)):
            entry = Signal(signed(self.dac_bits + 5), name=f"{name}_{index}")
            terms = [values[index >> 2 * k & 3] for k, values in enumerate(weighted)]
            total = sum(terms[1:], terms[0])
            with m.If(self.enable):
                m.d.sync += entry.eq((total + 4) >> 3)
            with m.Else():
                m.d.sync += entry.eq(0)
            table.append(entry)
        return table
