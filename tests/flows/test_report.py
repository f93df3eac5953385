"""The report page: what it says, that it stands alone, that names cannot break out of it."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from lightloom.flows import charts, drawing, report
from lightloom.flows.report_data import (
    Ber,
    Check,
    Eye,
    Finding,
    Link,
    Measurement,
    ReportData,
    Span,
    Stage,
    Track,
)
from lightloom.flows.runs import InputFile
from lightloom.flows.svg import LANES, number, ticks

from . import sample

HOSTILE = "<script>alert(1)</script>\"'&</style>"


class Page(HTMLParser):
    """Collects start tags, text by tag, and checks nesting."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page_holds_every_section_and_is_well_formed() -> None:
    page = Page(report.render(sample.report()))
    assert page.open == []
    for words in (
        "Checks", "Link and power budget", "Signal and errors", "Latency", "Bring-up", "Layout",
        "Energy", "Design, resolved", "Findings", "TEST DATA", "133.2 ns",
        "Forward error correction", "3 of 20 003 codewords", "Measurements", "TDECQ", "2.31",
    ):  # fmt: skip
        assert words in page.text


def test_a_link_without_fec_has_no_word_about_it() -> None:
    assert "Forward error correction" not in report.render(sample.report(fec=None))


def test_the_page_refers_to_nothing_outside_itself() -> None:
    text = report.render(sample.report())
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset", "action"):
                assert value is not None
                assert value.startswith("data:image/png;base64,")
    assert "@import" not in text
    assert "url(" not in text
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name space, never fetched


def test_pictures_are_png_files() -> None:
    page = Page(report.render(sample.report()))
    pictures = [a["src"] for tag, a in page.tags if tag == "img"]
    assert len(pictures) == 3 + 1 + 2 + 2  # eyes, bathtub, plots, layouts
    for picture in pictures:
        assert picture is not None
        data = base64.b64decode(picture.removeprefix("data:image/png;base64,"), validate=True)
        assert data.startswith(b"\x89PNG\r\n\x1a\n")


def test_names_are_escaped_everywhere() -> None:
    data = sample.report(
        title=HOSTILE,
        headline=HOSTILE,
        checks=(Check(HOSTILE, False, HOSTILE),),
        findings=(Finding(HOSTILE, HOSTILE, HOSTILE, 1.0, 2.0),),
        link=Link(1, 32.0, HOSTILE, 1310.0, 10.0, (0,), HOSTILE, HOSTILE),
        stages=(Stage(HOSTILE, "engine_a", 1.0, 2.0, 2.0, 2.0, HOSTILE),),
        inputs=(InputFile(HOSTILE, HOSTILE, "0" * 64, 1),),
        settings={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        design={HOSTILE: {HOSTILE: HOSTILE}},
        bers=(Ber(HOSTILE, HOSTILE, 100, 1, 0.001, 0.1),),
        measurements=(Measurement(HOSTILE, 1.0, HOSTILE, 1, HOSTILE, HOSTILE),),
        eyes=(Eye(HOSTILE, np.ones((4, 4)), (-1, 1), (-1, 1), None, None, caption=HOSTILE),),
    )
    text = report.render(data)
    page = Page(text)
    assert page.open == []
    assert "<script" not in text
    assert text.count("</style>") == 1
    assert [tag for tag, _ in page.tags if tag == "script"] == []
    assert HOSTILE in page.text


def test_a_report_of_almost_nothing_renders() -> None:
    page = Page(report.render(ReportData("x", False, "did not come up", "2026-01-01")))
    assert page.open == []
    assert "fail" in page.text
    assert "Latency" not in page.text
    assert not [tag for tag, _ in page.tags if tag in ("img", "svg")]


def test_zero_errors_are_an_upper_bound() -> None:
    text = report.ber_text(Ber("A to B", "0", 1_000_000, 0, 0.0, 3.69e-6))
    assert text.startswith("&lt;")
    assert "3.7" in text
    assert "zero errors" in text
    counted = report.ber_text(Ber("A to B", "0", 1_000_000, 5, 1.6e-6, 1.17e-5))
    assert not counted.startswith("&lt;")
    assert "5.00" in counted
    assert "1.6" in counted
    assert report.ber_text(Ber("A to B", "0", 0, 0, 0.0, 1.0)) == "no bits counted"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.2e-6, "1.2 \u00d7 10\u22126"),
        (9.96e-7, "1.0 \u00d7 10\u22126"),
        (0.0123, "0.012"),
        (42.0, "42"),
        (-3.1e7, "\u22123.1 \u00d7 107"),
    ],
)
def test_numbers_are_written_as_engineers_write_them(value: float, text: str) -> None:
    plain = re.sub(r"<[^>]+>", "", report.scientific(value)).replace("&#8239;", " ")
    assert plain == text


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert number(-1.25, 2) == "\u22121.25"
    assert number(-0.04, 1) == "0.0"
    assert report.grouped(2_000_000) == "2\u202f000\u202f000"


