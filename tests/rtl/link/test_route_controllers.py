"""Two SerDes, each with the controller of its switch: a cut, and a change that both agree on."""

import pytest

from lightloom.rtl.link.config import Config
from lightloom.rtl.ocs.guard import Path
from lightloom.rtl.ocs.ocstrx.sequence import Phase, Reason

QUICK = {"limits": (2000, 20000, 30000, 20000, 20000), "rx_ffe_taps": 2, "tx_ffe": (0, 63, 0)}
DOWN, SETTLE = 50, 400
TIMES = {
    "down": DOWN,
    "up": 50,
    "hold_off": 6000,
    "restore": 4000,
    "pause": 300,
    "settle_limit": 3000,
    "relock_limit": 12000,
    "frame_limit": 12000,
    "save_interval": 2000,
    "answer_limit": 3000,
    "lead": 700,
    "settle": SETTLE,
}
PARTS = ("command", "settle", "load", "relock", "frame", "total")


def both(bench, what, *arguments, **fields):
    for side in "ab":
        getattr(bench, what)(side, *arguments, **fields)


def start(bench):
    """Both on the primary path, up, and sets of both paths saved by going there and back."""
    bench.say("fibre", 0b11)
    for name, clocks in TIMES.items():
        both(bench, "control", name, clocks=clocks)
    both(bench, "control", "command", path=Path.PRIMARY, go=1)
    bench.say("until", "up", 60000)
    for path in (Path.BACKUP, Path.PRIMARY):
        bench.say("run", 5000)
        both(bench, "control", "command", path=path, go=1)
        bench.say("run", 500)
        bench.say("until", f"up_{path}", 60000)
    bench.say("run", 5000)


def ask(bench, prefix):
    for side in "ab":
        for part in PARTS:
            bench.observe(side, f"split.{part}", "clocks", f"{prefix}.{side}.{part}")
        for name in ("phase", "path", "reason", "tried"):
            bench.observe(side, "status", name, f"{prefix}.{side}.{name}")


@pytest.fixture(scope="module")
def ring(pair_bench):
    config = Config(lanes=2, symbols_per_clock=16, marker_rows=64, **QUICK)
    return pair_bench(config, "pair_ring", delay=[0, 37], other=[101, 130], routed=True)


def show(got, prefix):
    for side in "ab":
        print(prefix, side, {part: got[f"{prefix}.{side}.{part}"] for part in PARTS})


def test_a_cut_under_traffic_is_over_after_a_relock(ring):
    """With sets, without, and what the parts of the time are."""
    for prefix, sets in (("sets", 1), ("none", 0)):
        start(ring)
        both(ring, "control", "mode", use_sets=sets)
        for side in "ab":
            ring.say("send", side, 400, 600)
        ring.say("run", 1500)
        ring.say("fibre", 0b10)
        ring.say("paths", f"{prefix}_failover", Path.BACKUP, 2000)
        ring.say("until", f"{prefix}_again", 60000)
        ring.say("drain", f"{prefix}_all", 60000)
        ask(ring, prefix)
    got = ring.run()
    for prefix in ("sets", "none"):
        show(got, prefix)
        assert 0 < got[f"{prefix}_failover"] < DOWN + 20
        assert got[f"{prefix}_again"] > 0
        for side in "ab":
            at = f"{prefix}.{side}"
            assert (got[f"{at}.path"], got[f"{at}.phase"]) == (Path.BACKUP, Phase.IDLE)
            assert got[f"{at}.command"] == DOWN
            assert got[f"{at}.total"] == sum(got[f"{at}.{part}"] for part in PARTS[:-1])
            assert got[f"{prefix}_all.{side}.good"] > 350
            assert got[f"{prefix}_all.{side}.wrong"] == 0
    for side in "ab":
        assert got[f"sets.{side}.relock"] < got[f"none.{side}.relock"] - 700


def test_a_change_that_both_agree_on_loses_no_frame(ring):
    start(ring)
    for side in "ab":
        ring.say("send", side, 400, 600)
    ring.say("run", 1500)
    ring.control("a", "command", path=Path.BACKUP, ask=1, go=1)
    ring.say("paths", "both", Path.BACKUP, 6000)
    ring.say("until", "again", 60000)
    ring.say("drain", "all", 60000)
    ask(ring, "agreed")
    got = ring.run()
    show(got, "agreed")
    assert got["both"] > 0
    for side in "ab":
        assert got[f"agreed.{side}.path"] == Path.BACKUP
        assert got[f"agreed.{side}.command"] >= TIMES["lead"]  # agreed, not a loss
        assert got[f"agreed.{side}.reason"] == Reason.NONE
        assert (got[f"all.{side}.good"], got[f"all.{side}.bad"]) == (400, 0)


def test_a_path_that_is_cut_is_refused_by_the_light_and_left(ring):
    """Both go to the backup, which is cut: nothing relocks, and both come back by themselves."""
    start(ring)
    ring.say("fibre", 0b01)
    ring.control("a", "command", path=Path.BACKUP, ask=1, go=1)
    ring.say("paths", "there", Path.BACKUP, 6000)
    ring.say("paths", "back", Path.PRIMARY, 30000)
    ring.say("until", "again", 60000)
    ask(ring, "left")
    got = ring.run()
    assert got["there"] > 0
    assert got["back"] > 0
    assert got["again"] > 0
