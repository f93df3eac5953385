"""Which cells a set of routes uses, and which routes a set of cells touches."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.spec import fabrics

__all__ = ["COLUMNS", "Walk", "touched", "used"]

COLUMNS = 4
"""Columns of cells between two registers."""


def used(plan: fabrics.Plan, states: Sequence[int], inputs: Sequence[int]) -> list[int]:
    """Golden model: 1 for each cell that light from an input with a 1 passes."""
    found = [0] * len(plan.cells)
    for name, way in fabrics.ways(plan, states).items():
        if inputs[list(plan.inputs).index(name)]:
            for cell in way.cells:
                found[cell] = 1
    return found


def touched(plan: fabrics.Plan, states: Sequence[int], cells: Sequence[int]) -> list[int]:
    """Golden model: 1 for each input whose light passes a cell with a 1 on its way to an output."""
    ways = fabrics.ways(plan, states)
    return [int(name in ways and any(cells[c] for c in ways[name].cells)) for name in plan.inputs]


class Walk(wiring.Component):
    """Follow light through the fabric, a few columns a clock, both ways at the same time.

    Forward: the cells that light of the inputs in `inputs` passes. Backward: the inputs whose light
    passes one of the cells in `cells`. Light that ends dark uses the cells that it passes, and
    touches nothing behind its end.

    Latency: the answers belong to inputs that have been steady for ``latency`` clocks, one for each
    4 columns of cells but the last. No reset is needed.

    Parameters
    ----------
    topology, ports
        See `lightloom.spec.fabrics.plan`.

    Members
    -------
    states : In(cells)
        1 = cross.
    inputs : In(inputs)
        Inputs in the order of the plan.
    cells : In(cells)
        See above.
    used : Out(cells)
        Cells that the inputs use.
    touched : Out(inputs)
        Inputs whose light meets the cells.

    Raises
    ------
    ValueError
        When the plan does not exist.
    """

    states: Signal
    inputs: Signal
    cells: Signal
    used: Signal
    touched: Signal

    def __init__(self, topology: str, ports: int) -> None:
        """Find the plan and make the ports."""
        self.plan = fabrics.plan(topology, ports)
        count, ends = len(self.plan.cells), len(self.plan.inputs)
        self.latency = (self.plan.stages - 1) // COLUMNS
        super().__init__(
            {
                "states": In(count),
                "inputs": In(ends),
                "cells": In(count),
                "used": Out(count),
                "touched": Out(ends),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build both directions."""
        m = Module()
        self._forward(m)
        self._backward(m)
        return m

    def _cut(self, m: Module, lines: dict[int, Value], name: str) -> dict[int, Value]:
        """Put a register into every line."""
        slots = sorted(lines)
        held = Signal(len(slots), name=name)
        m.d.sync += held.eq(Cat(lines[slot] for slot in slots))
        return {slot: held[n] for n, slot in enumerate(slots)}

    def _forward(self, m: Module) -> None:
        lines: dict[int, Value] = {
            slot: self.inputs[n] for n, slot in enumerate(self.plan.inputs.values())
        }
        index = 0
        for column in self.plan.columns:
            if isinstance(column, fabrics.Move):
                moved = dict(column.to)
                lines = {moved[slot]: lit for slot, lit in lines.items() if slot in moved}
                continue
            if isinstance(column, fabrics.Cells):
                if column.stage and column.stage % COLUMNS == 0:
                    lines = self._cut(m, lines, f"forward_{column.stage}")
                for upper in column.uppers:
                    first, second = self._pair(lines, upper)
                    cross = self.states[index]
                    m.d.comb += self.used[index].eq(first | second)
                    here = Signal(2, name=f"lit_{index}")
                    m.d.comb += here.eq(Cat(Mux(cross, second, first), Mux(cross, first, second)))
                    lines[upper], lines[upper + 1] = here[0], here[1]
                    index += 1
            self._swap(lines, column)

    def _backward(self, m: Module) -> None:
        lines: dict[int, Value] = dict.fromkeys(self.plan.outputs.values(), Const(0, 1))
        index = len(self.plan.cells)
        for column in reversed(self.plan.columns):
            if isinstance(column, fabrics.Move):
                moved = {new: old for old, new in column.to}
                lines = {moved[slot]: met for slot, met in lines.items() if slot in moved}
                continue
            self._swap(lines, column)
            if not isinstance(column, fabrics.Cells):
                continue
            if column.stage < self.plan.stages - 1 and (column.stage + 1) % COLUMNS == 0:
                lines = self._cut(m, lines, f"backward_{column.stage}")
            index -= len(column.uppers)
            for number, upper in enumerate(column.uppers, index):
                first, second = self._pair(lines, upper)
                cross = self.states[number]
                here = Signal(2, name=f"met_{number}")
                m.d.comb += here.eq(
                    Cat(Mux(cross, second, first), Mux(cross, first, second))
                    | self.cells[number].replicate(2)
                )
                lines[upper], lines[upper + 1] = here[0], here[1]
        m.d.comb += self.touched.eq(
            Cat(lines.get(slot, Const(0, 1)) for slot in self.plan.inputs.values())
        )

    @staticmethod
    def _pair(lines: dict[int, Value], upper: int) -> tuple[Value, Value]:
        dark = Const(0, 1)
        return lines.get(upper, dark), lines.get(upper + 1, dark)

    @staticmethod
    def _swap(lines: dict[int, Value], column: fabrics.Cells | fabrics.Crossings) -> None:
        uppers = column.crossings if isinstance(column, fabrics.Cells) else column.uppers
        for upper in uppers:
            pair = lines.pop(upper, None), lines.pop(upper + 1, None)
            for slot, line in ((upper + 1, pair[0]), (upper, pair[1])):
                if line is not None:
                    lines[slot] = line
