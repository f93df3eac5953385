"""Two SerDes of each profile back to back, as Verilog: up, frames, loopbacks, lanes left out."""

import random

import pytest

from lightloom.rtl.link.config import Config

QUICK = {"limits": (2000, 20000, 30000, 20000, 20000), "rx_ffe_taps": 2, "tx_ffe": (0, 63, 0)}


def start(bench, limit=60000):
    for side in "ab":
        bench.say("light", side, (1 << bench.config.lanes) - 1)
    bench.say("until", "up", limit)


@pytest.fixture(scope="module")
def eth(pair_bench):
    config = Config(lanes=4, symbols_per_clock=16, marker_rows=64, degradable=True, **QUICK)
    return pair_bench(config, "pair_eth", delay=[0, 100, 37, 5])


def counts(got, label, side):
    return tuple(got[f"{label}.{side}.{kind}"] for kind in ("good", "bad", "wrong"))


def test_frames_both_ways(eth):
    start(eth)
    for side in "ab":
        eth.say("send", side, 200, 600)
    eth.say("drain", "all", 40000)
    eth.read("a", "counter.frames_sent")
    eth.read("b", "counter.frames_errored")
    eth.read("a", "round_trip", "clocks")
    eth.read("a", "lanes", "used")
    eth.read("b", "lanes", "active")
    got = eth.run()
    assert got["up"] > 0
    for side in "ab":
        assert counts(got, "all", side) == (200, 0, 0)
    assert got["a.counter.frames_sent.value"] == 200
    assert got["b.counter.frames_errored.value"] == 0
    assert got["a.lanes.used"] == got["b.lanes.active"] == 0b1111
    assert 40 < got["a.round_trip.clocks"] < 150


def test_a_dead_lane_is_left_out_and_comes_back(eth):
    """One lane towards B dark: both ways still carry frames, B over two lanes, A over four."""
    for side in "ab":
        eth.say("light", side, 0b1111 if side == "a" else 0b1011)
        eth.say("cut", side, 0 if side == "a" else 0b0100)
    eth.say("until", "up", 60000)
    for side in "ab":
        eth.read(side, "lanes", "used")
        eth.read(side, "lanes", "active")
        eth.say("send", side, 100, 600)
    eth.say("drain", "narrow", 60000)
    eth.say("light", "b", 0b1111)
    eth.say("cut", "b", 0)
    eth.write("b", "control", enable=0)
    eth.say("run", 200)
    eth.write("b", "control")
    eth.say("down", "down", "a", 2000)
    eth.say("until", "again", 60000)
    eth.read("a", "lanes", "active")
    eth.say("send", "a", 50, 600)
    eth.say("drain", "wide", 40000)
    got = eth.run()
    assert got["up"] > 0
    assert (got["a.lanes.used"], got["b.lanes.used"]) == (0b1111, 0b1011)
    assert got["b.lanes.active"] == 0b1111
    assert counts(got, "narrow", "a") == counts(got, "narrow", "b") == (100, 0, 0)
    assert got["again"] > 0
    assert counts(got, "wide", "b") == (50, 0, 0)
    assert got["a.lanes.active"] == 0b1111


def test_without_degrade_a_dead_lane_keeps_the_link_down(eth):
    for side in "ab":
        eth.write(side, "control", degrade=0)
        eth.say("light", side, 0b0111)
    eth.say("until", "up", 8000)
    eth.read("a", "status", "fail_reason")
    got = eth.run()
    assert got["up"] == -1
    assert got["a.status.fail_reason"] == 1  # signal_timeout


def test_far_loopback_returns_every_frame(eth):
    start(eth)
    eth.write("b", "control", far_loopback=1)
    eth.say("echo", "a")
    eth.say("send", "a", 100, 600)
    eth.say("drain", "echo", 40000)
    got = eth.run()
    assert counts(got, "echo", "a") == (100, 0, 0)
    assert counts(got, "echo", "b") == (0, 0, 0)


def test_near_loopback_needs_no_light(eth):
    eth.write("a", "control", loopback=1)
    eth.say("run", 12000)
    eth.say("echo", "a")
    eth.say("send", "a", 50, 300)
    eth.say("drain", "echo", 20000)
    got = eth.run()
    assert counts(got, "echo", "a") == (50, 0, 0)


