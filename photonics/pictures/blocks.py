"""A program in larger steps: what the same two lines, or one line, pass before others come in.

An interferometer with the waveguides behind it is one block; so are a crossing and what follows on
its two lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lightloom.photonics.circuit.elements import Element, Field, Program


@dataclass(frozen=True)
class Block:
    """Steps on line `a`, or on lines `a` and `b`, in their order."""

    a: int
    b: int | None
    elements: tuple[Element, ...]

    @property
    def heaters(self) -> tuple[int, ...]:
        """Numbers of the phase shifters."""
        return tuple(e.heater for e in self.elements if e.heater is not None)

    def matrix(self, scattering: Callable[[Element], Field]) -> Field:
        """Return the 2x2 (1x1 on one line) of all steps; `scattering` gives that of each."""
        size = 1 if self.b is None else 2
        total = np.eye(size, dtype=complex)
        for element in self.elements:
            s = scattering(element)
            if element.b is None:
                total[0 if element.a == self.a else 1] *= s.item()
            elif element.a == self.a:
                total = s @ total
            else:
                total = s[::-1, ::-1] @ total
        return total


def blocks(program: Program) -> tuple[Block, ...]:
    """Return the blocks of a program, each after those that its light comes from."""
    done: list[Block] = []
    open_: dict[int, tuple[int, int | None, list[Element]]] = {}

    def close(line: int) -> None:
        if line in open_:
            a, b, elements = open_[line]
            for member in (a, b):
                if member is not None:
                    del open_[member]
            done.append(Block(a, b, tuple(elements)))

    for element in program.elements:
        a, b = element.a, element.b
        if b is None:
            if a not in open_:
                open_[a] = a, None, []
        elif a not in open_ or open_[a] is not open_.get(b):
            close(a)
            close(b)
            open_[a] = open_[b] = a, b, []
        open_[a][2].append(element)
    while open_:
        close(next(iter(open_)))
    return tuple(done)
