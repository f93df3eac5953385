"""Where a fault is: the piece of metal that shorts two nets, the gap that opens one.

The netlists say *that* something is wrong; the geometry of the nets concerned says where.
Coordinates are database units.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import klayout.db as kdb
import numpy as np

Terminal = tuple[str, kdb.Point]
"""Layer and point of a pin or pad."""

MAX_GROUPS = 6
"""Of more groups than this on one piece of metal only some pairs are looked at: it is no bridge."""
MAX_PAIRS = 15
"""As many as there are of `MAX_GROUPS`."""
MAX_JOINED = 40
"""Of still more groups none: something covers everything, and is seen without a search."""
MAX_PIECES = 20_000
"""Beyond this many pieces a net is cut only one way: the place is less sharp, the time bounded."""


class _Piece(NamedTuple):
    layer: str
    polygon: kdb.Polygon


def bridges(
    shapes: Mapping[str, Sequence[kdb.Polygon]],
    joins: Iterable[tuple[str, str]],
    groups: Mapping[str, Sequence[Terminal]],
) -> list[tuple[str, str, kdb.Polygon]]:
    """Return what joins `groups` of terminals that should be apart: two names and a piece, each.

    `shapes` are the merged polygons by layer, `joins` the pairs of layers that connect where they
    touch. A bridge is looked for on the way from one group's metal to another's, where that does
    not lead over a third: a piece without which the two are apart and each still whole; failing
    that, where the two meet.
    """
    if len(groups) > MAX_JOINED:
        return []
    pieces = _pieces(shapes)
    links = _links(pieces, joins)
    homes = {name: _homes(pieces, group) for name, group in groups.items()}
    trees = {name: _tree(links, group) for name, group in homes.items()}
    found: list[tuple[str, str, kdb.Polygon]] = []
    pairs = itertools.combinations(groups, 2)
    if len(groups) > MAX_GROUPS:
        pairs = itertools.pairwise(groups)
    for first, second in itertools.islice(pairs, MAX_PAIRS):
        members = set(trees[second])
        common = [node for node in trees[first] if node in members]
        way = common or _way(links, trees[first], set(trees[second]))
        others = set().union(*(trees[name] for name in groups if name not in (first, second)))
        if not way or others & set(way[1:-1]):
            continue
        score = [_score(links, homes[first], homes[second], node) for node in way]
        if max(score) >= 0:
            way = [node for node, value in zip(way, score, strict=True) if value == max(score)]
        found.append((first, second, _halfway([pieces[node].polygon for node in way])))
    return found


def _score(
    links: Sequence[Sequence[int]], first: Sequence[int], second: Sequence[int], node: int
) -> int:
    """-1: the groups stay joined without `node`; else how many of them it leaves whole."""
    reached = _reach(links, first, node)
    if reached & set(second):
        return -1
    one = node not in first and set(first) <= _reach(links, first[:1], node)
    two = node not in second and set(second) <= _reach(links, second[:1], node)
    return one + two


def _reach(links: Sequence[Sequence[int]], starts: Iterable[int], without: int) -> set[int]:
    seen = {start for start in starts if start != without}
    queue = deque(seen)
    while queue:
        for other in links[queue.popleft()]:
            if other != without and other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def _homes(pieces: Sequence[_Piece], group: Iterable[Terminal]) -> list[int]:
    homes = (_home(pieces, terminal) for terminal in group)
    return [home for home in homes if home is not None]


def _tree(links: Sequence[Sequence[int]], homes: Sequence[int]) -> list[int]:
    """Pieces on the shortest ways from the first terminal to the others, without repeats."""
    before = _search(links, homes[:1])
    found: dict[int, None] = dict.fromkeys(homes[:1])
    for home in homes[1:]:
        way: list[int] = []
        while home >= 0 and home in before and home not in found:
            way.append(home)
            home = before[home]
        found |= dict.fromkeys(reversed(way))
    return list(found)


def _search(links: Sequence[Sequence[int]], starts: Sequence[int]) -> dict[int, int]:
    """Every piece that can be reached, with the one before it on a shortest way, -1 for none."""
    before = {start: -1 for start in starts}
    queue = deque(starts)
    while queue:
        node = queue.popleft()
        for other in links[node]:
            if other not in before:
                before[other] = node
                queue.append(other)
    return before


def _halfway(way: Sequence[kdb.Polygon]) -> kdb.Polygon:
    """Piece in the middle of a way, by length: small pieces at its ends do not count for more."""
    boxes = [piece.bbox() for piece in way]
    ends = list(itertools.accumulate(max(box.width(), box.height()) for box in boxes))
    return next(piece for piece, end in zip(way, ends, strict=True) if end >= ends[-1] / 2)


def gap(
    fragments: Sequence[Mapping[str, Sequence[kdb.Polygon]]],
    near: int,
    over: Iterable[tuple[str, str]] = (),
) -> tuple[float, float] | None:
    """Return the middle of what keeps the first fragment of a net from the others.

    Where two layers of a pair of `over`, which a cut could join, lie over each other the cut is
    missing: the middle of the largest such place. Else the shortest gap: one in one layer that is
    shorter than `near`, else the shortest of all.
    """
    over = list(over)
    missing = [
        place
        for fragment in fragments[1:]
        for a, b in over
        for first, second in ((fragments[0], fragment), (fragment, fragments[0]))
        if a in first and b in second
        for place in (kdb.Region(list(first[a])) & kdb.Region(list(second[b]))).merged().each()
    ]
    if missing:
        middle = max(missing, key=lambda place: place.area()).bbox().center()
        return float(middle.x), float(middle.y)
    same: list[tuple[float, float, float]] = []
    other: list[tuple[float, float, float]] = []
    first = {layer: edges(polygons) for layer, polygons in fragments[0].items()}
    for fragment in fragments[1:]:
        second = {layer: edges(polygons) for layer, polygons in fragment.items()}
        for a, b in itertools.product(first, second):
            if len(first[a]) and len(second[b]):
                (same if a == b else other).append(closest(first[a], second[b]))
    chosen = min(same, default=None)
    if other and (chosen is None or (chosen[0] > near and min(other)[0] < chosen[0])):
        chosen = min(other)
    return None if chosen is None else chosen[1:]


def far_end(polygon: kdb.Polygon, start: kdb.Point) -> kdb.Point:
    """Return the other end of a strip: the point of its outline farthest along it from `start`."""
    points = [(p.x, p.y) for p in polygon.each_point_hull()]
    outline = np.array([*points, points[0]], dtype=float)
    steps = np.diff(outline, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    t = ((start.x, start.y) - outline[:-1]) * steps
    t = np.clip(t.sum(axis=1) / np.maximum(lengths, 1e-9) ** 2, 0, 1)
    foot = outline[:-1] + t[:, None] * steps
    nearest = int(np.argmin(np.hypot(*(foot - (start.x, start.y)).T)))
    target = (along[nearest] + t[nearest] * lengths[nearest] + along[-1] / 2) % along[-1]
    x = float(np.interp(target, along, outline[:, 0]))
    y = float(np.interp(target, along, outline[:, 1]))
    return kdb.Point(round(x), round(y))


def _pieces(shapes: Mapping[str, Sequence[kdb.Polygon]]) -> list[_Piece]:
    """Cut the shapes along the lines of their corners, both ways, so that every arm is a piece."""
    pieces: list[_Piece] = []
    for layer, polygons in shapes.items():
        for polygon in polygons:
            flat = _convex(polygon, kdb.Polygon.PO_horizontal)
            upright = _convex(polygon, kdb.Polygon.PO_vertical)
            if len(pieces) + len(flat) + len(upright) > MAX_PIECES:
                pieces += [_Piece(layer, piece) for piece in flat]
                continue
            found = kdb.Shapes()
            for piece in upright:
                found.insert(piece)
            for piece in flat:
                for shape in found.each_touching(piece.bbox()):
                    both = kdb.Region(piece) & kdb.Region(shape.polygon)
                    pieces += [_Piece(layer, part) for part in both.each()]
    return pieces


def _convex(polygon: kdb.Polygon, orientation: int) -> list[kdb.Polygon]:
    return list(kdb.Region(polygon).decompose_convex_to_region(orientation).each())


def _links(pieces: Sequence[_Piece], joins: Iterable[tuple[str, str]]) -> list[list[int]]:
    joined = {frozenset(pair) for pair in joins}
    boxes = kdb.Shapes()
    for index, piece in enumerate(pieces):
        boxes.insert(kdb.BoxWithProperties(piece.polygon.bbox(), {0: index}))
    links: list[list[int]] = [[] for _ in pieces]
    for index, piece in enumerate(pieces):
        grown = kdb.Region(piece.polygon).sized(2)
        for shape in boxes.each_touching(piece.polygon.bbox().enlarged(2)):
            other = shape.property(0)
            if other <= index:
                continue
            if pieces[other].layer == piece.layer:
                # Slanted cuts are rounded to the grid, so neighbours may miss each other by a step;
                # the contact of two corners carries nothing.
                linked = (grown & kdb.Region(pieces[other].polygon)).area() > 40
            else:
                linked = frozenset((piece.layer, pieces[other].layer)) in joined
                linked = linked and piece.polygon.touches(pieces[other].polygon)
            if linked:
                links[index].append(other)
                links[other].append(index)
    return links


def _home(pieces: Sequence[_Piece], terminal: Terminal) -> int | None:
    layer, point = terminal
    spot = kdb.Box(point.x - 2, point.y - 2, point.x + 2, point.y + 2)
    for index, piece in enumerate(pieces):
        near = piece.layer == layer and piece.polygon.bbox().touches(spot)
        if near and (piece.polygon.inside(point) or piece.polygon.touches(spot)):
            return index
    return None


def _way(links: Sequence[Sequence[int]], starts: Sequence[int], ends: set[int]) -> list[int]:
    """Shortest way from any start to any end, both included."""
    before: dict[int, int] = {start: -1 for start in starts}
    queue = deque(starts)
    while queue:
        node = queue.popleft()
        if node in ends:
            way = []
            while node >= 0:
                way.append(node)
                node = before[node]
            return way[::-1]
        for other in links[node]:
            if other not in before:
                before[other] = node
                queue.append(other)
    return []


def edges(polygons: Iterable[kdb.Polygon]) -> np.ndarray:
    """Edges of polygons as rows x1, y1, x2, y2."""
    return np.array(
        [(e.x1, e.y1, e.x2, e.y2) for polygon in polygons for e in polygon.each_edge()],
        dtype=float,
    ).reshape(-1, 4)


def closest(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Least distance between two sets of edges and the middle of the connecting line.

    Edges of separate polygons are closest at a corner of one of them.
    """
    best = (np.inf, 0.0, 0.0)
    for sides, corners in ((a, b[:, :2]), (b, a[:, :2])):
        start, step = sides[:, :2], sides[:, 2:] - sides[:, :2]
        square = np.maximum((step**2).sum(axis=1), 1e-9)
        for low in range(0, len(corners), 256):
            block = corners[low : low + 256]
            t = ((block[:, None] - start) * step).sum(axis=2) / square
            foot = start + np.clip(t, 0, 1)[:, :, None] * step
            distance = np.hypot(*np.moveaxis(block[:, None] - foot, 2, 0))
            i, j = np.unravel_index(int(np.argmin(distance)), distance.shape)
            if distance[i, j] < best[0]:
                x, y = (block[i] + foot[i, j]) / 2
                best = (float(distance[i, j]), float(x), float(y))
    return best
