"""Lines from device pins to bumps and ground rails: M1 beside the pin, M2 up or down from there.

A line is an M1 stub from the pin along x, a via, an M2 piece along y, and at a bump an M2 stub
along x to its landing. Every piece is tested against all metal that is there before it is taken;
what does not fit is an error, never a short. Lines are as wide as their current asks for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, pads
from lightloom.photonics.channel import RoutingError
from lightloom.photonics.netlist import Pin
from lightloom.spec.base import DesignError

LINE_UM = 4.0
"""Least width of a line: a via and its enclosure."""
REACH_UM = 90.0
"""An M1 stub is at most this long."""
STEP_UM = 2.0
"""Between places that are tried for the M2 piece of a line that ends on a rail or track."""
CHOICES = 60
"""Ways that are tried for each line."""
NODES = 40_000
"""Steps of the search before it gives up."""
M1_SPACE_UM, M2_SPACE_UM = (
    next(rule.value_um for rule in tech.RULES if rule.name == name)
    for name in ("M1.space", "M2.space")
)


@dataclass(frozen=True)
class Width:
    """Widths of a line that bears a current."""

    m1_um: float
    m2_um: float
    cuts: int

    @staticmethod
    def of(ma: float, net: str, most_um: float) -> Width:
        """Widths for a current.

        Args:
            ma: largest steady current.
            net: for messages.
            most_um: widest M2 that there is room for.

        Raises:
            DesignError: the current needs more.
        """
        need = ma / tech.CURRENT_MA_PER_UM[tech.M2]
        if need > most_um:
            raise DesignError(
                f"net {net}: {ma:.1f} mA need a line of {need:.1f} um on M2 "
                f"({tech.CURRENT_MA_PER_UM[tech.M2]:g} mA/um); allowed: at most {most_um:g} um"
            )
        m2 = max(LINE_UM, math.ceil(need / STEP_UM) * STEP_UM)
        m1 = max(LINE_UM, math.ceil(ma / tech.CURRENT_MA_PER_UM[tech.M1] / STEP_UM) * STEP_UM)
        # A via stack has a cut every 4 um each way.
        while _cuts(m2, m1) * tech.CURRENT_MA_PER_VIA < ma:
            m1 += STEP_UM
        return Width(m1, m2, _cuts(m2, m1))


def _cuts(width: float, height: float) -> int:
    return (int((width - 3.0) // 4.0) + 1) * (int((height - 3.0) // 4.0) + 1)


@dataclass(frozen=True)
class Site:
    """A place for a bump."""

    x_um: float
    y_um: float


@dataclass(frozen=True)
class Level:
    """A horizontal M1 line that a line may end on anywhere."""

    y_um: float
    width_um: float


@dataclass(frozen=True)
class Terminal:
    """What a line starts from: a device pin, or the ground rail at x."""

    net: str
    label: str
    """Of the bump; empty when the line ends on a rail."""
    pin: Pin | None
    x_um: float
    y_um: float
    ma: float
    targets: tuple[Site | Level, ...]


@dataclass(frozen=True)
class Line:
    """One routed line."""

    terminal: Terminal
    target: Site | Level
    at_um: float
    """x of the M2 piece."""
    width: Width

    def boxes(self) -> tuple[kdb.Box, list[kdb.Box]]:
        """M1 stub, and the M2 pieces without the landing, in database units."""
        start, w = self.terminal, self.width
        left, right = sorted((start.x_um, self.at_um))
        half1, half2 = w.m1_um / 2, w.m2_um / 2
        stub = _box(left - half2, start.y_um - half1, right + half2, start.y_um + half1)
        low, high = sorted((start.y_um, self.target.y_um))
        end = half2 if isinstance(self.target, Site) else self.target.width_um / 2
        low, high = (
            (start.y_um - half1, max(high + end, start.y_um + half1))
            if self.target.y_um >= start.y_um
            else (min(low - end, start.y_um - half1), start.y_um + half1)
        )
        pieces = [_box(self.at_um - half2, low, self.at_um + half2, high)]
        if isinstance(self.target, Site) and self.target.x_um != self.at_um:
            left, right = sorted((self.at_um, self.target.x_um))
            y = self.target.y_um
            pieces.append(_box(left - half2, y - half2, right + half2, y + half2))
        return stub, pieces

    @property
    def length_um(self) -> float:
        """From the pin to the bump or rail."""
        start, target = self.terminal, self.target
        aside = abs(target.x_um - self.at_um) if isinstance(target, Site) else 0.0
        return abs(self.at_um - start.x_um) + abs(target.y_um - start.y_um) + aside

    @property
    def ohm(self) -> float:
        """From the pin to the bump or rail."""
        start, target, w = self.terminal, self.target, self.width
        m1 = abs(self.at_um - start.x_um)
        m2 = self.length_um - m1
        vias = 1 if isinstance(target, Site) else 2
        return (
            tech.SHEET_OHM[tech.M1] * m1 / w.m1_um
            + tech.SHEET_OHM[tech.M2] * m2 / w.m2_um
            + vias * tech.VIA_OHM / w.cuts
        )


def _box(x1: float, y1: float, x2: float, y2: float) -> kdb.Box:
    return kdb.Box(draw.point(x1, y1), draw.point(x2, y2))


@dataclass
class Escape:
    """The metal of a part of a chip, and the search for lines that fit into it."""

    m1: kdb.Region
    """M1 of the devices, merged."""
    landing_um: float
    """Side of what is under a bump."""
    pitch_um: float
    lines: list[Line] = field(default_factory=list)
    _shapes: kdb.Shapes = field(default_factory=kdb.Shapes)
    _rails: list[tuple[str, kdb.Box]] = field(default_factory=list)
    _m1: list[tuple[str, kdb.Box]] = field(default_factory=list)
    _m2: list[kdb.Box] = field(default_factory=list)
    _left: int = 0

    def __post_init__(self) -> None:
        """Index the devices' metal."""
        self._shapes.insert(self.m1)

    def rail(self, net: str, x1: float, x2: float, y: float, width: float) -> None:
        """Reserve a horizontal M1 line."""
        self._rails.append((net, _box(x1, y - width / 2, x2, y + width / 2)))

    def block(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Reserve a piece of M2."""
        self._m2.append(_box(x1, y1, x2, y2))

    def solve(self, terminals: Sequence[Terminal]) -> list[Line]:
        """Return a line for each terminal, shortest first choice, backtracking where they meet.

        Raises:
            RoutingError: they do not fit.
            DesignError: a current needs more width than there is.
        """
        ways: list[tuple[Terminal, list[Line]]] = []
        for terminal in terminals:
            width = Width.of(terminal.ma, terminal.net, self.landing_um)
            every = sorted(self._ways(terminal, width), key=lambda line: (line.ohm, line.at_um))
            fit = [line for line in every if self._fits(line)][:CHOICES]
            if not fit:
                raise RoutingError(
                    f"net {terminal.net}: no way from ({terminal.x_um:.1f}, {terminal.y_um:.1f}) "
                    f"um to one of {len(terminal.targets)} places"
                )
            ways.append((terminal, fit))
        # Those with the fewest ways first: they leave the others theirs.
        ways.sort(key=lambda way: (len(way[1]), way[0].net, way[0].x_um))
        self._left = NODES
        found: list[Line] = []
        if not self._search([lines for _, lines in ways], found):
            names = ", ".join(sorted(terminal.net for terminal in terminals)[:6])
            raise RoutingError(f"nets {names}, ...: {len(terminals)} lines do not fit")
        self.lines += found
        return found

    def _search(self, ways: Sequence[list[Line]], found: list[Line]) -> bool:
        if len(found) == len(ways):
            return True
        for line in ways[len(found)]:
            self._left -= 1
            if self._left < 0:
                return False
            if not self._fits(line):
                continue
            sizes = len(self._m1), len(self._m2)
            stub, pieces = line.boxes()
            self._m1.append((line.terminal.net, stub))
            self._m2 += self._metal(line, pieces)
            found.append(line)
            if self._search(ways, found):
                return True
            found.pop()
            del self._m1[sizes[0] :], self._m2[sizes[1] :]
        return False

    def _ways(self, terminal: Terminal, width: Width) -> Iterator[Line]:
        x = terminal.x_um
        half = self.landing_um / 2
        beside = half + M2_SPACE_UM + width.m2_um / 2
        for target in terminal.targets:
            if isinstance(target, Level):
                steps = range(int(REACH_UM / STEP_UM) + 1)
                places = {x + sign * k * STEP_UM for k in steps for sign in (-1, 1)}
            else:
                middle = target.x_um
                places = {x, middle, middle - beside, middle + beside}
                places |= {middle - self.pitch_um / 2, middle + self.pitch_um / 2}
                places = {
                    at
                    for at in places
                    if abs(at - middle) <= half - width.m2_um / 2
                    or beside <= abs(at - middle) <= self.pitch_um
                }
            for at in places:
                if abs(at - x) <= REACH_UM or terminal.pin is None:
                    yield Line(terminal, target, draw.on_grid(at), width)

    def _metal(self, line: Line, pieces: list[kdb.Box]) -> list[kdb.Box]:
        if isinstance(line.target, Level):
            return pieces
        half, x, y = self.landing_um / 2, line.target.x_um, line.target.y_um
        return [*pieces, _box(x - half, y - half, x + half, y + half)]

    def _fits(self, line: Line) -> bool:
        stub, pieces = line.boxes()
        net, space = line.terminal.net, draw.grid(M1_SPACE_UM) - 1
        around = stub.enlarged(space, space)
        for other, box in (*self._rails, *self._m1):
            if other != net and box.touches(around):
                return False
        pin = draw.point(line.terminal.x_um, line.terminal.y_um)
        for shape in self._shapes.each_touching(around):
            polygon = shape.polygon
            own = line.terminal.pin is not None and polygon.inside(pin)
            if not own and polygon.touches(around):
                return False
        gap = draw.grid(M2_SPACE_UM) - 1
        return not any(
            box.enlarged(gap, gap).touches(other)
            for box in self._metal(line, pieces)
            for other in self._m2
        )


def render(component: gf.Component, lines: Sequence[Line], bump_um: float) -> None:
    """Draw lines with their vias and bumps on a component."""
    for line in lines:
        stub, pieces = line.boxes()
        for layer, boxes in ((tech.M1, [stub]), (tech.M2, pieces)):
            for box in boxes:
                component.shapes(component.kcl.layer(*layer)).insert(box)
        w, target = line.width, line.target
        via = pads.via_stack(width=w.m2_um, height=w.m1_um)
        _place(component, via, line.at_um, line.terminal.y_um)
        if isinstance(target, Level):
            end = pads.via_stack(width=w.m2_um, height=target.width_um)
            _place(component, end, line.at_um, target.y_um)
        else:
            _place(component, pads.bump(size=bump_um), target.x_um, target.y_um)


def _place(component: gf.Component, cell: gf.Component, x_um: float, y_um: float) -> None:
    at = draw.point(x_um, y_um)
    (component << cell).trans = kdb.Trans(at.x, at.y)