def test_symbol_errors_never_make_a_wrong_frame_of_another(eth):
    """A wrong bit now and then: frames are damaged and marked or lost; block errors are counted.

    64b/66b cannot see a wrong bit inside the data of a frame, so some come as good but changed:
    that is what a frame check sequence or FEC is for.
    """
    start(eth)
    eth.say("noise", "b", 100)
    eth.say("send", "a", 200, 300)
    eth.say("drain", "noisy", 40000)
    eth.read("b", "lane[0].block_errors")
    got = eth.run()
    good, bad, wrong = counts(got, "noisy", "b")
    assert good + bad + wrong > 100
    assert bad + wrong > 5
    assert counts(got, "noisy", "a") == (0, 0, 0)


def test_an_eye_is_scanned_under_traffic(eth):
    """A threshold at 0 changes no decision; one beyond every sample changes that of each one."""
    start(eth)
    eth.write("a", "eye_words", words=100)
    for offset in (0, 240, -240):
        eth.write("a", "eye_offset", offset=offset & 0xFFFF)
        eth.write("a", "eye", start=1)
        eth.say("run", 400)
        for what in ("eye_hits", "eye_above"):
            eth.read("a", f"lane[1].{what}")
            eth.script[-1] += f"@{offset}"
        eth.read("a", "lane[1].status", "eye_busy")
    eth.say("send", "b", 50, 300)
    eth.say("drain", "all", 20000)
    got = eth.run()
    observed = 100 * 8  # symbols of a word that the loops look at
    hits = {n: got[f"a.lane[1].eye_hits.value@{n}"] for n in (0, 240, -240)}
    assert hits[0] == 0
    assert hits[240] + hits[-240] == pytest.approx(observed, rel=0.1)
    assert 0.3 * observed < hits[240] < 0.7 * observed
    assert got["a.lane[1].eye_above.value@-240"] == observed
    assert got["a.lane[1].eye_above.value@240"] == 0
    assert got["a.lane[1].status.eye_busy"] == 0
    assert counts(got, "all", "a") == (50, 0, 0)


def test_a_saved_set_is_loaded_under_traffic(eth):
    """The coefficients are those in force: lock is sought anew and found, the link stays up."""
    start(eth)
    eth.write("a", "sets", index=3, save=1)
    eth.say("run", 100)
    eth.read("a", "lane[2].sets", "valid")
    eth.say("send", "b", 50, 300)
    eth.write("a", "sets", index=3, load=1)
    eth.say("drain", "all", 20000)
    eth.read("a", "lane[2].status", "cdr_locked")
    eth.read("a", "counter.downs")
    got = eth.run()
    assert got["a.lane[2].sets.valid"] == 1 << 3
    assert got["a.lane[2].status.cdr_locked"] == 1
    assert got["a.counter.downs.value"] == 0
    assert counts(got, "all", "a") == (50, 0, 0)


@pytest.mark.parametrize("side", ["tx", "rx"])
def test_inverted_lanes(eth, side):
    """Lane 1 inverted at both ends is as before; at one end it never locks."""
    eth.write("a", "polarity", tx=0b0010)
    start(eth, 12000)
    eth.read("b", "lane[2].block_errors")
    if side == "rx":
        eth.write("b", "polarity", rx=0b0100)
        eth.say("until", "again", 60000)
        eth.say("send", "a", 20, 300)
        eth.say("drain", "all", 20000)
    got = eth.run()
    assert got["up"] == -1
    if side == "rx":
        assert got["again"] > 0
        assert counts(got, "all", "b") == (20, 0, 0)


LEAN = {"eye_monitor": False, "coefficient_sets": 0, "rx_dfe": False, "rx_ffe_taps": 1}
LEAN |= {"adc_bits": 4, "tx_dac_bits": 5, "tx_ffe": (0, 15, 0)}  # for a build in half the time
WIDE = {**QUICK, **LEAN, "symbols_per_clock": 128, "marker_rows": 64, "degradable": True}


@pytest.fixture(scope="module")
def wide(pair_bench):
    """Rows of two blocks a lane; the other route differs by blocks, an odd number of them."""
    config = Config(lanes=2, **WIDE)
    return pair_bench(config, "pair_wide", delay=[5, 66 * 9], other=[5 + 66, 66 * 12])


