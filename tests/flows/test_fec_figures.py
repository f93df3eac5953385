import pytest

from lightloom import spec
from lightloom.cosim.fec import CODES
from lightloom.cosim.setup import LaneCodewords, Side
from lightloom.flows import charts, fec_figures

KP4 = CODES["kp4"]
HISTOGRAM = (9000, 900, 90, 8, *[0] * 12)
"""9998 codewords with 1104 wrong symbols."""


def design(profile="100g-kp4"):
    serdes = {"lanes": 1, "profile": profile}
    serdes |= {} if profile == "eth-64b66b" else {"modulation": "pam4"}
    return spec.parse({"name": "t", "serdes": serdes}, "t")


def side(name="A", *, uncorrectable=0, histogram=HISTOGRAM, symbols=1104):
    lanes = (
        LaneCodewords(lane=0, corrected=998, uncorrectable=uncorrectable, symbol_errors=symbols),
    )
    return Side(
        name=name, up=True, state="UP", fail_reason="NONE", errors=(), lanes=(), counters={},
        lock_time_us=1.0, frames_sent=1, frames_good=1, frames_errored=0, frames_malformed=0,
        bytes_received=1, byte_errors=0, codewords=lanes, fec_histogram=histogram,
        latency_ns_min=1.0, latency_ns_max=1.0,
    )  # fmt: skip


def test_counts_of_both_sides_add_up():
    found = fec_figures.codewords(design(), side(), side("B", uncorrectable=4))
    assert found.received == 2 * 9998 + 4
    assert (found.corrected, found.uncorrectable, found.symbol_errors) == (1996, 4, 2208)
    assert found.histogram[:4] == (18000, 1800, 180, 16)
    assert found.error_rate[0] == pytest.approx(4 / 20_000)
    # 2208 of 19996 x 544 symbols, ten bits each
    assert found.pre_fec_ber == pytest.approx(2208 / (19_996 * 5440), rel=1e-3)
    assert fec_figures.codewords(design("eth-64b66b"), side()) is None


def test_nothing_uncorrectable_is_an_upper_bound():
    found = fec_figures.codewords(design(), side(), side("B"))
    made = fec_figures.metrics(found, 1e-5)
    assert made["link.post_fec_ber"] == 0.0
    # 16 wrong symbols at least in a codeword that fails, in one of 19996 at most -ln 0.025
    bound = 3.689 / 19_996
    assert made["fec.codeword_error_rate_high"] == pytest.approx(bound, rel=1e-3)
    assert made["link.post_fec_ber_high"] == pytest.approx(bound * 16 / 5440, rel=0.02)
    assert made["fec.codeword_error_rate_model"] == KP4.codeword_error_rate(1e-5)


def test_everything_uncorrectable_leaves_the_errors_of_the_line():
    lost = side(uncorrectable=100, histogram=(0,) * 16, symbols=0)
    made = fec_figures.metrics(fec_figures.codewords(design(), lost), 1e-2)
    assert made["fec.codeword_error_rate"] == 1.0
    assert made["link.post_fec_ber"] == pytest.approx(1e-2, rel=1e-3)
    assert made["fec.pre_fec_ber"] is None


def test_without_fec_or_codewords_there_is_nothing_to_say():
    assert set(fec_figures.metrics(None, 1e-4).values()) == {None}
    idle = fec_figures.codewords(design(), side(histogram=(0,) * 16, symbols=0))
    made = fec_figures.metrics(idle, None)
    assert made["fec.codewords"] == 0
    assert made["link.post_fec_ber"] is None
    bare = side().model_copy(update={"codewords": (), "fec_histogram": ()})
    assert fec_figures.codewords(design(), bare).received == 0


def test_the_report_puts_the_binomial_beside_the_histogram():
    sides = (side(), side("B", uncorrectable=1))
    made = fec_figures.report(design("100g-kr4"), sides, ("B to A", "A to B"), 2e-5)
    assert made.name == "RS(528,514)"
    assert len(made.histogram) == len(made.expected) == 8
    assert sum(made.expected) == pytest.approx(made.codewords)
    assert [lane.direction for lane in made.lanes] == ["B to A", "A to B"]
    drawn = charts.codewords(made)
    assert "3 symbols: 16 codewords" in drawn
    assert fec_figures.report(design("eth-64b66b"), sides, ("", ""), 1e-5) is None
    # nothing counted: no expectation, and bars alone
    assert fec_figures.report(design(), sides, ("", ""), None).expected == ()
