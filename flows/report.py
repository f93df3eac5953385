"""`report.html`: one self-contained page about a run, for an engineer's screen and printer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from lightloom.flows import charts, drawing, pages
from lightloom.flows.report_data import Ber, Latency, ReportData
from lightloom.flows.svg import number

PLACE_NAMES = {
    "xpu_a": "xPU A",
    "package_a": "package A",
    "engine_a": "engine A",
    "fibre_a": "fibre",
    "switch": "switch",
    "fibre_b": "fibre",
    "engine_b": "engine B",
    "package_b": "package B",
    "xpu_b": "xPU B",
}


def write(data: ReportData, path: Path) -> None:
    """Write the page to `path`, and its drawing of the link alone beside it as `link.svg`."""
    path.write_text(render(data), encoding="utf-8")
    if data.link is not None:
        svg = drawing.draw(data.link, data.stages, data.sensitivity_dbm, paper=True)
        path.with_name("link.svg").write_text(svg + "\n", encoding="utf-8")


def render(data: ReportData) -> str:
    """Return the page as HTML; it refers to nothing outside itself."""
    environment = pages.environment()
    environment.filters |= {
        "number": number,
        "scientific": scientific,
        "grouped": grouped,
        "uri": charts.data_uri,
        "value": value_text,
    }
    busy = charts.busy_from(data.tracks)
    return environment.get_template("report.html.j2").render(
        data=data,
        places=PLACE_NAMES,
        drawing=drawing.draw(data.link, data.stages, data.sensitivity_dbm) if data.link else None,
        eyes=[(eye, charts.eye(eye)) for eye in data.eyes],
        plots=[(plot, charts.plot(plot)) for plot in data.plots],
        signal_plots=[(plot, charts.plot(plot)) for plot in data.signal_plots],
        bers=[(ber, ber_text(ber), charts.ber(ber)) for ber in data.bers],
        codewords=charts.codewords(data.fec) if data.fec and data.fec.codewords else None,
        predicted=any(ber.predicted is not None for ber in data.bers),
        latency=charts.latency(data.latency) if data.latency else None,
        latency_total=sum(part.ns for part in data.latency),
        latency_kinds=_by_kind(data.latency),
        columns=-(-len(data.figures) // -(-len(data.figures) // 8)) if data.figures else 1,
        timeline=charts.timeline(data.tracks, data.marks) if data.tracks else None,
        busy=busy,
        close_up=charts.timeline(data.tracks, data.marks, busy) if busy is not None else None,
        energy=charts.energy(data.energy) if data.energy else None,
        energy_total=sum(part.pj_per_bit for part in data.energy),
        loss_total=sum(
            s.loss_db for s in data.stages if s.level_dbm is not None and s.loss_db is not None
        ),
        design=_flat(data.design),
    )


def scientific(value: float, digits: int = 2) -> Markup:
    """A small or large number as `1.2 x 10^-6`; ordinary ones and zero as they are."""
    if value == 0:
        return Markup("0")
    exponent = math.floor(math.log10(abs(value)))
    if -3 <= exponent < 5:
        return Markup(number(value, max(0, digits - 1 - exponent)))
    mantissa = value / 10.0**exponent
    text = number(mantissa, digits - 1)
    if text.lstrip("\N{MINUS SIGN}").startswith("10"):
        text, exponent = number(mantissa / 10, digits - 1), exponent + 1
    return Markup(f"{text}&#8239;\N{MULTIPLICATION SIGN}&#8239;10<sup>{number(exponent, 0)}</sup>")


def grouped(value: int) -> str:
    """A whole number with thin spaces between its thousands."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def ber_text(ber: Ber) -> Markup:
    """A bit error rate: with its interval, or as an upper bound when no error was seen."""
    percent = f"{100 * ber.confidence:g}\N{NARROW NO-BREAK SPACE}%"
    if ber.bits == 0:
        return Markup("no bits counted")
    if ber.errors == 0:
        return Markup("&lt;&#8239;{} <small>zero errors, {} bound</small>").format(
            scientific(ber.high), percent
        )
    return Markup("{} <small>{} to {}</small>").format(
        scientific(ber.errors / ber.bits, 3), scientific(ber.low), scientific(ber.high)
    )


def value_text(value: object) -> str:
    """A design value as a TOML file would write it."""
    return json.dumps(value, default=str, ensure_ascii=False)


def _by_kind(parts: tuple[Latency, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in parts:
        found[part.kind] = found.get(part.kind, 0.0) + part.ns
    return found


def _flat(design: Mapping[str, object]) -> list[tuple[str, list[tuple[str, object]]]]:
    """Design values by section; top-level values come first, without a section name."""
    top = [(key, value) for key, value in design.items() if not isinstance(value, Mapping)]
    sections: list[tuple[str, list[tuple[str, object]]]] = [("", top)] if top else []
    for key, value in design.items():
        if isinstance(value, Mapping):
            sections.append((key, [(str(k), v) for k, v in value.items()]))
    return sections
