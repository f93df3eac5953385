"""The drawing at the head of the report: the link, lane by lane, over its optical levels."""

from __future__ import annotations

from markupsafe import Markup

from lightloom.flows.report_data import PLACES, Link, Place, Stage
from lightloom.flows.svg import (
    BAD,
    COPPER,
    INK,
    LANES,
    LIGHT,
    MUTED,
    PAPER,
    RULE,
    TINT,
    Canvas,
    number,
    ticks,
)

_WIDTH, _LEFT, _GAP = 1120.0, 44.0, 6.0
_SHARES: dict[Place, float] = {
    "xpu_a": 1.0, "package_a": 0.75, "engine_a": 1.5, "fibre_a": 0.9, "switch": 1.7,
    "fibre_b": 0.9, "engine_b": 1.5, "package_b": 0.75, "xpu_b": 1.0,
}  # fmt: skip
_TOP, _BOTTOM = 48.0, 150.0  # of the boxes
_PLOT_TOP, _PLOT_BOTTOM = 196.0, 372.0


def draw(
    link: Link,
    stages: tuple[Stage, ...],
    sensitivity_dbm: float | None = None,
    *,
    paper: bool = False,
) -> Markup:
    """Return the drawing as SVG; `paper` puts it on white, for use outside the report.

    Upper half: electrical lanes in copper, optical lanes in their colours, so that the switch's
    permutation can be followed. Lower half: mean optical power after each stage, the range over
    lanes shaded, the loss of each stage at its step.
    """
    canvas = Canvas(_WIDTH, 404, "The link and its optical power, stage by stage")
    if paper:
        canvas.rect(0, 0, canvas.width, canvas.height, PAPER)
    columns = _columns()
    _boxes(canvas, link, columns)
    _lanes(canvas, link, columns)
    _levels(canvas, stages, columns, sensitivity_dbm)
    return canvas.render()


def _columns() -> dict[Place, tuple[float, float]]:
    unit = (_WIDTH - 1 - _LEFT - _GAP * (len(PLACES) - 1)) / sum(_SHARES.values())
    columns: dict[Place, tuple[float, float]] = {}
    x = _LEFT
    for place in PLACES:
        columns[place] = (x, x + unit * _SHARES[place])
        x += unit * _SHARES[place] + _GAP
    return columns


def _boxes(canvas: Canvas, link: Link, columns: dict[Place, tuple[float, float]]) -> None:
    rate = f"{link.lanes} \N{MULTIPLICATION SIGN} {link.lane_rate_gbps:g} Gb/s"
    half = f"{link.length_m / 2:g} m"
    captions: dict[Place, tuple[str, str]] = {
        "xpu_a": ("xPU A", rate),
        "package_a": ("package", link.package_note),
        "engine_a": ("optical engine", f"{link.modulator}, {link.wavelength_nm:g} nm"),
        "fibre_a": ("fibre", half),
        "switch": ("optical circuit switch", link.switch_name),
        "fibre_b": ("fibre", half),
        "engine_b": ("optical engine", "photodiodes"),
        "package_b": ("package", link.package_note),
        "xpu_b": ("xPU B", rate),
    }
    if link.permutation is None:
        captions["switch"] = ("fibre", link.switch_name or "no switch")
    for place, (x1, x2) in columns.items():
        name, note = captions[place]
        centre = (x1 + x2) / 2
        solid = place.startswith(("xpu", "engine")) or (
            place == "switch" and link.permutation is not None
        )
        if solid:
            canvas.rect(x1, _TOP, x2 - x1, _BOTTOM - _TOP, TINT, INK, radius=3)
        if place.startswith("xpu"):
            x = x1 + 20 if place == "xpu_a" else x2 - 12
            canvas.text(x, (_TOP + _BOTTOM) / 2, "SerDes", 10.5, MUTED, "middle", rotate=-90)
        canvas.text(centre, _TOP - 22, name, 12, INK, "middle", 600)
        canvas.text(centre, _TOP - 8, note, 10.5, MUTED, "middle")


def _lanes(canvas: Canvas, link: Link, columns: dict[Place, tuple[float, float]]) -> None:
    count = max(len(link.permutation or ()), link.lanes, 1)
    pitch = (_BOTTOM - _TOP - 18) / count

    def y(line: int) -> float:
        return _TOP + 9 + pitch * (line + 0.5)

    engine_a, switch, engine_b = columns["engine_a"], columns["switch"], columns["engine_b"]
    middle_a = (engine_a[0] + engine_a[1]) / 2
    middle_b = (engine_b[0] + engine_b[1]) / 2
    inset = 8.0
    for lane in range(link.lanes):
        color = LANES[lane % len(LANES)]
        out = link.permutation[lane] if link.permutation else lane
        at, to = y(lane), y(out)
        start = columns["xpu_a"][1] - 14
        end = columns["xpu_b"][0] + 14
        canvas.line(start, at, middle_a, at, COPPER, 1.3)
        canvas.line(middle_b, to, end, to, COPPER, 1.3)
        x1, x2 = switch[0] + inset, switch[1] - inset
        bend = (x2 - x1) * 0.5
        canvas.path(
            f"M{middle_a:.2f} {at:.2f}H{x1:.2f}C{x1 + bend:.2f} {at:.2f} {x2 - bend:.2f} {to:.2f} "
            f"{x2:.2f} {to:.2f}H{middle_b:.2f}",
            color,
            1.5,
        )
        canvas.rect(middle_a - 9, at - 3, 18, 6, PAPER, color, radius=1.5, tip="modulator")
        canvas.path(
            f"M{middle_b - 5:.2f} {to - 3.5:.2f}V{to + 3.5:.2f}L{middle_b + 4:.2f} {to:.2f}Z",
            color,
            1.0,
            PAPER,
        )
        canvas.text(start - 5, at + 3.2, str(lane), 9, MUTED, "end")
        canvas.text(end + 5, to + 3.2, str(out), 9, MUTED)


