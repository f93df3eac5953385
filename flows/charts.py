"""The report's charts: eye diagram, curves, latency, lock timeline, energy, BER interval."""

from __future__ import annotations

import base64
import io
import math
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from lightloom.flows.report_data import Ber, Energy, Eye, Fec, Latency, Mark, Plot, Track
from lightloom.flows.svg import (
    BAD,
    COPPER,
    GOOD,
    INK,
    LANES,
    LIGHT,
    MUTED,
    PAPER,
    RULE,
    Canvas,
    ticks,
)


def data_uri(data: bytes, kind: str = "image/png") -> str:
    """Return `data` as a `data:` address, so that the page needs no other file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def eye(value: Eye) -> bytes:
    """Return the eye diagram as PNG."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    figure, axes = _figure(4.4, 2.75)
    density = np.asarray(value.density, dtype=float)
    shown = density[density > 0]
    if shown.size:
        colors = ["#e4edf7", "#8db4dc", "#2f6fb5", "#173a73", "#0b1830"]
        top = float(shown.max())
        bottom = max(float(shown.min()), top * 1e-15)
        norm = LogNorm(bottom, top if top > bottom else bottom * 10)
        axes.imshow(
            np.ma.masked_less_equal(density, 0),
            origin="lower", aspect="auto", interpolation="nearest", norm=norm,
            extent=(*value.time_ui, *value.level_mv),
            cmap=LinearSegmentedColormap.from_list("eye", colors),
        )  # fmt: skip
    if value.sample_ui is not None:
        axes.axvline(value.sample_ui, color=BAD, linewidth=0.8, linestyle=(0, (4, 3)))
    for threshold in value.thresholds_mv:
        axes.axhline(threshold, color=BAD, linewidth=0.8, linestyle=(0, (4, 3)))
    rates = sorted({line.rate for line in value.contours}, reverse=True)
    for line in value.contours:
        shade = 0.45 + 0.55 * rates.index(line.rate) / max(1, len(rates) - 1)
        for level in (line.low_mv, line.high_mv):
            axes.plot(line.phase_ui, level, color=COPPER, linewidth=0.9, alpha=shade)
    axes.set_xlim(*value.time_ui)
    axes.set_ylim(*value.level_mv)
    axes.set_xlabel("time (UI)")
    _name_level(axes, "level (mV)")
    return _png(figure)


def plot(value: Plot) -> bytes:
    """Return the curves as PNG."""
    figure, axes = _figure(4.4, 2.5)
    for (name, y), color in zip(value.curves.items(), LANES * 8, strict=False):
        axes.plot(value.x, y, color=color, linewidth=1.1, label=name)
    if value.log_y:
        axes.set_yscale("log")
    axes.grid(color=RULE, linewidth=0.5)
    axes.margins(x=0)
    axes.set_xlabel(value.x_label)
    _name_level(axes, value.y_label)
    if 1 < len(value.curves) <= 16:
        axes.legend(
            fontsize=6.5, ncols=2, framealpha=0.85, edgecolor=RULE, handlelength=1.4,
            columnspacing=1.0, labelspacing=0.25,
        )  # fmt: skip
    return _png(figure)


def _figure(width: float, height: float):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.tick_params(labelsize=7.5, colors=MUTED, length=3, width=0.6)
    axes.xaxis.label.set(size=8, color=MUTED)
    for spine in axes.spines.values():
        spine.set(color=MUTED, linewidth=0.6)
    return figure, axes


def _name_level(axes, text: str) -> None:
    # Above the axes and level, where it can be long and is read without turning the head.
    axes.set_title(text, loc="left", fontsize=8, color=MUTED, pad=4)


def _png(figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=220, metadata={"Software": None})
    return file.getvalue()


_KIND_COLORS = {"rtl": LIGHT, "electrical": COPPER, "flight": "#8a94a0"}


