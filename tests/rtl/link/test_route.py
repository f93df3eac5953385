"""A change of the optical route between two SerDes: what it costs, with and without saved sets."""

import pytest

from lightloom.rtl.link.bring_up import FailReason, State
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.registers import STEPS

QUICK = {"limits": (2000, 20000, 30000, 20000, 20000), "rx_ffe_taps": 2, "tx_ffe": (0, 63, 0)}
DARK = 3000
"""Clocks of an interruption."""


def both(bench, *words):
    for side in "ab":
        bench.say(words[0], side, *words[1:])


def pulse(bench, name, index):
    both(bench, "route", "index", index)
    bench.say("run", 8)
    both(bench, "route", name, 1)
    bench.say("run", 16)
    both(bench, "route", name, 0)
    bench.say("run", 16)


def interrupt(bench, other, *, dark=DARK, load=None, frozen=True):
    """Darkness while the route changes to `other`; returns at the release, or with the light."""
    every = (1 << bench.config.lanes) - 1
    if frozen:
        both(bench, "route", "freeze", 1)
    both(bench, "light", 0)
    both(bench, "cut", every)
    both(bench, "other", other)
    bench.say("run", dark)
    both(bench, "cut", 0)
    both(bench, "light", every)
    if frozen:
        bench.say("run", 100)
        if load is not None:
            pulse(bench, "load", load)
        both(bench, "route", "freeze", 0)
        bench.say("run", 1)


def story(bench):
    """The same interruption with sets, frozen without sets, and not announced at all."""
    both(bench, "light", (1 << bench.config.lanes) - 1)
    bench.say("until", "cold", 60000)
    bench.say("run", 3000)
    pulse(bench, "save", 1)
    for label, options in {
        "saved": {"load": 1},
        "unknown": {"load": 2},
        "frozen": {},
        "plain": {"frozen": False},
    }.items():
        bench.say("run", 500)
        interrupt(bench, label in ("saved", "frozen"), **options)
        bench.say("run", 10)
        bench.say("until", label, 60000)
        for step in (*STEPS, "up"):
            bench.read("a", f"lock_time.{step}", "clocks", f"{label}.{step}")
        both(bench, "send", 20, 300)
        bench.say("drain", f"{label}_frames", 40000)
    return bench.run()


def show(got, names=("cold", "saved", "unknown", "frozen", "plain"), clock_ns=None):
    for name in names:
        print(name, got[name], "clocks", f"{got[name] * clock_ns / 1e3:.2f} us" if clock_ns else "")
        print("   ", {step: got.get(f"{name}.{step}") for step in (*STEPS, "up")})


@pytest.fixture(scope="module")
def eth(pair_bench):
    config = Config(lanes=2, symbols_per_clock=16, marker_rows=64, **QUICK)
    return pair_bench(config, "pair_route", delay=[0, 37], other=[101, 130])


def test_a_saved_set_spares_the_search(eth):
    got = story(eth)
    show(got)
    assert got["cold"] > 0
    assert 0 < got["saved"] < got["frozen"] - 700
    assert got["saved"] < got["plain"] - 700
    assert got["unknown"] > got["saved"] + 700  # a set that was never saved is none
    for label in ("saved", "unknown", "frozen", "plain"):
        for side in "ab":
            assert got[f"{label}_frames.{side}.wrong"] == 0
            assert got[f"{label}_frames.{side}.good"] == 20


def test_an_announced_interruption_is_no_failure(eth):
    both(eth, "light", 0b11)
    eth.say("until", "up", 60000)
    eth.say("run", 500)
    pulse(eth, "save", 1)
    interrupt(eth, 1, load=1)
    eth.read("a", "status", "state")
    eth.say("until", "again", 60000)
    eth.read("a", "counter.downs")
    eth.read("a", "status", "attempts")
    eth.read("a", "status", "fail_reason")
    got = eth.run()
    assert got["a.status.state"] in (State.ROUTE, State.CDR)
    assert got["again"] > 0
    assert got["a.counter.downs.value"] == 0
    assert got["a.status.attempts"] == 0
    assert got["a.status.fail_reason"] == FailReason.ROUTE_CHANGE


def test_nothing_is_saved_from_darkness(eth):
    """The light goes, the controller saves before it knows: the set of before stays."""
    both(eth, "light", 0b11)
    eth.say("until", "up", 60000)
    eth.say("run", 500)
    pulse(eth, "save", 3)
    both(eth, "light", 0)
    both(eth, "cut", 0b11)
    eth.say("run", 400)
    pulse(eth, "save", 3)
    both(eth, "route", "freeze", 1)
    both(eth, "cut", 0)
    both(eth, "light", 0b11)
    eth.say("run", 100)
    pulse(eth, "load", 3)
    both(eth, "route", "freeze", 0)
    eth.say("run", 10)
    eth.say("until", "saved", 60000)
    got = eth.run()
    assert 0 < got["saved"] < 2000


def test_no_frame_is_lost_in_a_change_that_waits_for_its_end(eth):
    """Traffic without a break, a pause for the frames under way, and then the interruption."""
    both(eth, "light", 0b11)
    eth.say("until", "up", 60000)
    eth.say("run", 500)
    pulse(eth, "save", 1)
    both(eth, "send", 150, 600)
    eth.say("run", 800)
    both(eth, "route", "pause", 1)
    eth.say("run", 300)
    interrupt(eth, 1, load=1)
    both(eth, "route", "pause", 0)
    eth.say("good", "first", "a", 20000)
    eth.say("drain", "all", 60000)
    got = eth.run()
    print("release to first good frame", got["first"])
    for side in "ab":
        assert (got[f"all.{side}.good"], got[f"all.{side}.bad"]) == (150, 0)
        assert got[f"all.{side}.wrong"] == 0


def test_words_of_the_route_controllers_reach_the_far_end(eth):
    both(eth, "light", 0b11)
    eth.say("until", "up", 60000)
    eth.say("route", "a", "tell", 0xA5)
    eth.say("route", "b", "tell", 0x3C)
    eth.say("run", 1000)
    eth.say("told", "to_b", "b")
    eth.say("told", "to_a", "a")
    both(eth, "cut", 0b11)
    both(eth, "light", 0)
    eth.say("run", 300)
    eth.say("told", "dark", "a")
    got = eth.run()
    assert (got["to_b"], got["to_a"], got["dark"]) == (0xA5, 0x3C, 0)


@pytest.mark.slow
@pytest.mark.parametrize("marker_rows", [260])
def test_106g_lanes_with_fec(pair_bench, marker_rows):
    """100G-KP4 lanes, PAM4 at 53.125 GBd: the time is that of the markers, not of the loops."""
    config = Config(
        profile="100g-kp4",
        modulation="pam4",
        lanes=2,
        marker_rows=marker_rows,
        **QUICK,
    )
    bench = pair_bench(config, f"pair_route_kp4_{marker_rows}", delay=[0, 170], other=[331, 290])
    got = story(bench)
    show(got, clock_ns=64 / 53.125)
    assert 0 < got["saved"] < got["frozen"]
