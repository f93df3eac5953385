"""Lines from device pins to bumps and ground rails: M1 beside the pin, M2 up or down from there.

A line is an M1 stub from the pin along x, a via, an M2 piece along y, and at a bump an M2 stub
along x to its landing. Every piece is tested against all metal that is there before it is taken;
what does not fit is an error, never a short. Lines are as wide as their current asks for.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.cells import draw, pads
from lightloom.photonics.engine.integration import LANDING_UM
from lightloom.photonics.netlist import Pin
from lightloom.photonics.switch.channel import RoutingError
from lightloom.spec.base import DesignError

LINE_UM = 4.0
"""Least width of a line: a via and its enclosure."""
REACH_UM = 90.0
"""An M1 stub is at most this long, or as a bump pitch."""
RAIL_REACH_UM = 400.0
"""A via on a device's own rail is at most this far from its pin."""
STEP_UM = 2.0
"""Between places that are tried for the M2 piece of a line that ends on a rail or track."""
CHOICES = 100
"""Ways that are tried for each line."""
PER_SITE = 6
"""Of them to one bump."""
NODES = 40_000
"""Steps of the search for a first way before it gives up."""
MORE = 1500
"""Further steps, for a shorter way."""
STEP_MIN_UM = 0.5
"""Shortest edge of metal."""
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
    def of(
        ma: float, net: str, most_um: float, rail_um: float | None = None, over: bool = False
    ) -> Width:
        """Widths for a current.

        Args:
            ma: largest steady current.
            net: for messages.
            most_um: widest M2 that there is room for.
            rail_um: width of the M1 rail that the line starts on, if it does.
            over: the via is on the device's own metal, which bears the current to it.

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
        if rail_um is not None:
            while _cuts(m2, rail_um) * tech.CURRENT_MA_PER_VIA < ma:
                m2 += STEP_UM
            return Width(rail_um, m2, _cuts(m2, rail_um))
        stub = math.ceil(ma / tech.CURRENT_MA_PER_UM[tech.M1] / STEP_UM) * STEP_UM
        m1 = max(LINE_UM, 0.0 if over else stub)
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
    """What a line starts from: a device pin, or a rail, best at x."""

    net: str
    label: str
    """Of the bump; empty when the line ends on a rail."""
    pin: Pin | None
    x_um: float
    y_um: float
    ma: float
    targets: tuple[Site | Level, ...]
    rail_um: float | None = None
    """Width of the rail."""


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
        stub = box(left - half2, start.y_um - half1, right + half2, start.y_um + half1)
        low, high = sorted((start.y_um, self.target.y_um))
        end = half2 if isinstance(self.target, Site) else self.target.width_um / 2
        low, high = (
            (start.y_um - half1, max(high + end, start.y_um + half1))
            if self.target.y_um >= start.y_um
            else (min(low - end, start.y_um - half1), start.y_um + half1)
        )
        pieces = [box(self.at_um - half2, low, self.at_um + half2, high)]
        if isinstance(self.target, Site) and self.target.x_um != self.at_um:
            left, right = sorted((self.at_um, self.target.x_um))
            y = self.target.y_um
            pieces.append(box(left - half2, y - half2, right + half2, y + half2))
        return stub, pieces

    def vias(self) -> list[kdb.Box]:
        """Where M1 and M2 are joined."""
        half1, half2 = self.width.m1_um / 2, self.width.m2_um / 2
        start, target = self.terminal, self.target
        ends = [(start.y_um, half1)]
        if isinstance(target, Level):
            ends.append((target.y_um, target.width_um / 2))
        return [box(self.at_um - half2, y - h, self.at_um + half2, y + h) for y, h in ends]

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


def box(x1: float, y1: float, x2: float, y2: float) -> kdb.Box:
    """Box between two corners in um, in database units."""
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

    def __post_init__(self) -> None:
        """Index the devices' metal."""
        self._shapes.insert(self.m1)

    def rail(self, net: str, x1: float, x2: float, y: float, width: float) -> None:
        """Reserve a horizontal M1 line."""
        self._rails.append((net, box(x1, y - width / 2, x2, y + width / 2)))

    def block(self, x1: float, y1: float, x2: float, y2: float) -> None:
        """Reserve a piece of M2."""
        self._m2.append(box(x1, y1, x2, y2))

    def solve(self, terminals: Sequence[Terminal]) -> list[Line]:
        """Return a line for each terminal, shortest first choice, backtracking where they meet.

        Raises:
            RoutingError: they do not fit.
            DesignError: a current needs more width than there is.
        """
        ways: list[tuple[Terminal, list[Line]]] = []
        for terminal in terminals:
            every = sorted(
                self._ways(terminal), key=lambda line: (line.length_um, line.ohm, line.at_um)
            )
            fit = self._choose(every)
            if not fit:
                raise RoutingError(
                    f"net {terminal.net}: no way from ({terminal.x_um:.1f}, {terminal.y_um:.1f}) "
                    f"um to one of {len(terminal.targets)} places"
                )
            ways.append((terminal, fit))
        # Those with the fewest ways first: they leave the others theirs.
        ways.sort(key=lambda way: (len(way[1]), way[0].net, way[0].x_um))
        search = _Search(self, [lines for _, lines in ways])
        if search.best is None:
            names = ", ".join(sorted(terminal.net for terminal in terminals)[:6])
            raise RoutingError(f"nets {names}, ...: {len(terminals)} lines do not fit")
        for line in search.best:
            self.take(line)
        self.lines += search.best
        return search.best

    def _choose(self, ways: Sequence[Line]) -> list[Line]:
        """The first ways that fit, not too many to one bump: others may need it."""
        found: list[Line] = []
        count: Counter[Site | Level] = Counter()
        for line in ways:
            most = CHOICES if isinstance(line.target, Level) else PER_SITE
            if count[line.target] < most and self.fits(line) and self.smooth(line):
                found.append(line)
                count[line.target] += 1
                if len(found) == CHOICES:
                    break
        return found

    def take(self, line: Line) -> None:
        """Add the metal of a line to what there is."""
        stub, pieces = line.boxes()
        self._m1.append((line.terminal.net, stub))
        self._m2 += self.metal(line, pieces)

    def sizes(self) -> tuple[int, int]:
        """How much metal there is, for `undo`."""
        return len(self._m1), len(self._m2)

    def undo(self, sizes: tuple[int, int]) -> None:
        """Take away what was added since."""
        del self._m1[sizes[0] :], self._m2[sizes[1] :]

    def _ways(self, terminal: Terminal) -> Iterator[Line]:
        x, net = terminal.x_um, terminal.net
        width = Width.of(terminal.ma, net, self.landing_um, terminal.rail_um)
        over = Width.of(terminal.ma, net, self.landing_um, terminal.rail_um, over=True)
        own = kdb.Region(self._own(terminal))
        half = self.landing_um / 2
        beside = half + M2_SPACE_UM + width.m2_um / 2
        for target in terminal.targets:
            if isinstance(target, Level):
                steps = range(int(RAIL_REACH_UM / STEP_UM) + 1)
                places = {x + sign * k * STEP_UM for k in steps for sign in (-1, 1)}
            else:
                middle = target.x_um
                places = {x, middle, middle - self.pitch_um / 2, middle + self.pitch_um / 2}
                tracks = int((self.pitch_um - 2 * beside) / (width.m2_um + M2_SPACE_UM)) + 1
                for k in range(max(tracks, 1)):
                    aside = beside + k * (width.m2_um + M2_SPACE_UM)
                    places |= {middle - aside, middle + aside}
                places = {
                    at
                    for at in places
                    if abs(at - middle) <= half - width.m2_um / 2
                    or beside <= abs(at - middle) <= 2 * self.pitch_um
                }
            for at in places:
                line = Line(terminal, target, draw.on_grid(at), over)
                if (kdb.Region(line.boxes()[0]) - own).is_empty():
                    yield line
                elif terminal.pin is None or abs(at - x) <= max(REACH_UM, self.pitch_um):
                    yield Line(terminal, target, draw.on_grid(at), width)

    def _own(self, terminal: Terminal) -> list[kdb.Polygon]:
        """Device metal that a terminal is on."""
        pin = draw.point(terminal.x_um, terminal.y_um)
        near = self._shapes.each_touching(kdb.Box(pin, pin))
        return [shape.polygon for shape in near if shape.polygon.inside(pin)]

    def metal(self, line: Line, pieces: list[kdb.Box]) -> list[kdb.Box]:
        """M2 pieces of a line with its landing."""
        if isinstance(line.target, Level):
            return pieces
        half, x, y = self.landing_um / 2, line.target.x_um, line.target.y_um
        return [*pieces, box(x - half, y - half, x + half, y + half)]

    def smooth(self, line: Line) -> bool:
        """Whether a line meets its device and its bump without steps too short to be made."""
        stub, pieces = line.boxes()
        m1, m2 = kdb.Region(self._own(line.terminal)), kdb.Region()
        m1.insert(stub)
        for box in self.metal(line, pieces):
            m2.insert(box)
        short = draw.grid(STEP_MIN_UM)
        return not any(
            metal.merged().edges().with_length(1, short, False).count() for metal in (m1, m2)
        )

    def fits(self, line: Line) -> bool:
        """Whether a line keeps its distance from all other metal."""
        stub, pieces = line.boxes()
        net, space = line.terminal.net, draw.grid(M1_SPACE_UM) - 1
        around = stub.enlarged(space, space)
        for other, box in (*self._rails, *self._m1):
            if other != net and box.touches(around):
                return False
        pin = draw.point(line.terminal.x_um, line.terminal.y_um)
        for shape in self._shapes.each_touching(around):
            polygon = shape.polygon
            if not polygon.inside(pin) and polygon.touches(around):
                return False
        gap = draw.grid(M2_SPACE_UM) - 1
        return not any(
            box.enlarged(gap, gap).touches(other)
            for box in self.metal(line, pieces)
            for other in self._m2
        )


