"""Random faults in clean chips: DRC and LVS find them, at their place, and say nothing else.

A fault counts as found at its place when a finding lies within `NEAR_UM` of what was changed, or
names the device or label that was changed. Run it for the table: `pytest -s`.
"""

import re
from collections import Counter
from dataclasses import dataclass

import klayout.db as kdb
import pytest

from lightloom.photonics import netlist as netlists
from lightloom.photonics import preview
from lightloom.photonics.checks import drc, extract, lvs
from lightloom.photonics.checks.chip import Chip, open_chip
from lightloom.photonics.engine.chip import engine_chip
from lightloom.photonics.switch.fabric import switch_chip
from lightloom.spec.design import Design, Engine, Serdes, Switch, Technology

from . import mutator

NEAR_UM = 5.0
SEED = 20261125
EACH = 7
"""Faults of each kind in each chip."""
REQUIRED = 0.99


def switch(technology=None, **values):
    return switch_chip(Switch(ports=4, **values), technology or Technology())


def engine(lanes=1, **values):
    design = Design(name="m", serdes=Serdes(lanes=lanes), engine=Engine(**values))
    return engine_chip(design.engine, design.fibre_lanes)


CHIPS = {
    "benes": switch,
    "piloss": lambda: switch(topology="piloss"),
    "rings": lambda: engine(lanes=2, modulator="ring"),
    "mzms": lambda: engine(lanes=1, modulator="mzm"),
}
MORE_CHIPS = {
    "crossbar": lambda: switch(topology="crossbar"),
    "switch-and-select": lambda: switch(topology="switch-and-select"),
    "odd-even": lambda: switch(topology="odd-even", phase_shifter="undercut"),
    "ocstrx": lambda: switch(topology="ocstrx"),
    "diodes": lambda: switch(phase_shifter="pin", monitors="port", coupler="grating"),
    "bumps": lambda: switch(Technology(band="C", metals=3), contacts="bumps", monitors="cell"),
    "wdm": lambda: engine(lanes=4, modulator="ring", wavelengths=4, receiver="drop-filter"),
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """File and intended netlist of a chip."""
    folder = tmp_path_factory.mktemp("clean")
    made = {}

    def of(name):
        if name not in made:
            chip = (CHIPS | MORE_CHIPS)[name]()
            gds, yml = folder / f"{name}.gds", folder / f"{name}.yml"
            preview.write_layout(chip.component, gds)
            chip.netlist.write(yml)
            made[name] = gds, netlists.read(yml)
        return made[name]

    return of


def findings(chip, intended):
    found = extract.extract_chip(chip)
    return [*lvs.check_extraction(found, intended).findings, *drc.check_chip(chip).findings]


@dataclass
class Campaign:
    """Counts by kind, and what escaped."""

    made: Counter
    found: Counter
    escaped: list

    def table(self):
        rows = [f"{'kind':8} {'made':>5} {'found at the place':>19}"]
        rows += [f"{kind:8} {self.made[kind]:5} {self.found[kind]:19}" for kind in self.made]
        return "\n".join([*rows, *map(str, self.escaped)])

    @property
    def part(self):
        return sum(self.found.values()) / sum(self.made.values())


def at_place(finding, mutation):
    if any(re.search(rf"(?<![\w.]){re.escape(n)}(?!\w)", finding.message) for n in mutation.names):
        return True
    x, y = round(finding.x_um * mutator.UM), round(finding.y_um * mutator.UM)
    near = round(NEAR_UM * mutator.UM)
    spot = kdb.Region(kdb.Box(x - near, y - near, x + near, y + near))
    return not mutation.changed.interacting(spot).is_empty()


def campaign(drawn, names, each, seed):
    print(f"seed {seed}")
    result = Campaign(Counter(), Counter(), [])
    for number, name in enumerate(names):
        gds, intended = drawn(name)
        source = mutator.Mutator(gds, intended, seed + number)
        for kind in mutator.KINDS:
            for _ in range(each):
                mutation = source.make(kind)
                found = findings(Chip(mutation.layout, name), intended)
                result.made[kind] += 1
                if any(at_place(finding, mutation) for finding in found):
                    result.found[kind] += 1
                else:
                    box = mutation.changed.bbox().to_dtype(0.001)
                    said = [str(finding) for finding in found[:3]] or "nothing"
                    result.escaped.append((name, kind, mutation.what, str(box), said))
    print(result.table())
    return result


@pytest.mark.parametrize("name", [*CHIPS, *MORE_CHIPS])
def test_clean_chips_raise_no_alarm(drawn, name):
    gds, intended = drawn(name)
    assert [str(finding) for finding in findings(open_chip(gds), intended)] == []


def test_random_faults_are_found_where_they_are(drawn):
    result = campaign(drawn, CHIPS, EACH, SEED)
    assert sum(result.made.values()) >= 200
    assert set(result.made) == set(mutator.KINDS)
    assert result.part >= REQUIRED, result.table()


@pytest.mark.slow
def test_two_thousand_random_faults_are_found_where_they_are(drawn):
    names = [*CHIPS, *MORE_CHIPS]
    result = campaign(drawn, names, 23, SEED + 1000)
    assert sum(result.made.values()) >= 2000
    assert result.part >= REQUIRED, result.table()


def test_the_same_seed_makes_the_same_faults(drawn):
    gds, intended = drawn("benes")
    first, again = (mutator.Mutator(gds, intended, 7) for _ in range(2))
    for kind in mutator.KINDS:
        one, two = first.make(kind), again.make(kind)
        assert (one.what, one.names) == (two.what, two.names)
        assert (one.changed ^ two.changed).is_empty()
