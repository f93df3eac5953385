"""Design rules of the technology over a whole layout file, flat, with a measured value per finding.

Uses KLayout's region engine from Python: no KLayout application and no rule script is needed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.checks.chip import Chip, open_chip
from lightloom.photonics.checks.verdict import Finding, Verdict, order
from lightloom.photonics.layer_map import OPEN, LayerMap
from lightloom.photonics.tech import Rule
from lightloom.spec.base import DesignError

MAX_FINDINGS = 1000
"""Places reported of one rule; a layout with more of them is wrong everywhere."""
MAX_MARKS = 500
"""Marks of one place that are looked at for the least distance: where there are more, as where a
layer covers the whole chip, any will do."""
FILE_RULES = (
    ("LAYER", "every shape is on a layer of the technology"),
    ("DICE", "a chip, which is a layout with port labels, has one die outline, a box"),
)
"""Rules about a file as a whole, which no layer of its own has."""
ACUTE_DEG = 80.0
"""Edges that meet at more than this are a corner, not a narrow place: the facet of a taper leans by
less than its neighbours' slope, a facet on the grid by a grid step."""


def check(gds: Path, rules: Sequence[Rule] = tech.RULES, layers: LayerMap = OPEN) -> Verdict:
    """Check a GDS or OASIS file. Raises `DesignError` when it has nothing to check."""
    return check_chip(open_chip(gds, layers), rules)


def check_chip(chip: Chip, rules: Sequence[Rule] = tech.RULES) -> Verdict:
    """Check an open layout; rules about the die are left out where there is no DICE."""
    if all(chip.region(rule.layer).is_empty() for rule in rules):
        raise DesignError(f"{chip.source}: no shape on any layer of the technology")
    run = _Run(chip)
    findings = [finding for rule in rules for finding in run.check(rule)]
    findings += [*_foreign(chip), *_die(chip)]
    texts = tuple((rule.name, rule.text) for rule in rules) + FILE_RULES
    return Verdict("drc", chip.name, texts, order(findings))


def _foreign(chip: Chip) -> Iterator[Finding]:
    """Shapes on layers that the technology does not have: nobody would make or check them."""
    for index in chip.layout.layer_indexes():
        info = chip.layout.get_info(index)
        box = chip.top.bbox(index)
        if box.empty() or (not info.is_named() and (info.layer, info.datatype) in tech.NAMES):
            continue
        at = box.center()
        text = f"shapes on layer {info}; allowed: layers of the technology"
        yield Finding("LAYER", text, at.x * chip.dbu, at.y * chip.dbu)


def _die(chip: Chip) -> Iterator[Finding]:
    """A layout with port labels is a chip, and a chip has an outline."""
    label = next(chip.texts(tech.LABEL), None)
    dice = list(chip.merged(tech.DICE).each())
    if label is not None and (len(dice) != 1 or not dice[0].is_box()):
        at = dice[-1].bbox().center() if dice else label[1]
        text = f"{len(dice)} outlines of the die; allowed: 1, a box"
        yield Finding("DICE", text, at.x * chip.dbu, at.y * chip.dbu)


class _Run:
    def __init__(self, chip: Chip) -> None:
        self.chip = chip

    def check(self, rule: Rule) -> list[Finding]:
        region = self.chip.merged(rule.layer)
        limit = round(rule.value_um / self.chip.dbu)
        if region.is_empty() and rule.kind != "enclosure":
            return []
        if rule.kind == "grid":
            return self._pairs(rule, region.grid_check(limit, limit)) if limit > 1 else []
        if rule.kind == "width":
            return self._pairs(rule, region.width_check(limit, ignore_angle=ACUTE_DEG))
        if rule.kind == "space":
            return self._pairs(rule, region.space_check(limit, ignore_angle=ACUTE_DEG))
        if rule.kind == "die":
            die = self.chip.merged(tech.DICE)
            inner = die.sized(-limit)
            if die.is_empty() or (inner.is_box() and region.bbox().inside(inner.bbox())):
                return []
            outside = region - inner
            return self._areas(rule, outside, "outside the allowed part of the die")
        assert rule.other is not None, rule.name
        other = self.chip.merged(rule.other)
        if rule.on is not None:
            other = other.interacting(self.chip.merged(rule.on))
        if rule.off is not None:
            other = other.not_interacting(self.chip.merged(rule.off))
        if rule.kind == "separation":
            return self._pairs(rule, region.separation_check(other, limit)) + self._areas(
                rule, region & other, "overlap; allowed: none"
            )
        return self._pairs(rule, region.enclosing_check(other, limit)) + self._areas(
            rule, other - region, "not enclosed at all"
        )

    def _pairs(self, rule: Rule, pairs: kdb.EdgePairs) -> list[Finding]:
        """One finding for each cluster of marks, with the least distance in it."""
        if pairs.is_empty():
            return []
        marks = kdb.Shapes()
        for pair in pairs.each():
            marks.insert(pair)
        findings: list[Finding] = []
        for cluster in pairs.polygons(1).merged().each():
            near = itertools.islice(marks.each_touching(cluster.bbox()), MAX_MARKS)
            worst = min((s.edge_pair for s in near), key=lambda pair: pair.distance())
            least = worst.distance() * self.chip.dbu
            message = f"{least:.3f} um; allowed: {rule.value_um:g} um or more ({rule.text})"
            if rule.kind == "grid":
                message = f"off grid ({rule.text})"
            findings.append(self._finding(rule, message, cluster, worst.bbox().center()))
            if len(findings) == MAX_FINDINGS:
                break
        return findings

    def _areas(self, rule: Rule, areas: kdb.Region, what: str) -> list[Finding]:
        return [
            self._finding(rule, f"{what} ({rule.text})", polygon, polygon.bbox().center())
            for polygon in list(areas.merged().each())[:MAX_FINDINGS]
        ]

    def _finding(self, rule: Rule, message: str, outline: kdb.Polygon, at: kdb.Point) -> Finding:
        dbu = self.chip.dbu
        corners = tuple((p.x * dbu, p.y * dbu) for p in outline.each_point_hull())
        return Finding(rule.name, message, at.x * dbu, at.y * dbu, corners)
