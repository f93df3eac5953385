"""What a check of a layout says: findings with a rule and a place, and KLayout's report of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where.

    `polygon` outlines the place in um when there is more to mark than a point.
    """

    rule: str
    message: str
    x_um: float
    y_um: float
    polygon: tuple[tuple[float, float], ...] = ()

    def __str__(self) -> str:
        """One line for a terminal: rule, place, message."""
        return f"{self.rule} at ({self.x_um:.3f}, {self.y_um:.3f}) um: {self.message}"


@dataclass(frozen=True)
class Verdict:
    """Every finding of one check (`drc` or `lvs`) of one cell, in order of rule and place."""

    check: str
    cell: str
    rules: tuple[tuple[str, str], ...]
    """Name and text of each rule that was checked, found broken or not."""
    findings: tuple[Finding, ...]

    @property
    def clean(self) -> bool:
        """Nothing was found."""
        return not self.findings

    def counts(self) -> dict[str, int]:
        """Findings of each broken rule."""
        return dict(Counter(finding.rule for finding in self.findings))

    def write_lyrdb(self, path: Path) -> None:
        """Write a KLayout marker database: every checked rule is a category, even when clean."""
        # A verdict read from the cache needs no KLayout, 60 MB.
        import klayout.db as kdb
        import klayout.rdb as rdb

        database = rdb.ReportDatabase(self.check)
        database.description = f"lightloom {self.check}: {len(self.findings)} findings"
        database.top_cell_name = self.cell
        cell = database.create_cell(self.cell)
        categories: dict[str, rdb.RdbCategory] = {}
        for name, text in self.rules:
            categories[name] = database.create_category(name)
            categories[name].description = text
        for finding in self.findings:
            if finding.rule not in categories:
                categories[finding.rule] = database.create_category(finding.rule)
            item = database.create_item(cell, categories[finding.rule])
            item.add_value(finding.message)
            if len(finding.polygon) > 2:
                item.add_value(kdb.DPolygon([kdb.DPoint(x, y) for x, y in finding.polygon]))
            else:
                # KLayout shows a marker only for something with an extent: a 1 um cross mark.
                x, y = finding.x_um, finding.y_um
                item.add_value(kdb.DEdge(x - 0.5, y, x + 0.5, y))
                item.add_value(kdb.DEdge(x, y - 0.5, x, y + 0.5))
        database.save(str(path))


def order(findings: list[Finding]) -> tuple[Finding, ...]:
    """Findings by rule, then from left to right, without repeats."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda f: (f.rule, f.x_um, f.y_um, f.message)))
