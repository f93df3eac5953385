"""Random faults in a clean layout, each with the place where it was made.

Works on the GDS file with klayout.db and knows nothing of the checks. A mutation that changes no
shape and no mark, or that joins what is joined already, is never made: the mutator compares the
layouts and follows the metal itself, and draws again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.netlist import Netlist

KINDS = ("cut", "bridge", "swap", "remove", "resize", "shift", "rotate", "layer")
METAL = (tech.M1, tech.M2, tech.M3)
CUTS = (tech.VIA, tech.VIA2)
MASKS = tuple(info.layer for info in tech.MASKS)
INNER = (
    *(tech.SLAB, tech.WG, tech.N, tech.P, tech.NPP, tech.PPP),
    *(tech.GE, tech.CONTACT, tech.HEATER, tech.VIAH, tech.UNDERCUT),
)
MARKS = (tech.DEVREC, tech.PIN, tech.LABEL)
UM = 1000
TRIES = 400


@dataclass(frozen=True)
class Mutation:
    """A spoiled layout, what was done to it, and where."""

    kind: str
    what: str
    layout: kdb.Layout
    changed: kdb.Region
    """Everything that differs from the clean layout, whatever the layer, and the whole of a cell
    that was moved; database units."""
    names: frozenset[str]
    """Intended devices in which, and labels at which, something differs."""


class Impossible(Exception):
    """This try made nothing that counts as a fault."""


@dataclass
class Mutator:
    """Faults of one clean chip, in a row that its seed decides."""

    gds: Path
    netlist: Netlist
    seed: int
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.clean = kdb.Layout()
        self.clean.read(str(self.gds))
        _explode(self.clean)
        self.flat = _regions(self.clean)
        self.texts = _texts(self.clean)
        self.boxes = [
            (kdb.DPoint(i.x_um, i.y_um), name) for name, i in self.netlist.instances.items()
        ]
        self.nets = _nets(self.flat)
        self.moved = kdb.Region()
        self.name = self.clean.top_cell().name
        widths = {net.width_um for net in self.netlist.electrical.values()}
        self.widths = {round(width * UM) for width in widths if width}

    def make(self, kind: str) -> Mutation:
        """Make one fault of a kind."""
        action: Mapping[str, Callable[[kdb.Layout], str]] = {
            "cut": self._cut,
            "bridge": self._bridge,
            "swap": self._swap,
            "remove": self._remove,
            "resize": self._resize,
            "shift": self._shift,
            "rotate": self._rotate,
            "layer": self._layer,
        }
        for _ in range(TRIES):
            layout = self.clean.dup()
            self.moved = kdb.Region()
            try:
                what = action[kind](layout)
            except Impossible:
                continue
            _prune(layout, self.name)
            changed, masks = self._changed(layout)
            # Turned devices that look the same differ in marks only: nothing would be made wrong.
            if changed.is_empty() or (kind == "rotate" and not masks):
                continue
            changed = (changed + self.moved).merged()
            return Mutation(kind, what, layout, changed, self._names(changed))
        raise AssertionError(f"seed {self.seed}: no {kind} of {self.gds.name} in {TRIES} tries")

    # What differs --------------------------------------------------------------------------------

    def _changed(self, layout: kdb.Layout) -> tuple[kdb.Region, bool]:
        changed, masks = kdb.Region(), False
        now = _regions(layout)
        for layer in {*self.flat, *now}:
            difference = self.flat.get(layer, kdb.Region()) ^ now.get(layer, kdb.Region())
            changed += difference
            masks |= layer in MASKS and not difference.is_empty()
        before, after = self.texts, _texts(layout)
        for _, _, x, y in {**(before - after), **(after - before)}:
            changed.insert(kdb.Box(x - 1, y - 1, x + 1, y + 1))
        return changed.merged(), masks

    def _names(self, changed: kdb.Region) -> frozenset[str]:
        # A device is named when something changed within its own recognition box.
        names: set[str] = set()
        for outline in self.flat[tech.DEVREC].interacting(changed).each():
            near = outline.bbox()
            for centre, name in self.boxes:
                if (centre.to_itype(0.001) - near.center()).length() <= 10:
                    names.add(name)
        for layer, string, x, y in self.texts:
            spot = kdb.Region(kdb.Box(x - 2, y - 2, x + 2, y + 2))
            if layer == tech.LABEL and not spot.interacting(changed).is_empty():
                names.add(string)
        return frozenset(names)

    # Kinds ---------------------------------------------------------------------------------------

    def _cut(self, layout: kdb.Layout) -> str:
        layer = self._pick([tech.WG, tech.WG, tech.HEATER, *METAL])
        shape = self._shape(layout, layer)
        if layer == tech.WG:
            at = self._inside(shape)
            half = self.random.randint(500, 1500)
            box = kdb.Box(at.x - half, at.y - half, at.x + half, at.y + half)
        else:
            line = shape.bbox()
            lying = line.width() > line.height()
            share, gap = self.random.uniform(0.15, 0.85), self.random.randint(500, 4000)
            wide = 500
            if lying:
                x = line.left + round(share * line.width())
                box = kdb.Box(x, line.bottom - wide, x + gap, line.top + wide)
            else:
                y = line.bottom + round(share * line.height())
                box = kdb.Box(line.left - wide, y, line.right + wide, y + gap)
        # Where another shape leads around the gap nothing is cut.
        window = kdb.Region(box.enlarged(3000, 3000))
        left = (self.flat[layer] & window) - kdb.Region(box)
        before = (self.flat[layer] & window).merged().interacting(kdb.Region(box))
        if before.count() != 1 or left.interacting(before).count() < 2:
            raise Impossible
        self._replace(layout, layer, self.flat[layer] - kdb.Region(box))
        return f"{tech.NAMES[layer]} cut at {_um(box)}"

    def _bridge(self, layout: kdb.Layout) -> str:
        layer = self._pick([tech.WG, *METAL])
        pieces = list(self.flat[layer].each())
        first = self.random.choice(pieces)
        at = self._inside(first)
        reach = 200 * UM
        look = self.random.choice(["up", "right"])
        ray = kdb.Box(at.x, at.y, at.x, at.y + reach)
        if look == "right":
            ray = kdb.Box(at.x, at.y, at.x + reach, at.y)
        thick = ray.enlarged(1, 1)
        hits = [p for p in pieces if p != first and p.touches(thick)]
        if not hits:
            raise Impossible
        near = [(kdb.Region(p) & kdb.Region(thick)).bbox() for p in hits]
        key = (lambda b: b.bottom) if look == "up" else (lambda b: b.left)
        k = min(range(len(hits)), key=lambda i: key(near[i]))
        if layer != tech.WG and self._net(layer, first) == self._net(layer, hits[k]):
            raise Impossible  # joined already
        half = 210 if layer == tech.WG else self.random.randint(500, 2000)
        end = near[k].center()
        if look == "up":
            box = kdb.Box(at.x - half, at.y, at.x + half, end.y)
        else:
            box = kdb.Box(at.x, at.y - half, end.x, at.y + half)
        layout.cell(self.name).shapes(layout.layer(*layer)).insert(box)
        return f"{tech.NAMES[layer]} bridge at {_um(box)}"

    def _swap(self, layout: kdb.Layout) -> str:
        if self.random.random() < 0.5:
            return self._swap_labels(layout)
        top = layout.cell(self.name)
        devices = [i for i in top.each_inst() if _has(layout, i.cell, tech.DEVREC)]
        one, two = self.random.sample(devices, 2)
        if one.cell_index == two.cell_index:
            raise Impossible
        text = f"{one.cell.name} and {two.cell.name} exchanged"
        first, second = one.bbox().center(), two.bbox().center()
        one.transform(kdb.Trans(second - first))
        two.transform(kdb.Trans(first - second))
        return text

    def _swap_labels(self, layout: kdb.Layout) -> str:
        shapes = layout.cell(self.name).shapes(layout.layer(*tech.LABEL))
        texts = [shape for shape in shapes.each() if shape.is_text()]
        one, two = self.random.sample(texts, 2)
        a, b = one.text.string, two.text.string
        nets = {pad: name for name, net in self.netlist.electrical.items() for pad in net.pads}
        if nets.get(a, a) == nets.get(b, b):
            raise Impossible  # two pads of one net are the same
        for shape, string in ((one, b), (two, a)):
            text = shape.text
            text.string = string
            shape.text = text
        return f"labels {a} and {b} exchanged"

    def _remove(self, layout: kdb.Layout) -> str:
        what = self.random.random()
        if what < 0.25:
            instance = self.random.choice(list(layout.cell(self.name).each_inst()))
            text = f"{instance.cell.name} removed at {_um(instance.bbox())}"
            instance.delete()
            return text
        layer = self._pick([*MASKS, *MARKS])
        shape, shapes, at = self._drawn(layout, layer)
        text = f"{tech.NAMES[layer]} {shape} removed"
        self._erase(shapes, shape, at)
        return text

    def _resize(self, layout: kdb.Layout) -> str:
        layer = self._pick([*INNER, *METAL])
        shape, shapes, at = self._drawn(layout, layer)
        polygon = shape.polygon
        edges = [edge for edge in polygon.each_edge() if edge.length() > 300]
        if not edges:
            raise Impossible
        edge = self.random.choice(edges)
        by, grow = self.random.choice([2, 5, 10, 50, 200]), self.random.random() < 0.5
        if layer in METAL:
            # A line along its whole length: a bus is wider than its net asks for anyway.
            box = polygon.bbox()
            wide = min(box.width(), box.height())
            if wide not in self.widths or edge.length() <= 2 * wide:
                raise Impossible
            by, grow = self.random.choice([500, 1000, 3000]), False
        if grow:
            region = kdb.Region(polygon) + _beside(edge, by)
        else:
            region = kdb.Region(polygon) - _beside(edge, -by)
        self._erase(shapes, shape, at)
        spot = layout.cell(self.name).shapes(layout.layer(*layer))
        spot.insert(region.merged().transformed(at))
        side = "outwards" if grow else "inwards"
        return f"edge {at * edge} of {tech.NAMES[layer]} moved {by} nm {side}"

    def _shift(self, layout: kdb.Layout) -> str:
        by = self.random.choice([kdb.Vector(*v) for v in ((1, 0), (-1, 0), (0, 1), (0, -1))])
        if self.random.random() < 0.25:  # the mark of a port alone
            layer = self.random.choice([tech.PIN, tech.LABEL])
            shape, shapes, at = self._drawn(layout, layer)
            text = f"{tech.NAMES[layer]} {shape} moved by {by}"
            copy = shape.text.transformed(at) if shape.is_text() else shape.polygon.transformed(at)
            self._erase(shapes, shape, at)
            layout.cell(self.name).shapes(layout.layer(*layer)).insert(copy.moved(by.x, by.y))
            return text
        top = layout.cell(self.name)
        instance = self.random.choice(list(top.each_inst()))
        # A stack of cuts a grid step off the middle of its metal joins what it joined.
        if not any(_has(layout, instance.cell, x) for x in (tech.WG, tech.PAD, tech.BUMP)):
            raise Impossible
        text = f"{instance.cell.name} at {_um(instance.bbox())} moved by {by}"
        instance.transform(kdb.Trans(by))
        self.moved.insert(instance.bbox())
        return text

    def _rotate(self, layout: kdb.Layout) -> str:
        instance = self.random.choice(list(layout.cell(self.name).each_inst()))
        if _has(layout, instance.cell, tech.VIA) or _has(layout, instance.cell, tech.VIA2):
            raise Impossible  # a turned stack of cuts joins what it joined, with as many cuts
        turns = [kdb.Trans(a, m, 0, 0) for a in range(4) for m in (False, True) if a or m]
        turn = self.random.choice(turns)
        middle = instance.bbox().center() - kdb.Point()
        text = f"{instance.cell.name} at {_um(instance.bbox())} turned {turn}"
        instance.transform(kdb.Trans(middle) * turn * kdb.Trans(-middle))
        return text

    def _layer(self, layout: kdb.Layout) -> str:
        layer = self._pick(MASKS)
        other = self.random.choice([mask for mask in MASKS if mask != layer])
        shape, shapes, at = self._drawn(layout, layer)
        polygon = shape.polygon.transformed(at)
        self._erase(shapes, shape, at)
        layout.cell(self.name).shapes(layout.layer(*other)).insert(polygon)
        return f"{tech.NAMES[layer]} {_um(polygon.bbox())} on {tech.NAMES[other]}"

    # Tools ---------------------------------------------------------------------------------------

    def _pick(self, layers) -> tech.Layer:
        """A random layer among those that are drawn."""
        return self.random.choice([layer for layer in layers if layer in self.flat])

    def _shape(self, layout: kdb.Layout, layer: tech.Layer) -> kdb.Polygon:
        shape, _, at = self._drawn(layout, layer)
        if shape.is_text():
            raise Impossible
        return shape.polygon.transformed(at)

    def _drawn(
        self, layout: kdb.Layout, layer: tech.Layer
    ) -> tuple[kdb.Shape, kdb.Instance | None, kdb.Trans]:
        """A random shape as drawn, the instance it is in, and its place."""
        index, top = layout.find_layer(*layer), layout.cell(self.name)
        if index is None:
            raise Impossible
        found = [(shape, None, kdb.Trans()) for shape in top.shapes(index).each()]
        for instance in top.each_inst():
            found += [
                (shape, instance, instance.trans) for shape in instance.cell.shapes(index).each()
            ]
        if not found:
            raise Impossible
        return self.random.choice(found)

    def _erase(self, instance: kdb.Instance | None, shape: kdb.Shape, at: kdb.Trans) -> None:
        """Remove a shape at one place only."""
        if instance is None:
            shape.delete()
            return
        cell = instance.cell
        number, layer = _position(cell, shape)
        copy = cell.dup()
        instance.cell_index = copy.cell_index()
        list(copy.shapes(layer).each())[number].delete()

    def _replace(self, layout: kdb.Layout, layer: tech.Layer, region: kdb.Region) -> None:
        index, top = layout.layer(*layer), layout.cell(self.name)
        texts = [
            s.text.transformed(i.trans)
            for i in top.each_inst()
            for s in i.cell.shapes(index).each()
            if s.is_text()
        ]
        texts += [s.text for s in top.shapes(index).each() if s.is_text()]
        for cell in layout.each_cell():
            cell.shapes(index).clear()
        top.shapes(index).insert(region.merged())
        for text in texts:
            top.shapes(index).insert(text)

    def _inside(self, polygon: kdb.Polygon) -> kdb.Point:
        """A random place on the middle line of a polygon, roughly."""
        parts = list(polygon.decompose_trapezoids())
        weights = [part.area() for part in parts]
        part = self.random.choices(parts, weights)[0]
        box = part.bbox()
        share = self.random.uniform(0.1, 0.9)
        if box.width() > box.height():
            x = box.left + round(share * box.width())
            line = kdb.Region(part) & kdb.Region(kdb.Box(x, box.bottom, x + 2, box.top))
        else:
            y = box.bottom + round(share * box.height())
            line = kdb.Region(part) & kdb.Region(kdb.Box(box.left, y, box.right, y + 2))
        if line.is_empty():
            raise Impossible
        return line.bbox().center()

    def _net(self, layer: tech.Layer, polygon: kdb.Polygon) -> int:
        return self.nets[layer, polygon]


def _beside(edge: kdb.Edge, by: int) -> kdb.Region:
    """The strip along an edge, outside it where `by` is positive: the hull runs clockwise."""
    edges = kdb.Edges(edge)
    return edges.extended(0, 0, max(by, 0), max(-by, 0), False)


def _position(cell: kdb.Cell, shape: kdb.Shape) -> tuple[int, int]:
    for layer in cell.layout().layer_indexes():
        for number, other in enumerate(cell.shapes(layer).each()):
            if other == shape and layer == shape.layer:
                return number, layer
    raise AssertionError("shape of another cell")


def _explode(layout: kdb.Layout) -> None:
    """Bring the smallest cells, those with nothing in them but shapes, directly under the top."""
    top = layout.top_cell()
    while True:
        nested = next((i for i in top.each_inst() if i.cell.child_instances()), None)
        if nested is None:
            break
        cell, at = nested.cell, nested.trans
        nested.delete()  # Instance.explode leaves instances with properties as they are
        for index in layout.layer_indexes():
            for shape in cell.shapes(index).each():
                top.shapes(index).insert(shape, at)
        for child in cell.each_inst():
            top.insert(child.cell_inst.transformed(at))
    _prune(layout, top.name)
    arrays = [i.cell.name for i in top.each_inst() if i.is_regular_array()]
    assert not arrays, f"arrays of {arrays}: a mutation would spoil every element"


def _prune(layout: kdb.Layout, name: str) -> None:
    """Remove cells that are no longer used."""
    while len(layout.top_cells()) > 1:
        next(cell for cell in layout.top_cells() if cell.name != name).delete()


def _has(layout: kdb.Layout, cell: kdb.Cell, layer: tech.Layer) -> bool:
    index = layout.find_layer(*layer)
    return index is not None and not cell.shapes(index).is_empty()


def _regions(layout: kdb.Layout) -> dict[tech.Layer, kdb.Region]:
    top, found = layout.top_cell(), {}
    for index in layout.layer_indexes():
        info = layout.get_info(index)
        region = kdb.Region(top.begin_shapes_rec(index)).merged()
        if not region.is_empty():
            found[info.layer, info.datatype] = region
    return found


def _texts(layout: kdb.Layout) -> Counter:
    top, found = layout.top_cell(), Counter()
    for layer in (tech.DICE, *MARKS):
        index = layout.find_layer(*layer)
        if index is None:
            continue
        shapes = top.begin_shapes_rec(index)
        shapes.shape_flags = kdb.Shapes.STexts
        while not shapes.at_end():
            text = shapes.shape().text.transformed(shapes.trans())
            found[layer, text.string, text.x, text.y] += 1
            shapes.next()
    return found


def _nets(flat: Mapping[tech.Layer, kdb.Region]) -> dict[tuple[tech.Layer, kdb.Polygon], int]:
    """Which pieces of metal hang together: a number for each, by a walk over touching pieces."""
    pieces = [(layer, p) for layer in METAL if layer in flat for p in flat[layer].each()]
    parent = list(range(len(pieces)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for cuts, pair in zip(CUTS, ((tech.M1, tech.M2), (tech.M2, tech.M3)), strict=True):
        for cut in flat.get(cuts, kdb.Region()).each():
            ends = [i for i, (layer, p) in enumerate(pieces) if layer in pair and p.touches(cut)]
            for i in ends[1:]:
                parent[root(i)] = root(ends[0])
    return {piece: root(i) for i, piece in enumerate(pieces)}


def _um(box: kdb.Box) -> str:
    return f"({box.center().x / UM:.3f}, {box.center().y / UM:.3f})"