class _Search:
    """Branch and bound over one way for each terminal, for the least length together."""

    def __init__(self, escape: Escape, ways: Sequence[list[Line]]) -> None:
        self.escape = escape
        self.ways = ways
        self.best: list[Line] | None = None
        self._length = math.inf
        self._left = NODES
        # The least that the terminals from each on can add.
        shortest = [lines[0].length_um for lines in ways]
        self._least = [sum(shortest[k:]) for k in range(len(shortest) + 1)]
        self._step([], 0.0)

    def _step(self, found: list[Line], length: float) -> None:
        k = len(found)
        if k == len(self.ways):
            self.best, self._length = list(found), length
            self._left = min(self._left, MORE)
            return
        for line in self.ways[k]:
            through = length + line.length_um
            if self._left <= 0 or through + self._least[k + 1] >= self._length:
                return  # the ways are in order of length: the others are no shorter
            self._left -= 1
            if self.escape.fits(line):
                sizes = self.escape.sizes()
                self.escape.take(line)
                self._step([*found, line], through)
                self.escape.undo(sizes)


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
            # A square landing: a line that met a cut corner of the bump's own would leave a notch.
            half = bump_um / 2 + LANDING_UM / 2
            corners = (
                target.x_um - half,
                target.y_um - half,
                target.x_um + half,
                target.y_um + half,
            )
            draw.box(component, tech.M2, *corners)
            _place(component, pads.bump(size=bump_um), target.x_um, target.y_um)


def _place(component: gf.Component, cell: gf.Component, x_um: float, y_um: float) -> None:
    at = draw.point(x_um, y_um)
    (component << cell).trans = kdb.Trans(at.x, at.y)
