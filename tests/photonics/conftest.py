from functools import cache

import klayout.db as kdb
import pytest

from lightloom.photonics import tech

CORNER_DEG = 80
"""Edges that meet at more are a corner: the facet of a taper leans by a fraction of a degree."""


def _regions(component):
    layout, cell = component.kcl.layout, component.kdb_cell
    regions = {}
    for info in tech.LAYERS.values():
        index = layout.find_layer(*info.layer)
        shapes = kdb.Region() if index is None else kdb.Region(cell.begin_shapes_rec(index))
        regions[info.layer] = shapes.merged()
    return regions


def _broken(component):
    """Names of width, space, enclosure, separation and die rules that a component breaks.

    Written on plain regions, apart from the product's own checker.
    """
    regions = _regions(component)
    die = regions[tech.DICE]
    broken = []
    for rule in tech.RULES:
        value, shapes = round(rule.value_um / tech.DBU_UM), regions[rule.layer]
        other = regions[rule.other] if rule.other else kdb.Region()
        if rule.kind == "width":
            bad = shapes.width_check(value, ignore_angle=CORNER_DEG).count()
        elif rule.kind == "space":
            bad = shapes.space_check(value, ignore_angle=CORNER_DEG).count()
        elif rule.kind == "enclosure":
            if rule.on:
                other = other.interacting(regions[rule.on])
            if rule.off:
                other = other.not_interacting(regions[rule.off])
            bad = (other.sized(value) - shapes).count()
        elif rule.kind == "separation":
            bad = shapes.separation_check(other, value).count() + (shapes & other).count()
        elif rule.kind == "die":
            bad = 0 if die.is_empty() else (shapes - die.sized(-value)).count()
        else:
            bad = 0  # coordinates are integers of the grid by construction
        if bad:
            broken.append(f"{rule.name}: {bad}")
    return broken


def _texts(component, layer):
    index = component.kcl.layout.find_layer(*layer)
    if index is None:
        return []
    found, shapes = [], component.kdb_cell.begin_shapes_rec(index)
    shapes.shape_flags = kdb.Shapes.STexts
    while not shapes.at_end():
        text = shapes.shape().text.transformed(shapes.trans())
        found.append((text.string, kdb.Point(text.x, text.y)))
        shapes.next()
    return found


@pytest.fixture(scope="session")
def switch_files(tmp_path_factory):
    """A 4x4 switch as a GDS file, and its intended netlist."""
    from lightloom.photonics.preview import write_layout
    from lightloom.photonics.switch.fabric import switch_chip
    from lightloom.spec.design import Switch

    chip = switch_chip(Switch(ports=4))
    path = tmp_path_factory.mktemp("switch4") / "switch.gds"
    write_layout(chip.component, path)
    return path, chip.netlist


@pytest.fixture(scope="session")
def regions():
    """Merged flat regions of a component by layer."""
    return _regions


@pytest.fixture(scope="session")
def broken_rules():
    return _broken


@pytest.fixture(scope="session")
def texts():
    """Flat texts of a layer of a component: string and point."""
    return _texts


@pytest.fixture(scope="session")
def netlist(tmp_path_factory):
    """Extracted netlist of a chip of four ports or lanes, by the values of its design section."""
    from lightloom.photonics import preview
    from lightloom.photonics.checks import extract
    from lightloom.photonics.engine.chip import engine_chip
    from lightloom.photonics.switch.fabric import switch_chip
    from lightloom.spec.design import Engine, Switch, Technology

    folder = tmp_path_factory.mktemp("chips")

    @cache
    def of(band="O", **values):
        path = folder / f"{len(list(folder.iterdir()))}.gds"
        if "modulator" in values:
            chip = engine_chip(Engine(**values), 4)
        else:
            chip = switch_chip(Switch(ports=4, **values), Technology(band=band))
        preview.write_layout(chip.component, path)
        return extract.extract(path)

    return of
