"""The technology for KLayout: `lightloom.lyt`, `lightloom.lyp` and the design rules as a script.

The script is the twin of `checks.drc`, written from the same rules in KLayout's own language, for
those who check layouts inside KLayout::

    klayout -b -r lightloom.drc -rd input=chip.gds -rd report=chip.lyrdb
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lightloom.photonics import tech
from lightloom.photonics.checks.drc import ACUTE_DEG, FILE_RULES
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.photonics.tech import Layer, Rule

NAME = "lightloom"
DESCRIPTION = "Open silicon photonics demonstration technology, O-band and C-band"


def write(directory: Path, layers: LayerMap = OPEN) -> tuple[Path, ...]:
    """Write `lightloom.lyt`, `.lyp` and `.drc` into a directory that exists; return their paths.

    `layers` gives the numbers that layouts are written with.
    """
    # Loaded here: it draws pictures too, which the other two files do not need.
    from lightloom.photonics.pictures.render import layer_view

    files = tuple(directory / f"{NAME}{suffix}" for suffix in (".lyt", ".lyp", ".drc"))
    files[0].write_text(technology(layers))
    layer_view(layers.infos()).save_layer_props(str(files[1]))
    files[2].write_text(deck(layers))
    return files


def technology(layers: LayerMap = OPEN) -> str:
    """Return the technology file: units, layer colours beside it, what the net tracer follows."""
    import klayout.db as kdb

    made = kdb.Technology()
    made.name, made.description, made.dbu = NAME, DESCRIPTION, tech.DBU_UM
    made.layer_properties_file = f"{NAME}.lyp"
    made.add_other_layers = True
    stack = kdb.NetTracerConnectivity()
    stack.name, stack.description = "metal", "metals, vias and bumps"
    for name, expression in symbols(layers).items():
        stack.symbol(name, expression)
    for materials in connections():
        stack.connection(*materials)
    tracer = made.component("connectivity")
    assert isinstance(tracer, kdb.NetTracerTechnologyComponent)
    tracer.add(stack)
    return made.to_xml()


def connections() -> list[tuple[str, ...]]:
    """What the net tracer follows: metal, cut, metal; or a landing and the bump on it."""
    steps = zip(tech.JOINS[::2], tech.JOINS[1::2], strict=True)
    stack = [(tech.NAMES[a], tech.NAMES[cut], tech.NAMES[b]) for (a, cut), (_, b) in steps]
    return [*stack, *((tech.NAMES[layer], _bump(layer)) for layer in tech.LANDINGS)]


def symbols(layers: LayerMap = OPEN) -> dict[str, str]:
    """Expression of each name in `connections`, in layer numbers."""
    drawn = {layer for pair in tech.JOINS for layer in pair}
    found = {tech.NAMES[layer]: _source(layer, layers) for layer in sorted(drawn)}
    bump = _source(tech.BUMP, layers)
    for layer in tech.LANDINGS:
        found[_bump(layer)] = bump
        bump += f"-{_source(layer, layers)}"  # a bump is on the first metal that is beneath it
    return found


def _bump(landing: Layer) -> str:
    return f"BUMP_{tech.NAMES[landing]}"


def _source(layer: Layer, layers: LayerMap) -> str:
    return "{}/{}".format(*layers.number(tech.NAMES[layer]))


def deck(layers: LayerMap = OPEN) -> str:
    """Return the design rules as a script of KLayout's DRC language."""
    return "".join(f"{line}\n" for line in _deck(layers))


def _deck(layers: LayerMap) -> Iterator[str]:
    yield "# Design rules of the lightloom technology, written from the rules of lightloom itself."
    yield "#"
    yield "#   klayout -b -r lightloom.drc -rd input=chip.gds -rd report=chip.lyrdb"
    yield "#"
    yield "# Without input the layout that is shown is checked, without report the result is shown."
    yield ""
    yield "source($input) if $input"
    yield '$report ? report("lightloom drc", $report) : report("lightloom drc")'
    yield ""
    yield "# One mark for places that touch, so that a bent narrow strip is one finding."
    yield "marks = lambda { |pairs| pairs.polygons(1).merged }"
    yield ""
    for info in tech.MASKS:
        number, datatype = layers.number(info.name)
        yield f"{_name(info.layer)} = input({number}, {datatype})"
    for rule in tech.RULES:
        yield ""
        yield from _check(rule)
    yield ""
    yield from _foreign(layers)
    yield ""
    yield from _die(layers)


def _foreign(layers: LayerMap) -> Iterator[str]:
    known = ", ".join(f"[{a}, {b}]" for a, b in map(layers.number, tech.LAYERS))
    yield f"known = [{known}]"
    yield "foreign = polygon_layer"
    yield "source.layout.layer_indexes.each do |index|"
    yield "  info = source.layout.get_info(index)"
    yield "  next if !info.is_named? && known.include?([info.layer, info.datatype])"
    yield "  box = source.cell_obj.bbox_per_layer(index)"
    yield "  foreign.insert(box.enlarged(1, 1).to_dtype(source.layout.dbu)) unless box.empty?"
    yield "end"
    yield _output("foreign", "LAYER")


def _die(layers: LayerMap) -> Iterator[str]:
    number, datatype = layers.number(tech.NAMES[tech.LABEL])
    yield f"ports = labels({number}, {datatype})"
    yield "outlines = dice.data.merged"
    yield "single = outlines.count == 1 && outlines.is_box?"
    yield "wrong = polygon_layer"
    yield "if !ports.is_empty? && !single"
    yield "  box = (outlines.is_empty? ? ports.data : outlines).bbox"
    yield "  wrong.insert(box.enlarged(1, 1).to_dtype(source.layout.dbu))"
    yield "end"
    yield _output("wrong", "DICE")


def _output(found: str, name: str) -> str:
    return f"{found}.raw.output({_quoted(name)}, {_quoted(dict(FILE_RULES)[name])})"


def _name(layer: Layer) -> str:
    return tech.NAMES[layer].lower()


def _check(rule: Rule) -> Iterator[str]:
    layer, limit = _name(rule.layer), f"{rule.value_um:g}.um"
    acute = f"angle_limit({ACUTE_DEG:g})"
    other = "" if rule.other is None else _name(rule.other)
    if rule.on is not None:
        other += f".interacting({_name(rule.on)})"
    if rule.off is not None:
        other += f".not_interacting({_name(rule.off)})"
    found = {
        "width": f"marks.({layer}.width({limit}, {acute}))",
        "space": f"marks.({layer}.space({limit}, {acute}))",
        "grid": f"marks.({layer}.ongrid({limit}))",
        "die": f"(dice.is_empty? ? dice : {layer} - dice.sized(-{limit})).merged",
        "separation": f"marks.({layer}.separation({other}, {limit})) + ({layer} & {other}).merged",
        "enclosure": f"marks.({layer}.enclosing({other}, {limit})) + ({other} - {layer}).merged",
    }
    yield f"({found[rule.kind]}).raw.output({_quoted(rule.name)}, {_quoted(rule.text)})"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
