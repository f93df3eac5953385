"""Feed-forward evaluation of a program: every input to every output, at many points at once.

Points are frequencies, or states and samples of the network at one frequency. Light that a device
throws backwards is left out; `sparse` has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.circuit.elements import (
    Element,
    Field,
    FourPort,
    Frequencies,
    Models,
    NPort,
    Program,
    Scatter,
    Sink,
    TwoPort,
)
from lightloom.photonics.circuit.walk import NotFeedForward, compile

__all__ = [
    "Element",
    "Field",
    "FourPort",
    "Frequencies",
    "Models",
    "NPort",
    "NotFeedForward",
    "Program",
    "Scatter",
    "Sink",
    "TwoPort",
    "compile",
    "evaluate",
    "evaluate_states",
    "propagate",
]

BLOCK_BYTES = 8 << 20
"""The light of all lines at the points evaluated together: small enough for a cache, large enough
that numpy's calls do not count."""
Entries = tuple[Field, Field, Field, Field]
"""A 2x2 by rows; each entry has one value a point, or one for all."""


def evaluate(
    program: Program,
    phases_rad: Sequence[float] | NDArray[np.float64],
    frequencies_hz: Frequencies,
    carrier_hz: float,
) -> Field:
    """Return field transfers `s[f, output, input]` with heaters at `phases_rad` (at the carrier).

    A heater changes an index, so its phase grows with frequency as the optical path does.

    Raises:
        ValueError: the number of phases is not that of the heaters.
    """
    phases = np.asarray(phases_rad, dtype=float)
    _check(program, phases, 1)
    frequencies = np.atleast_1d(np.asarray(frequencies_hz, dtype=float))
    static = _static(program, frequencies)
    size = frequencies.size
    s = np.empty((len(program.outputs), len(program.inputs), size), dtype=complex)
    for part in _blocks(program, size):
        here = frequencies[part]

        def two(element: Element, part: slice = part, here: Frequencies = here) -> Field:
            scatter = element.scatter
            assert isinstance(scatter, TwoPort)
            if element.heater is None:
                return static[id(scatter)][0][part]
            turn = phases[element.heater] * here / carrier_hz
            if scatter.driven is not None:
                return scatter.driven(here, turn)
            return static[id(scatter)][0][part] * np.exp(-1j * turn)

        def four(element: Element, part: slice = part, here: Frequencies = here) -> Entries:
            scatter = element.scatter
            assert isinstance(scatter, FourPort)
            if element.heater is None:
                a, b, c, d = (entry[part] for entry in static[id(scatter)])
                return a, b, c, d
            return _entries(scatter.at(here, phases[element.heater] * here / carrier_hz))

        propagate(program, two, four, s[:, :, part])
    return np.moveaxis(s, -1, 0)


def evaluate_states(
    program: Program,
    phases_rad: NDArray[np.float64],
    frequency_hz: float,
    carrier_hz: float,
) -> Field:
    """Return `s[state, output, input]` at one frequency for rows of heater phases.

    Raises:
        ValueError: `phases_rad` has not one column a heater.
    """
    phases = np.asarray(phases_rad, dtype=float)
    _check(program, phases, 2)
    at = np.array([frequency_hz])
    static = _static(program, at)
    size = phases.shape[0]
    turns = phases * (frequency_hz / carrier_hz)
    s = np.empty((len(program.outputs), len(program.inputs), size), dtype=complex)
    for part in _blocks(program, size):

        def two(element: Element, part: slice = part) -> Field:
            scatter = element.scatter
            assert isinstance(scatter, TwoPort)
            if element.heater is None:
                return static[id(scatter)][0]
            return scatter.at(at, turns[part, element.heater])

        def four(element: Element, part: slice = part) -> Entries:
            scatter = element.scatter
            assert isinstance(scatter, FourPort)
            if element.heater is None:
                a, b, c, d = static[id(scatter)]
                return a, b, c, d
            return _entries(scatter.at(at, turns[part, element.heater]))

        propagate(program, two, four, s[:, :, part])
    return np.moveaxis(s, -1, 0)


def _check(program: Program, phases: NDArray[np.float64], dimensions: int) -> None:
    if phases.ndim != dimensions or phases.shape[-1] != len(program.heaters):
        given = phases.shape[-1] if phases.ndim else phases.size
        raise ValueError(f"{given} heater phases; allowed: {len(program.heaters)}")


def _static(program: Program, frequencies: Frequencies) -> Mapping[int, tuple[Field, ...]]:
    """Transfers of the scatter objects; devices with equal parameters share one."""
    known: dict[int, tuple[Field, ...]] = {}
    for element in program.elements:
        scatter = element.scatter
        if id(scatter) in known or (element.heater is not None and scatter.driven is not None):
            continue
        if isinstance(scatter, TwoPort):
            known[id(scatter)] = (scatter.transfer(frequencies),)
        else:
            known[id(scatter)] = _entries(scatter.matrix(frequencies))
    return known


def _entries(matrix: Field) -> Entries:
    a, b, c, d = (np.ascontiguousarray(matrix[:, i, j]) for i in (0, 1) for j in (0, 1))
    return a, b, c, d