def _levels(
    canvas: Canvas,
    stages: tuple[Stage, ...],
    columns: dict[Place, tuple[float, float]],
    sensitivity_dbm: float | None,
) -> None:
    optical = [stage for stage in stages if stage.level_dbm is not None]
    if not optical:
        return
    values = [v for s in optical for v in (s.level_dbm, s.low_dbm, s.high_dbm) if v is not None]
    values += [sensitivity_dbm] if sensitivity_dbm is not None else []
    low, high = min(values), max(values)
    pad = max((high - low) * 0.08, 0.5)
    low, high = low - pad, high + pad

    def y(level: float) -> float:
        return _PLOT_BOTTOM - (level - low) / (high - low) * (_PLOT_BOTTOM - _PLOT_TOP)

    right = _WIDTH
    for tick in ticks(low, high, 6):
        canvas.line(_LEFT, y(tick), right, y(tick), RULE, 0.7)
        canvas.text(_LEFT - 6, y(tick) + 3.5, number(tick, 0), 10, MUTED, "end")
    canvas.text(_LEFT - 6, _PLOT_TOP - 10, "dBm", 10, MUTED, "end")
    for place in PLACES:
        canvas.line(columns[place][0] - _GAP / 2, _PLOT_TOP - 4, columns[place][0] - _GAP / 2,
                    _PLOT_BOTTOM, RULE, 0.7, "2 3")  # fmt: skip
    steps = _steps(stages, columns)
    for stage, x1, x2 in steps:
        if stage.low_dbm is not None and stage.high_dbm is not None:
            top = y(stage.high_dbm)
            canvas.rect(x1, top, x2 - x1, y(stage.low_dbm) - top, LIGHT, opacity=0.16)
    points = [
        point
        for stage, x1, x2 in steps
        if stage.level_dbm is not None
        for point in ((x1, y(stage.level_dbm)), (x2, y(stage.level_dbm)))
    ]
    canvas.polyline(points, LIGHT, 2)
    for stage, x1, x2 in steps:
        assert stage.level_dbm is not None
        label = (
            number(stage.level_dbm) + " dBm" if stage.loss_db is None else number(-stage.loss_db)
        )
        canvas.text((x1 + x2) / 2, y(stage.level_dbm) - 6, label, 10, INK, "middle")
    for place in ("package_a", "package_b"):
        lost = [s.loss_db for s in stages if s.place == place and s.loss_db is not None]
        if lost:
            x1, x2 = columns[place]
            middle = (_PLOT_TOP + _PLOT_BOTTOM) / 2
            canvas.text((x1 + x2) / 2, middle, number(-sum(lost)), 10, COPPER, "middle")
            canvas.text((x1 + x2) / 2, middle + 13, "dB el.", 9, COPPER, "middle")
    last = optical[-1].level_dbm
    assert last is not None
    x1, x2 = columns["xpu_b"]
    canvas.line(steps[-1][2], y(last), x1, y(last), LIGHT, 1, "1 3")
    canvas.text(x1 + 2, y(last) + 3.5, f"{number(last)} dBm", 11, LIGHT, "start", 600)
    if sensitivity_dbm is not None:
        canvas.line(_LEFT, y(sensitivity_dbm), right, y(sensitivity_dbm), BAD, 1, "6 4")
        canvas.text(
            _LEFT + 4, y(sensitivity_dbm) - 5, f"needed {number(sensitivity_dbm)} dBm", 10, BAD
        )
        canvas.text(
            x1 + 2,
            (y(last) + y(sensitivity_dbm)) / 2 + 8,
            f"margin {number(last - sensitivity_dbm)} dB",
            10.5,
            INK if last >= sensitivity_dbm else BAD,
        )
    canvas.text(
        _LEFT, _PLOT_BOTTOM + 22,
        "Mean optical power after each stage; numbers: change in dB, shaded: range over lanes.",
        10, MUTED,
    )  # fmt: skip


def _steps(
    stages: tuple[Stage, ...], columns: dict[Place, tuple[float, float]]
) -> list[tuple[Stage, float, float]]:
    steps: list[tuple[Stage, float, float]] = []
    for place in PLACES:
        here = [s for s in stages if s.place == place and s.level_dbm is not None]
        x1, x2 = columns[place][0] - _GAP / 2, columns[place][1] + _GAP / 2
        width = (x2 - x1) / max(len(here), 1)
        steps += [(s, x1 + i * width, x1 + (i + 1) * width) for i, s in enumerate(here)]
    return steps