def latency(parts: tuple[Latency, ...]) -> Markup:
    """Return the delay of the link as one bar, its parts in path order."""
    width, top, height = 1120.0, 8.0, 30.0
    total = sum(part.ns for part in parts)
    canvas = Canvas(width, 74, f"Latency {total:.1f} ns by part")
    x = 0.0
    for index, part in enumerate(parts):
        wide = part.ns / total * width if total > 0 else 0.0
        shade = 0.95 if index % 2 else 0.78
        tip = f"{part.name}: {part.ns:.2f} ns"
        canvas.rect(
            x, top, max(wide - 1, 0.4), height, _KIND_COLORS[part.kind], opacity=shade, tip=tip
        )
        if wide > 24:
            canvas.text(x + wide / 2, top + 19, str(index + 1), 11, PAPER, "middle", 600)
        x += wide
    for tick in ticks(0, total, 9):
        at = tick / total * width if total > 0 else 0
        anchor = "start" if at < 10 else "end" if at > width - 16 else "middle"
        canvas.line(at, top + height, at, top + height + 5, MUTED, 0.8)
        canvas.text(at, top + height + 17, f"{tick:g}", 10, MUTED, anchor)
    x = 0.0
    for kind, words in (
        ("rtl", "digital logic"),
        ("electrical", "electrical"),
        ("flight", "light on its way (ns)"),
    ):
        canvas.rect(x, 64, 9, 9, _KIND_COLORS[kind])
        canvas.text(x + 14, 72, words, 10, MUTED)
        x += 30 + 6.2 * len(words)
    return canvas.render()


def timeline(
    tracks: tuple[Track, ...], marks: tuple[Mark, ...] = (), start_us: float = 0.0
) -> Markup:
    """Return the tracks' states from `start_us` on, one row each."""
    width, row = 1120.0, 22.0
    left = 16 + 6.2 * max((len(track.name) for track in tracks), default=0)
    marks = tuple(mark for mark in marks if mark.time_us >= start_us)
    head = 32.0 if marks else 4.0
    bottom = head + row * len(tracks)
    end = max(_end(tracks), *(mark.time_us for mark in marks), start_us + 1e-9)
    canvas = Canvas(width, bottom + 34, f"States from {start_us:g} us on")

    def at(time_us: float) -> float:
        return left + (time_us - start_us) / (end - start_us) * (width - left - 8)

    for tick in ticks(start_us, end, 8):
        canvas.line(at(tick), head, at(tick), bottom + 4, RULE, 0.7)
        canvas.text(at(tick), bottom + 17, f"{tick:g}", 10, MUTED, "middle")
    canvas.text(left - 8, bottom + 17, "\N{MICRO SIGN}s", 10, MUTED, "end")
    for index, track in enumerate(tracks):
        y = head + row * index
        canvas.text(left - 8, y + 15, track.name, 11, INK, "end")
        for span in track.spans:
            if span.end_us <= start_us:
                continue
            x1, x2 = at(max(span.start_us, start_us)), at(span.end_us)
            color = {True: GOOD, False: BAD, None: LIGHT}[span.good]
            opacity = 0.9 if span.good is not None else 0.28
            tip = f"{track.name} {span.state}: {span.start_us:.3f} to {span.end_us:.3f} us"
            canvas.rect(x1, y + 3, max(x2 - x1 - 0.8, 0.6), row - 6, color, opacity=opacity,
                        tip=tip)  # fmt: skip
            if x2 - x1 > 6.2 * len(span.state) + 6:
                ink = PAPER if span.good is not None else INK
                canvas.text(x1 + 4, y + 15, span.state, 10, ink)
    for index, mark in enumerate(marks):
        x, y = at(mark.time_us), head - 20 + 12 * (index % 2)
        canvas.line(x, y - 8, x, bottom, INK, 0.9, "3 2")
        if x > width - 160:
            canvas.text(x - 4, y, mark.label, 10, INK, "end")
        else:
            canvas.text(x + 4, y, mark.label, 10, INK)
    return canvas.render()


def busy_from(tracks: tuple[Track, ...]) -> float | None:
    """Where the busy last part of a timeline begins; None when no part of it is crowded.

    A part is crowded when nothing changes in more than half of the time before it and at least
    four changes follow.
    """
    end = _end(tracks)
    times = sorted({s.start_us for t in tracks for s in t.spans if s.start_us > 0})
    gaps = [(b - a, b) for a, b in pairwise([0.0, *times])]
    wait, begin = max(gaps, default=(0.0, 0.0))
    if wait <= end / 2 or sum(time >= begin for time in times) < 4:
        return None
    return max(begin - 0.05 * (end - begin), 0.0)


def _end(tracks: tuple[Track, ...]) -> float:
    return max((span.end_us for track in tracks for span in track.spans), default=1.0)