def _blocks(program: Program, size: int) -> list[slice]:
    point = 16 * max(1, program.lines * len(program.inputs))
    step = max(16, BLOCK_BYTES // point)
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def propagate(
    program: Program,
    two: Callable[[Element], Field],
    four: Callable[[Element], Entries],
    s: Field,
) -> None:
    """Run the program into `s[output, input, point]`.

    Args:
        program: of steps.
        two: transfer of a step on one line at each point, or one for all points.
        four: entries of the 2x2 of a step on two lines, likewise.
        s: written to.
    """
    # What light passes is gathered as long as it concerns one line or the same two, as small
    # vectors over the points; only a 2x2 with another line touches the light of all inputs.
    light = _Light(program.lines, len(program.inputs), s.shape[-1])
    used = _used_later(program)
    single: dict[int, Field] = {}
    open_: dict[int, _Pair] = {}
    for element, later in zip(program.elements, used, strict=True):
        if not any(later):
            continue
        a, b = element.a, element.b
        if b is None:
            t = two(element)
            single[a] = single[a] * t if a in single else t
            continue
        m = _after(four(element), single.pop(a, None), single.pop(b, None))
        pair = open_.get(a)
        if pair is not None and pair is open_.get(b):
            pair.extend(m, a, later)
            continue
        for line in (a, b):
            if line in open_:
                _close(open_, open_[line], light)
        open_[a] = open_[b] = _Pair(a, b, m, later)
    for pair in list(open_.values()):
        if open_.get(pair.a) is pair:
            _close(open_, pair, light)
    for k, line in enumerate(program.output_lines):
        light.read(line, single.get(line), s[k])


@dataclass
class _Pair:
    """What lines `a` and `b` pass together, not yet applied to their light."""

    a: int
    b: int
    m: Entries
    later: tuple[bool, bool]

    def extend(self, m: Entries, first: int, later: tuple[bool, bool]) -> None:
        if first != self.a:
            a, b, c, d = m
            m, later = (d, c, b, a), (later[1], later[0])
        n, self.later = self.m, later
        self.m = (
            m[0] * n[0] + m[1] * n[2],
            m[0] * n[1] + m[1] * n[3],
            m[2] * n[0] + m[3] * n[2],
            m[2] * n[1] + m[3] * n[3],
        )


def _after(m: Entries, a: Field | None, b: Field | None) -> Entries:
    """The 2x2 `m` behind transfers of its lines."""
    first, second, third, fourth = m
    if a is not None:
        first, third = first * a, third * a
    if b is not None:
        second, fourth = second * b, fourth * b
    return first, second, third, fourth


def _close(open_: dict[int, _Pair], pair: _Pair, light: _Light) -> None:
    del open_[pair.a], open_[pair.b]
    light.mix(pair)


def _used_later(program: Program) -> list[tuple[bool, bool]]:
    """For each step, whether its lines are seen at an output after it."""
    needed = set(program.output_lines)
    later: list[tuple[bool, bool]] = []
    for element in reversed(program.elements):
        if element.b is None:
            later.append((element.a in needed, False))
            continue
        seen = element.a in needed, element.b in needed
        later.append(seen)
        if any(seen):
            needed |= {element.a, element.b}
    later.reverse()
    return later


class _Light:
    """Fields `[input, point]` of each line, and the range of inputs that it has light of."""

    def __init__(self, lines: int, inputs: int, points: int) -> None:
        shape = inputs, points
        self.span = [(i, i + 1) if i < inputs else (0, 0) for i in range(lines)]
        self._field = [np.empty(shape, dtype=complex) for _ in range(lines)]
        for line in range(inputs):
            self._field[line][line] = 1.0
        self._sum = np.empty(shape, dtype=complex)
        self._term = np.empty(shape, dtype=complex)

    def mix(self, pair: _Pair) -> None:
        """Apply a 2x2."""
        m, lines, keep = pair.m, (pair.a, pair.b), pair.later
        lit = [line for line in lines if self.span[line][0] < self.span[line][1]]
        if not lit:
            return
        low = min(self.span[line][0] for line in lit)
        high = max(self.span[line][1] for line in lit)
        if len(lit) == 1:
            # The other line is dark: its light is what comes over.
            column = lines.index(lit[0])
            source = self._field[lit[0]][low:high]
            for row in (1 - column, column):
                if keep[row]:
                    target = self._field[lines[row]][low:high]
                    np.multiply(source, m[2 * row + column], out=target)
        else:
            a, b = (self._reaching(line, low, high) for line in lines)
            total, term = self._sum[low:high], self._term[low:high]
            if keep[0]:
                np.multiply(a, m[0], out=total)
                np.multiply(b, m[1], out=term)
                total += term
            if keep[1]:
                np.multiply(b, m[3], out=b)
                np.multiply(a, m[2], out=term)
                b += term
            if keep[0]:
                self._field[pair.a], self._sum = self._sum, self._field[pair.a]
        self.span[pair.a] = self.span[pair.b] = (low, high)

    def _reaching(self, line: int, low: int, high: int) -> Field:
        """The light of a line over a range of inputs, zero where it has none."""
        first, last = self.span[line]
        self._field[line][low:first] = 0.0
        self._field[line][last:high] = 0.0
        return self._field[line][low:high]

    def read(self, line: int, t: Field | None, out: Field) -> None:
        """Write the light of a line behind `t` to `out[input, point]`."""
        low, high = self.span[line]
        out[:low] = 0.0
        out[high:] = 0.0
        if t is None:
            out[low:high] = self._field[line][low:high]
        else:
            np.multiply(self._field[line][low:high], t, out=out[low:high])