@pytest.mark.parametrize(
    ("low", "high", "about", "expected"),
    [
        (0, 24, 8, [0, 5, 10, 15, 20]),
        (-13.2, 11.1, 6, [-10, -5, 0, 5, 10]),
        (0, 0.3, 4, [0, 0.1, 0.2, 0.3]),
        (0, 133.2, 9, [0, 20, 40, 60, 80, 100, 120]),
        (5, 5, 5, [5]),
    ],
)
def test_ticks_are_round(low: float, high: float, about: int, expected: list[float]) -> None:
    assert ticks(low, high, about) == expected


def test_the_drawing_follows_the_permutation() -> None:
    link = Link(4, 32.0, "MZM", 1310.0, 10.0, (2, 0, 3, 1), "4 x 4")
    text = drawing.draw(link, ())
    ends = re.findall(r"M[\d.]+ ([\d.]+)H[\d.]+C[^\"]* ([\d.]+)H[\d.]+\" stroke=\"(#\w+)\"", text)
    starts = sorted({float(start) for start, _, _ in ends})
    assert [starts.index(float(end)) for _, end, _ in ends] == [2, 0, 3, 1]
    assert [color for _, _, color in ends] == list(LANES[:4])


def test_the_drawing_states_each_loss_and_the_margin() -> None:
    stages = (
        Stage("laser", "engine_a", None, 10.0, 10.0, 10.0),
        Stage("modulator", "engine_a", 7.25, 2.75, 2.5, 3.0),
        Stage("chip", "switch", 6.05, -3.3, -4.0, -3.0),
    )
    link = Link(8, 32.0, "MZM", 1310.0, 10.0, tuple(range(8)))
    words = Page(drawing.draw(link, stages, -12.0)).text
    for found in ("10.0 dBm", "\u22127.2", "\u22126.0", "\u22123.3 dBm", "margin 8.7 dB"):
        assert found in words


def test_the_latency_bar_is_as_wide_as_its_parts() -> None:
    text = charts.latency(sample.report().latency)
    widths = [float(w) for w in re.findall(r'width="([\d.]+)" height="30.00"', text)]
    total = sum(part.ns for part in sample.report().latency)
    for width, part in zip(widths, sample.report().latency, strict=True):
        assert width == pytest.approx(max(part.ns / total * 1120 - 1, 0.4), abs=0.01)


def test_an_empty_eye_still_draws() -> None:
    png = charts.eye(Eye("none", np.zeros((8, 8)), (-1, 1), (-10, 10), None, None))
    assert png.startswith(b"\x89PNG")


def test_written_pages_are_utf8(tmp_path: Path) -> None:
    report.write(sample.report(title="\u66e6\u667a"), tmp_path / "report.html")
    assert "<title>\u66e6\u667a" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_drawing_is_also_written_alone(tmp_path: Path) -> None:
    report.write(sample.report(), tmp_path / "report.html")
    root = ElementTree.fromstring((tmp_path / "link.svg").read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    first = next(e for e in root if e.tag.endswith("rect"))
    assert (first.get("fill"), first.get("width")) == ("#ffffff", "1120.00")


def test_a_crowded_end_of_the_timeline_is_drawn_again() -> None:
    spans = (Span("reset", 0, 60), *(Span(f"s{i}", 60 + i, 61 + i) for i in range(6)))
    tracks = (Track("A", spans),)
    assert charts.busy_from(tracks) == pytest.approx(60 - 0.05 * 6)
    assert charts.busy_from(sample.report().tracks) is None
    text = Page(report.render(sample.report(tracks=tracks, marks=()))).text
    assert "From 59.7" in text
    close_up = charts.timeline(tracks, (), 59.7)
    assert [w for w in Page(close_up).text.split() if re.fullmatch(r"s\d", w)] == [
        f"s{i}" for i in range(6)
    ]


def test_a_closed_form_beyond_the_strip_points_there() -> None:
    inside = charts.ber(Ber("A to B", "0", 100, 0, 0.0, 0.04, predicted=1e-12))
    beyond = charts.ber(Ber("A to B", "0", 100, 0, 0.0, 0.04, predicted=1e-31))
    assert "v10l-6 -5Z" in beyond
    assert "v10l-6 -5Z" not in inside


def test_the_measured_latency_stands_beside_the_sum() -> None:
    text = Page(report.render(sample.report(latency_measured_ns=140.25))).text
    assert "133.2 ns by stages" in text
    assert "Measured in the run: 140.2 ns" in text