def energy(parts: tuple[Energy, ...]) -> Markup:
    """Return the energy per bit as one stacked bar."""
    width = 1120.0
    total = sum(part.pj_per_bit for part in parts)
    canvas = Canvas(width, 40, f"Energy {total:.2f} pJ/bit by component")
    x = 0.0
    for index, part in enumerate(parts):
        wide = part.pj_per_bit / total * width if total > 0 else 0.0
        color = LANES[index % len(LANES)]
        canvas.rect(x, 4, max(wide - 1, 0.4), 30, color, opacity=0.85,
                    tip=f"{part.component}: {part.pj_per_bit:.3g} pJ/bit")  # fmt: skip
        label = f"{part.component} {part.pj_per_bit:.2f}"
        if wide > 6.3 * len(label) + 10:
            canvas.text(x + 7, 23, label, 11, PAPER, "start", 600)
        x += wide
    return canvas.render()


def codewords(value: Fec) -> Markup:
    """Return codewords by symbols corrected, on a logarithmic scale, with what is expected."""
    width, top, bottom = 560.0, 12.0, 150.0
    canvas = Canvas(width, bottom + 36, "Codewords by symbols corrected")
    most = max(value.codewords, 10)
    decades = math.ceil(math.log10(most))
    left, bins = 44.0, max(len(value.histogram), 1)
    pitch = (width - left - 4) / bins

    def y(count: float) -> float:
        # half a codeword is the floor, so that one is seen
        exponent = math.log10(max(count, 0.5) / 0.5)
        return bottom - exponent / (decades + math.log10(2)) * (bottom - top)

    for exponent in range(decades + 1):
        canvas.line(left, y(10.0**exponent), width, y(10.0**exponent), RULE, 0.7)
        canvas.text(left - 5, y(10.0**exponent) + 3.5, f"{10**exponent:,}", 10, MUTED, "end")
    for k, count in enumerate(value.histogram):
        x = left + pitch * k
        if count:
            tip = f"{k} symbols: {count} codewords"
            canvas.rect(x + 2, y(count), pitch - 4, bottom - y(count), LIGHT, opacity=0.85, tip=tip)
        if k < len(value.expected) and value.expected[k] > 0.5:
            at = y(value.expected[k])
            canvas.line(x, at, x + pitch, at, BAD, 1.6)
        canvas.text(x + pitch / 2, bottom + 14, str(k), 10, MUTED, "middle")
    canvas.line(left, bottom, width, bottom, MUTED, 0.8)
    canvas.text(left, bottom + 30, "symbols corrected in a codeword", 10, MUTED)
    return canvas.render()


_BER_LOW, _BER_HIGH = -15.0, 0.0


def ber(value: Ber) -> Markup:
    """Return one lane's interval on a logarithmic strip from 1e-15 to 1."""
    width, height = 360.0, 18.0
    canvas = Canvas(width, height, "BER interval")

    def at(rate: float) -> float:
        exponent = math.log10(rate) if rate > 0 else _BER_LOW
        return (min(max(exponent, _BER_LOW), _BER_HIGH) - _BER_LOW) / -_BER_LOW * (width - 8) + 4

    for exponent in range(int(_BER_LOW), 1, 3):
        canvas.line(at(10.0**exponent), 0, at(10.0**exponent), height, RULE, 0.8)
    y = height / 2
    if value.errors == 0:
        # Nothing seen: the interval is open to the left, drawn as an arrow from its upper bound.
        canvas.line(4, y, at(value.high), y, LIGHT, 1.6, "3 3")
        canvas.line(at(value.high), y - 5, at(value.high), y + 5, LIGHT, 2)
    else:
        canvas.line(at(value.low), y, at(value.high), y, LIGHT, 1.6)
        x = at(value.errors / value.bits)
        canvas.rect(x - 3, y - 3, 6, 6, LIGHT, radius=3)
    if value.predicted is not None:
        x = at(value.predicted)
        if value.predicted < 10**_BER_LOW:
            canvas.path(f"M{x + 5:.2f} {y - 5:.2f}v10l-6 -5Z", BAD, 1.2)  # beyond the strip
        else:
            canvas.path(f"M{x:.2f} {y - 5:.2f}l4 5l-4 5l-4 -5Z", BAD, 1.2)
    return canvas.render()
