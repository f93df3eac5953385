"""Which lanes carry rows when some cannot: the most that divide a row evenly.

A row of `lanes` lanes goes over fewer in several parts, so the number of active lanes divides
`lanes`: 8, 4, 2 or 1 of 8. The lowest usable lane numbers are taken.
"""

from __future__ import annotations

from amaranth import Array, Const, Module, Mux, Signal, Value

from lightloom.rtl.popcount import popcount

__all__ = ["Choice", "active", "choose", "sizes"]


def sizes(lanes: int) -> list[int]:
    """Numbers of active lanes that there can be, from all down to 1."""
    return [size for size in range(lanes, 0, -1) if lanes % size == 0]


def active(usable: int, lanes: int) -> list[int]:
    """Golden model of `choose`: numbers of the active lanes; none when no lane is usable."""
    numbers = [n for n in range(lanes) if usable >> n & 1]
    if not numbers:
        return []
    return numbers[: next(size for size in sizes(lanes) if size <= len(numbers))]


class Choice:
    """Active lanes as signals, combinational.

    Attributes
    ----------
    mask : Signal(lanes)
        The active lanes.
    count : Signal
        How many they are.
    ranks : list of Signal
        For each lane number, how many active lanes are below it.
    """

    def __init__(self, m: Module, usable: Value, lanes: int, name: str) -> None:
        """Add the logic to `m`."""
        self.lanes = lanes
        self.mask = Signal(lanes, name=f"{name}_mask")
        self.count = Signal(range(lanes + 1), name=f"{name}_count")
        self.ranks = [Signal(range(lanes), name=f"{name}_rank_{n}") for n in range(lanes)]
        total = popcount(m, usable, name=f"{name}_usable")
        table = [0]
        for number in range(1, lanes + 1):
            table.append(next(size for size in sizes(lanes) if size <= number))
        bits = lanes.bit_length()
        m.d.comb += self.count.eq(Array(Const(size, bits) for size in table)[total])
        for n, rank in enumerate(self.ranks):
            below = popcount(m, usable[:n], name=f"{name}_below_{n}") if n else Const(0)
            m.d.comb += rank.eq(below)
            m.d.comb += self.mask[n].eq(usable[n] & (below < self.count))

    def pick(self, values: list[Value], index: Value) -> Value:
        """Value of the active lane of rank `index`."""
        result: Value = values[0]
        for n in range(1, self.lanes):
            result = Mux(self.mask[n] & (self.ranks[n] == index), values[n], result)
        return result


def choose(m: Module, usable: Value, lanes: int, name: str = "active") -> Choice:
    """Add to `m` the choice of active lanes from a mask of usable ones."""
    return Choice(m, usable, lanes, name)
