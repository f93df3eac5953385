"""Heater codes on one pin each: sigma-delta modulation and PWM."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.ocs.checks import check_integer

__all__ = ["Pwm", "SigmaDelta", "run_pwm", "run_sigma_delta"]


def run_sigma_delta(code: int, bits: int, clocks: int, order: int = 1) -> list[int]:
    """Golden model: bits of one output from reset, at a code that stays."""
    full, out = 1 << bits, []
    first = second = 0
    for _ in range(clocks):
        if order == 1:
            first += code
            bit = first >> bits & 1
            first %= full
        else:
            bit = int(first + second >= 0)
            first += code - bit * (full - 1)
            second = min(max(second + first, -2 * (full - 1)), 2 * (full - 1))
        out.append(bit)
    return out


def run_pwm(code: int, bits: int, clocks: int) -> list[int]:
    """Golden model: bits of one output from reset, at a code that stays."""
    return [int(clock % ((1 << bits) - 1) < code) for clock in range(clocks)]


class _Bits(wiring.Component):
    """Codes of all cells in, a bit each out."""

    codes: Signal
    off: Signal
    o: Signal

    def __init__(self, cells: int, bits: int) -> None:
        check_integer("cells", cells, 1, 4096)
        check_integer("bits", bits, 1, 16)
        self.cells = cells
        self.bits = bits
        super().__init__({"codes": In(cells * bits), "off": In(1), "o": Out(cells)})


class SigmaDelta(_Bits):
    """Turn each code into a stream of bits of that mean.

    First order: an accumulator whose carry is the output. In any `n` clocks in a row it is high
    ``n * code / 2**bits`` times, to within 1; a constant code repeats each ``2**bits`` clocks, in
    which it is high exactly `code` times.

    Second order: two integrators, the second of which saturates, with noise shaped by
    ``(1 - 1/z)**2`` while it does not. The sum of the bits is that of ``code / (2**bits - 1)`` to
    within 3, whatever codes come; codes 0 and ``2**bits - 1`` end constant low and high. Behind one
    pole of 250 clocks the ripple of 10 bits is as that of the first order, 1.2e-3 rms: a heater
    alone does not profit, a filter of more poles before it does.

    A heater behind a switch takes power in proportion to the mean: use a drive with ``root=False``,
    whose codes are powers. A heater of 10 us averages 2500 clocks of 250 MHz.

    Latency: 1 clock. Throughput: codes may change in every clock. No back-pressure. After reset all
    outputs are low and the integrators 0. `off` holds them so.

    Parameters
    ----------
    cells : int
        1 to 4096.
    bits : int
        Of a code, 1 to 16.
    order : int
        1 or 2.

    Members
    -------
    codes : In(cells * bits)
        Cell 0 lowest.
    off : In(1)
        Outputs low.
    o : Out(cells)
        One bit a heater. Registered.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    def __init__(self, cells: int, bits: int, *, order: int = 1) -> None:
        """Check the parameters and make the ports."""
        super().__init__(cells, bits)
        if order not in (1, 2):
            raise ValueError(f"order = {order!r}; allowed: 1 or 2")
        self.order = order

    def elaborate(self, platform: object) -> Module:
        """Build the integrators."""
        m = Module()
        bits = self.bits
        for cell in range(self.cells):
            code = self.codes.word_select(cell, bits)
            out = self.o[cell]
            if self.order == 1:
                left = Signal(bits, name=f"left_{cell}")
                m.d.sync += Cat(left, out).eq(left + code)
                with m.If(self.off):
                    m.d.sync += Cat(left, out).eq(0)
                continue
            # The first stays within 3 full-scales because the second stays within 2: see the proof.
            most = 2 * (2**bits - 1)
            first = Signal(signed(bits + 3), name=f"first_{cell}")
            second = Signal(signed(bits + 2), name=f"second_{cell}")
            moved = Signal(signed(bits + 3), name=f"moved_{cell}")
            summed = Signal(signed(bits + 4), name=f"summed_{cell}")
            bit = Signal(name=f"bit_{cell}")
            error = Signal(signed(bits + 1), name=f"error_{cell}")
            m.d.comb += [
                bit.eq(first + second >= 0),
                error.eq(code - Mux(bit, Const(2**bits - 1, bits), 0)),
                moved.eq(first + error),
                summed.eq(second + moved),
            ]
            m.d.sync += [
                out.eq(bit),
                first.eq(moved),
                second.eq(Mux(summed > most, most, Mux(summed < -most, -most, summed))),
            ]
            with m.If(self.off):
                m.d.sync += [out.eq(0), first.eq(0), second.eq(0)]
        return m


class Pwm(_Bits):
    """Turn each code into one pulse a period of ``2**bits - 1`` clocks, `code` clocks long.

    A code is taken at the begin of a period, so pulses are whole; codes 0 and ``2**bits - 1``
    are constant low and high. The periods of the heaters begin one after the other, evenly over a
    period, so that the supply does not see all pulses rise at once.

    Latency: up to a period. Throughput: one code a period. No back-pressure. After reset all
    outputs are low. `off` holds them so at once.

    Parameters
    ----------
    cells : int
        1 to 4096.
    bits : int
        Of a code, 1 to 16.

    Members
    -------
    codes : In(cells * bits)
        Cell 0 lowest.
    off : In(1)
        Outputs low.
    o : Out(cells)
        One bit a heater. Registered.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    def elaborate(self, platform: object) -> Module:
        """Build the counters, and a comparison for each heater."""
        m = Module()
        period = 2**self.bits - 1
        # A few phases are enough to spread the load.
        phases = min(16, self.cells, period)
        place = []
        for n in range(phases):
            count = Signal(self.bits, init=-(period * n // phases) % period, name=f"place_{n}")
            m.d.sync += count.eq(Mux(count == period - 1, 0, count + 1))
            place.append(count)
        for cell in range(self.cells):
            code = Signal(self.bits, name=f"code_{cell}")
            now = Signal(self.bits, name=f"now_{cell}")
            at = place[cell % phases]
            m.d.comb += now.eq(Mux(at == 0, self.codes.word_select(cell, self.bits), code))
            m.d.sync += [code.eq(now), self.o[cell].eq((at < now) & ~self.off)]
        return m
