"""Heater drive: the watchdog parks, the budget holds, one-bit outputs keep their mean, SPI ends."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, signed

from lightloom.rtl.ocs.drive.adc_bank import AdcBank
from lightloom.rtl.ocs.drive.budget import Budget
from lightloom.rtl.ocs.drive.dac_chain import PROBE, DacChains
from lightloom.rtl.ocs.drive.drive import Drive
from lightloom.rtl.ocs.drive.sigma_delta import SigmaDelta
from lightloom.rtl.ocs.drive.watchdog import Watchdog
from lightloom.rtl.proofs.bench import Bench, Proof, inside, internal

__all__ = ["PROOFS"]

SLOW_MHZ = 10.0
"""Every phase of the SPI masters is a few clocks."""


def _watchdog(bench: Bench) -> None:
    m, dut = bench.m, Watchdog()
    inner = bench.add(dut, driven=["limit"])
    limit = bench.constant(6, "limit")
    bench.assume(limit != 0)
    m.d.comb += dut.limit.eq(limit)
    silent = Signal(7)
    with m.If(dut.kick | dut.release):
        m.d.sync += silent.eq(0)
    with m.Elif(silent != 127):
        m.d.sync += silent.eq(silent + 1)
    bench.check("silence_expires", (silent < limit) | dut.expired)
    stays = ~bench.past(dut.expired) | bench.past(dut.release) | dut.expired
    bench.check("only_release_ends_it", stays)
    woke = dut.expired & ~bench.past(dut.expired)
    bench.check("not_before", ~woke | (silent >= limit))
    count = internal(inner, "count")
    bench.invariant("count", dut.expired | (count == silent))
    bench.cover(dut.expired & (limit == 12))


def _counts_short(dut: Watchdog, module: Module) -> None:
    with module.If(dut.kick & (dut.limit == 9)):
        module.d.sync += internal(module, "count").eq(internal(module, "count") - 1)


def _park(bench: Bench) -> None:
    m, dut = bench.m, Drive(1, 1, 1.0, neighbours=0, root=False)
    inner = bench.add(dut, driven=["watchdog_clocks"])
    limit = bench.constant(4, "limit")
    bench.assume(limit != 0)
    m.d.comb += dut.watchdog_clocks.eq(limit)
    silent = Signal(6)
    with m.If(dut.watchdog_kick | dut.watchdog_release):
        m.d.sync += silent.eq(0)
    with m.Elif(silent != 63):
        m.d.sync += silent.eq(silent + 1)
    dark = dut.codes == 0
    bench.check("watchdog_parks", (silent <= limit) | dark)
    bench.check("park_is_at_once", ~bench.past(dut.parked) | dark)
    bench.check("held_is_dark", ~dut.held | dark)
    watchdog = inside(inner, "watchdog")
    count = internal(watchdog, "count")
    bench.invariant("count", dut.watchdog_expired | (count == silent))
    bench.invariant("expired", ~bench.past(dut.watchdog_expired) | dut.held)
    lit = Signal()
    m.d.sync += lit.eq(lit | ~dark)
    bench.cover(lit & dark & dut.watchdog_expired)


def _sets_codes_while_held(dut: Drive, module: Module) -> None:
    with module.If(dut.tick & dut.change):
        module.d.sync += dut.codes.eq(1)


def _budget(bench: Bench) -> None:
    m, dut = bench.m, Budget(2, 4)
    names = ["start", "budget", "valid", "park", "claim", "last", "floor"]
    inner = bench.add(dut, driven=names)
    limit = bench.constant(4, "limit")
    # A tick: start, two cells, their answers, the edge.
    step = Signal(3)
    cell = Signal()
    m.d.sync += step.eq(Mux(step == 5, 0, step + 1))
    m.d.comb += cell.eq(step == 2)
    claims = [Signal(2, name=f"claim_{n}") for n in range(2)]
    lasts = [Signal(2, name=f"last_{n}") for n in range(2)]
    shown = [Signal(2, name=f"shown_{n}") for n in range(2)]
    park = Signal()
    with m.If(step == 5):
        m.d.sync += park.eq(bench.free(1, "parks"))
        m.d.sync += [shown[n].eq(lasts[n]) for n in range(2)]
    lag, slewing = bench.free(1, "lag"), bench.free(1, "slewing")
    claim, last = (Mux(cell, pair[1], pair[0]) for pair in (claims, lasts))
    m.d.comb += [
        dut.start.eq(step == 0),
        dut.budget.eq(limit),
        dut.valid.eq((step == 1) | (step == 2)),
        dut.park.eq(park),
        dut.claim.eq(claim),
        dut.last.eq(last),
        dut.floor.eq(Mux(slewing, Mux(lag, claim, last), 0)),
    ]
    for n in range(2):
        with m.If(step == 3 + n):
            m.d.sync += [claims[n].eq(dut.claimed), lasts[n].eq(dut.command)]
    bench.check("sum_of_codes_within_budget", shown[0] + shown[1] <= limit)
    bench.check("sum_of_claims_within_budget", (step != 0) | (claims[0] + claims[1] <= limit))
    bench.check("claim_covers_command", (lasts[0] <= claims[0]) & (lasts[1] <= claims[1]))
    bench.invariant("total", (step != 0) | (internal(inner, "total") == claims[0] + claims[1]))
    bench.cover((shown[0] == 2) & (shown[1] == 3) & (limit == 5))
    moved = bench.past(shown[0] == 3, init=0)
    bench.cover(moved & (shown[0] == 1) & (shown[1] == 2) & (limit == 3))


def _forgets_overdrive(dut: Budget, module: Module) -> None:
    with module.If(internal(module, "grant_over")):
        module.d.comb += internal(module, "after").eq(internal(module, "after_plain"))


def _mean(order: int) -> Proof:
    bits = 4
    full = 2**bits if order == 1 else 2**bits - 1
    most = full if order == 1 else 3 * full

    def build(bench: Bench) -> None:
        m, dut = bench.m, SigmaDelta(1, bits, order=order)
        inner = bench.add(dut)
        # Codes so far minus bits so far times full-scale; the bit is a clock behind its code.
        ahead = Signal(signed(bits + 5))
        now = ahead - Mux(dut.o, full, 0)
        m.d.sync += ahead.eq(Mux(dut.off, 0, now + dut.codes))
        restarted = bench.past(dut.off, init=1)
        bench.check("mean_is_the_code", (now <= most) & (now >= -most))
        bench.check("off_is_low", ~restarted | ~dut.o)
        if order == 1:
            left = internal(inner, "left_0")
            bench.invariant("left", now == left)
        else:
            first, second = internal(inner, "first_0"), internal(inner, "second_0")
            bench.invariant("first", now == first)
            bench.invariant("second", (second <= 2 * full) & (second >= -2 * full))
        ones = Signal(4)
        m.d.sync += ones.eq(Mux(dut.o, ones + (ones != 15), ones))
        bench.cover((ones == 3) & ~dut.o & (dut.codes == 5))

    def fault(dut: SigmaDelta, module: Module) -> None:
        with module.If(dut.codes == 13):
            module.d.sync += dut.o.eq(0)

    return Proof(
        "drive_sigma_delta" if order == 1 else "drive_sigma_delta_2",
        "mean",
        f"bits and codes are equal in sum, to {most // full} full-scale, whatever codes come",
        build,
        fault,
        method="induction",
        depth=2,
        reach=20,
    )


def _dac_idle(bench: Bench) -> None:
    m, dut = bench.m, DacChains(1, 1, SLOW_MHZ, devices=1)
    inner = bench.add(dut)
    t, channels = dut.timing, dut.part.channels
    low, high, edges = Signal(9), Signal(9), Signal(7)
    was_high = bench.past(dut.cs_n, init=1)
    rises = dut.sck & ~bench.past(dut.sck)
    with m.If(dut.cs_n):
        m.d.sync += [low.eq(0), edges.eq(0), high.eq(high + (high != 511))]
    with m.Else():
        m.d.sync += [high.eq(0), low.eq(low + (low != 511)), edges.eq(edges + rises)]
    bench.check("returns_to_idle", low <= t.frame - t.gap)
    bench.check("begins_again", high <= t.update - channels * t.frame + t.gap)
    bench.check("whole_words", ~dut.cs_n | was_high | (edges == t.bits))
    bench.check("selects_with_sck_low", (dut.cs_n == was_high) | ~dut.sck)
    bench.check("a_fault_clears_all", ~bench.past(dut.failed) | ~dut.clr_n)
    bench.cover(dut.cs_n & ~was_high)
    # For the induction: where in a frame, or between two, a phase is.
    phase, left, bit, channel = (
        internal(inner, name) for name in ("phase", "left", "bit", "channel")
    )
    lead, low_sck, high_sck, lag, gap, probe_low, probe_high = range(7)
    period, pulses = t.low + t.high, Signal(9)
    m.d.comb += pulses.eq(t.bits - 1 - bit)
    probes = Mux(bit > PROBE, 0, PROBE - bit)
    for name, number, time, selected, clock, condition in (
        ("lead", lead, t.lead, 1, 0, (low == t.lead - 1 - left) & (pulses == 0) & (edges == 0)),
        (
            "low",
            low_sck,
            t.low,
            1,
            0,
            (low == t.lead + pulses * period - left - 1) & (edges == pulses) & (bit < t.bits),
        ),
        (
            "high",
            high_sck,
            t.high,
            1,
            1,
            (low == t.lead + pulses * period + t.high - 1 - left)
            & (edges == pulses)
            & (bit < t.bits),
        ),
        ("lag", lag, t.lag, 1, 0, (low == t.frame - t.gap - 1 - left) & (edges == t.bits)),
        (
            "gap",
            gap,
            t.gap,
            0,
            0,
            Mux(
                (channel == 0) & (bit == 0),
                high <= 2 * t.gap + PROBE * period - 1 - left,
                (high == t.gap - 1 - left) & (bit == PROBE),
            ),
        ),
        (
            "probe_low",
            probe_low,
            t.low,
            0,
            0,
            (high == t.gap + probes * period + t.low - 1 - left)
            & (bit <= PROBE)
            & (bit > 0)
            & (channel == 0),
        ),
        (
            "probe_high",
            probe_high,
            t.high,
            0,
            1,
            (high == t.gap + probes * period - 1 - left) & (bit < PROBE) & (channel == 0),
        ),
    ):
        pins = (dut.cs_n == 1 - selected) & (dut.sck == clock) & (left < time)
        bench.invariant(name, (phase != number) | (pins & condition))
    bench.invariant("phase", phase < 7)


def _stalls(dut: DacChains, module: Module) -> None:
    with module.If((internal(module, "bit") == 20) & dut.clear_faults):
        module.d.sync += internal(module, "left").eq(internal(module, "left"))


def _adc_idle(bench: Bench) -> None:
    m, dut = bench.m, AdcBank(2, SLOW_MHZ)
    bench.add(dut)
    t = dut.timing
    low, high, edges = Signal(9), Signal(9), Signal(6)
    falls = ~dut.sck & bench.past(dut.sck, init=1)
    with m.If(dut.cs_n):
        m.d.sync += [low.eq(0), edges.eq(0), high.eq(high + (high != 511))]
    with m.Else():
        m.d.sync += [high.eq(0), low.eq(low + (low != 511)), edges.eq(edges + falls)]
    bench.check("returns_to_idle", low <= t.frame - t.quiet)
    bench.check("begins_again", high <= t.quiet)
    ended = dut.cs_n & ~bench.past(dut.cs_n, init=1)
    bench.check("sixteen_clocks", ~ended | (edges == 16))
    bench.check("sample_has_its_tap", ~dut.valid | (dut.channel < 2))
    bench.cover(dut.valid & (dut.channel == 1))


def _adc_stalls(dut: AdcBank, module: Module) -> None:
    with module.If((internal(module, "bit") == 9) & dut.clear_faults):
        module.d.sync += internal(module, "left").eq(internal(module, "left"))


PROOFS = (
    Proof(
        "drive_watchdog",
        "parks",
        "expires after its limit without a kick or release, not before, until released",
        _watchdog,
        _counts_short,
        method="induction",
        depth=2,
        reach=30,
        assumed="the limit is constant and not 0",
    ),
    Proof(
        "drive",
        "parks",
        "codes are 0 a clock after a park, and a clock after the watchdog's limit",
        _park,
        _sets_codes_while_held,
        method="induction",
        depth=3,
        reach=60,
        assumed="the limit is constant and not 0",
    ),
    Proof(
        "drive_budget",
        "holds",
        "the sum of commanded powers is never above the budget, in no tick on the way",
        _budget,
        _forgets_overdrive,
        reach=60,
        assumed="the budget is constant",
    ),
    _mean(1),
    _mean(2),
    Proof(
        "drive_dac_chains",
        "idle",
        "frames end, are whole words, and follow each other, whatever comes back",
        _dac_idle,
        _stalls,
        method="induction",
        depth=2,
        reach=200,
    ),
    Proof(
        "drive_adc_bank",
        "idle",
        "frames end, are 16 clocks, and follow each other, whatever comes back",
        _adc_idle,
        _adc_stalls,
        reach=400,
    ),
)