@pytest.mark.parametrize("ppm", [-600, 600])
def test_two_blocks_a_clock(wide, ppm):
    """Frames both ways with skew, rows inserted and deleted, round trip; then both loopbacks."""
    start(wide)
    for side in "ab":
        wide.say("send", side, 300, 3000)
    wide.say("drain", "all", 120000)
    wide.read("a", "counter.rows_deleted")
    wide.read("b", "counter.rows_deleted")
    wide.read("a", "counter.rows_inserted")
    wide.read("b", "counter.rows_inserted")
    wide.read("a", "round_trip", "clocks")
    wide.write("b", "control", far_loopback=1)
    wide.say("echo", "a")
    wide.say("send", "a", 12, 1000)
    wide.say("drain", "far", 40000)
    wide.write("a", "control", loopback=1)
    wide.say("run", 8000)
    wide.say("send", "a", 50, 1000)
    wide.say("drain", "near", 40000)
    got = wide.run(ppm)
    assert got["up"] > 0
    for side in "ab":
        assert counts(got, "all", side) == (300, 0, 0)
    slow, fast = "ab" if ppm > 0 else "ba"
    assert got[f"{slow}.counter.rows_deleted.value"] > 5
    assert got[f"{fast}.counter.rows_inserted.value"] > 5
    assert 40 < got["a.round_trip.clocks"] < 150
    assert counts(got, "far", "a") == (12, 0, 0)
    assert counts(got, "near", "a") == (50, 0, 0)


def test_two_blocks_a_clock_over_fewer_lanes_and_again(wide):
    """One lane of A dark, then light again; then both lanes slip by a block, or by three."""
    wide.say("light", "a", 0b01)
    wide.say("light", "b", 0b11)
    wide.say("cut", "a", 0b10)
    wide.write("a", "polarity", tx=0b10)
    wide.write("b", "polarity", rx=0b01)
    wide.say("until", "up", 60000)
    for side in "ab":
        wide.read(side, "lanes", "used")
        wide.read(side, "lanes", "active")
        wide.say("send", side, 100, 600)
    wide.say("drain", "narrow", 60000)
    wide.say("light", "a", 0b11)
    wide.say("cut", "a", 0)
    wide.write("a", "control", enable=0)
    wide.say("run", 200)
    wide.write("a", "control")
    wide.say("down", "down", "b", 4000)
    wide.say("until", "again", 60000)
    for side in "ab":
        wide.read(side, "lanes", "active", label=f"again.{side}")
        wide.say("send", side, 100, 600)
    wide.say("drain", "wide", 60000)
    wide.say("other", "a", 1)
    wide.say("down", "slipped", "a", 8000)
    wide.read("a", "status", "fail_reason")
    wide.say("until", "other", 60000)
    wide.say("send", "b", 100, 600)
    wide.say("drain", "moved", 60000)
    got = wide.run()
    assert got["up"] > 0
    assert (got["a.lanes.used"], got["b.lanes.used"]) == (0b01, 0b11)
    assert (got["a.lanes.active"], got["b.lanes.active"]) == (0b11, 0b10)
    assert got["again"] > 0
    assert got["again.a"] == got["again.b"] == 0b11
    assert 0 <= got["slipped"] < 200
    assert got["other"] > 0
    assert got["a.status.fail_reason"] == 8  # block_lock_lost
    for side in "ab":
        assert counts(got, "narrow", side) == (100, 0, 0)
        assert counts(got, "wide", side) == (100, 0, 0)
    assert counts(got, "moved", "a") == (100, 0, 0)


def test_two_blocks_a_clock_with_symbol_errors(wide):
    """Short frames, much of them control blocks: marked, lost or wrong; the lock stays."""
    start(wide)
    wide.say("noise", "b", 20)
    wide.say("send", "a", 800, 60)
    wide.say("drain", "noisy", 40000)
    for lane in (0, 1):
        wide.read("b", f"lane[{lane}].block_errors")
        wide.read("b", f"lane[{lane}].header_errors")
    wide.read("b", "counter.downs")
    got = wide.run()
    good, bad, wrong = counts(got, "noisy", "b")
    assert good + bad + wrong > 500
    assert bad + wrong > 5
    assert counts(got, "noisy", "a") == (0, 0, 0)
    assert got["b.lane[0].block_errors.value"] + got["b.lane[1].block_errors.value"] > 5
    assert got["b.lane[0].header_errors.value"] + got["b.lane[1].header_errors.value"] > 0
    assert got["b.counter.downs.value"] == 0


