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

MAX_PIECES = 20_000
"""Beyond this many pieces a net is cut only one way: the place is less sharp, the time bounded."""


class _Piece(NamedTuple):
    layer: str
    polygon: kdb.Polygon


def bridge(
    shapes: Mapping[str, Sequence[kdb.Polygon]],
    joins: Iterable[tuple[str, str]],
    groups: Sequence[Sequence[Terminal]],
) -> kdb.Polygon | None:
    """Return the piece of a conductor that joins what should be `groups` of terminals.

    `shapes` are the merged polygons by layer, `joins` the pairs of layers that connect where they
    touch. The answer is the piece without which the groups are apart; among such pieces one that
    leaves each group whole. None when no single piece does it.
    """
    pieces = _pieces(shapes)
    links = _links(pieces, joins)
    homes = [[_home(pieces, terminal) for terminal in group] for group in groups]
    homes = [[home for home in group if home is not None] for group in homes]
    homes = [group for group in homes if group]
    if len(homes) < 2:
        return None
    # A piece whose removal parts two groups is on every way between them.
    best: tuple[int, list[int]] = (-1, [])
    for first, second in itertools.combinations(homes, 2):
        way = _way(links, first, set(second))
        score = {node: _score(links, homes, first, second, node) for node in way}
        top = max(score.values(), default=-1)
        if top > best[0]:
            best = top, [node for node in way if score[node] == top]
    if best[0] < 0:
        return None
    return pieces[best[1][len(best[1]) // 2]].polygon


def gap(
    fragments: Sequence[Mapping[str, Sequence[kdb.Polygon]]], near: int
) -> tuple[float, float] | None:
    """Return the middle of the shortest gap between the first fragment of a net and the others.

    A gap in one layer shorter than `near` is preferred; else the fragments meet on different
    layers, where a via is missing, or are simply far apart.
    """
    same: list[tuple[float, float, float]] = []
    other: list[tuple[float, float, float]] = []
    first = {layer: _edges(polygons) for layer, polygons in fragments[0].items()}
    for fragment in fragments[1:]:
        second = {layer: _edges(polygons) for layer, polygons in fragment.items()}
        for a, b in itertools.product(first, second):
            if len(first[a]) and len(second[b]):
                (same if a == b else other).append(_closest(first[a], second[b]))
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
        for shape in boxes.each_touching(piece.polygon.bbox()):
            other = shape.property(0)
            if other <= index:
                continue
            same = pieces[other].layer == piece.layer
            if not same and frozenset((piece.layer, pieces[other].layer)) not in joined:
                continue
            if piece.polygon.touches(pieces[other].polygon) and (
                not same or _share_an_edge(piece.polygon, pieces[other].polygon)
            ):
                links[index].append(other)
                links[other].append(index)
    return links


def _share_an_edge(a: kdb.Polygon, b: kdb.Polygon) -> bool:
    # Corner contact of two pieces of one polygon carries nothing.
    return not (kdb.Region(a).edges() & kdb.Region(b).edges()).is_empty()


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


def _reach(links: Sequence[Sequence[int]], starts: Iterable[int], without: int) -> set[int]:
    seen = {start for start in starts if start != without}
    queue = deque(seen)
    while queue:
        for other in links[queue.popleft()]:
            if other != without and other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def _score(
    links: Sequence[Sequence[int]],
    homes: Sequence[Sequence[int]],
    first: Sequence[int],
    second: Sequence[int],
    node: int,
) -> int:
    """-1: the groups stay joined without `node`; else the number of groups it leaves whole."""
    if _reach(links, first, node) & {home for home in second if home != node}:
        return -1
    return sum(
        node not in group and set(group) <= _reach(links, group[:1], node) for group in homes
    )


def _edges(polygons: Iterable[kdb.Polygon]) -> np.ndarray:
    return np.array(
        [(e.x1, e.y1, e.x2, e.y2) for polygon in polygons for e in polygon.each_edge()],
        dtype=float,
    ).reshape(-1, 4)


def _closest(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """Least distance between two sets of edges and the middle of the connecting line.

    Edges of separate polygons are closest at a corner of one of them.
    """
    best = (np.inf, 0.0, 0.0)
    for edges, corners in ((a, b[:, :2]), (b, a[:, :2])):
        start, step = edges[:, :2], edges[:, 2:] - edges[:, :2]
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