@pytest.mark.slow
def test_sixteen_lanes_of_two_blocks_a_clock(pair_bench):
    """Lanes in a random order, skew of up to eight rows."""
    rng = random.Random(16)
    config = Config(lanes=16, **WIDE)
    order = rng.sample(range(16), 16)
    delay = [rng.randrange(8 * 132) for _ in range(16)]
    bench = pair_bench(config, "pair_wide16", source=order, delay=delay)
    start(bench)
    for side in "ab":
        bench.say("send", side, 100, 20000)
    bench.say("drain", "all", 120000)
    got = bench.run()
    assert got["up"] > 0
    for side in "ab":
        assert counts(got, "all", side) == (100, 0, 0)


@pytest.fixture(scope="module")
def pcie(pair_bench):
    config = Config(profile="pcie5", lanes=2, symbols_per_clock=32, marker_rows=64, **QUICK)
    return pair_bench(config, "pair_pcie", delay=[0, 300])


@pytest.fixture(scope="module")
def pcie8(pair_bench):
    config = Config(profile="pcie5", lanes=8, symbols_per_clock=32, marker_rows=64, **QUICK)
    return pair_bench(config, "pair_pcie8", delay=[0, 300, 17, 700, 64, 5, 222, 1])


@pytest.mark.parametrize("ppm", [-600, 600])
def test_pcie_with_skew_and_both_ends_at_their_limit(pcie, ppm):
    """Each end may be 300 ppm off: 600 between them."""
    carry(pcie, ppm)


@pytest.mark.slow
@pytest.mark.parametrize("ppm", [-600, 600])
def test_eight_pcie_lanes(pcie8, ppm):
    carry(pcie8, ppm)


def carry(pcie, ppm):
    start(pcie)
    for side in "ab":
        pcie.say("send", side, 300, 3000)
    pcie.say("drain", "all", 120000)
    pcie.read("a", "counter.rows_deleted")
    pcie.read("b", "counter.rows_deleted")
    got = pcie.run(ppm)
    assert got["up"] > 0
    for side in "ab":
        assert counts(got, "all", side) == (300, 0, 0)


FEC = {
    "kp4": {"profile": "100g-kp4", "modulation": "pam4", "symbols_per_clock": 64},
    "kr4": {"profile": "100g-kr4", "symbols_per_clock": 32, "fec_interleave": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("code", FEC)
def test_fec_over_two_lanes(pair_bench, code):
    """Frames both ways; then errors on the line, which all are corrected and counted."""
    config = Config(lanes=2, marker_rows=80, **FEC[code], **QUICK)
    bench = pair_bench(config, f"pair_{code}", delay=[0, 170])
    start(bench)
    for side in "ab":
        bench.say("send", side, 200, 3000)
    bench.say("drain", "clean", 60000)
    for side in "ab":
        bench.read(side, "lane[0].fec_corrected")
        bench.read(side, "fec_histogram[0]")
    bench.say("noise", "b", 40)
    bench.say("send", "a", 100, 3000)
    bench.say("drain", "noisy", 60000)
    for lane in (0, 1):
        bench.read("b", f"lane[{lane}].fec_symbol_errors")
        bench.read("b", f"lane[{lane}].fec_uncorrectable")
    bench.read("b", "fec_histogram[1]")
    got = bench.run()
    assert got["up"] > 0
    for side in "ab":
        assert counts(got, "clean", side) == (200, 0, 0)
        assert got[f"{side}.lane[0].fec_corrected.value"] == 0
        assert got[f"{side}.fec_histogram[0].value"] > 50
    assert counts(got, "noisy", "b") == (100, 0, 0)
    for lane in (0, 1):
        assert got[f"b.lane[{lane}].fec_symbol_errors.value"] > 10
        assert got[f"b.lane[{lane}].fec_uncorrectable.value"] == 0
    assert got["b.fec_histogram[1].value"] > 5
