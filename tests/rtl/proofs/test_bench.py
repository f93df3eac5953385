"""The parts of a proof: free inputs, constants, enables, faults, and the names they go by."""

from functools import partial

import pytest
from amaranth import Module, Signal
from amaranth.hdl import Fragment
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.proofs.bench import Bench, Proof, inside, internal, part


class Counter(wiring.Component):
    """Counts in `sync` and in `other`."""

    def __init__(self):
        super().__init__(
            {"run": In(1), "i": In(stream.Signature(2)), "o": Out(4), "other_o": Out(4)}
        )

    def elaborate(self, platform):
        m = Module()
        step = Signal()
        m.d.comb += [step.eq(self.run), self.i.ready.eq(self.run)]
        with m.If(step):
            m.d.sync += self.o.eq(self.o + 1)
        m.d.other += self.other_o.eq(self.other_o + 1)
        return m


def build(claim, bench):
    dut = Counter()
    enables = {"sync": bench.free(1, "core"), "other": bench.free(1, "far")}
    inner = bench.add(dut, domains=enables)
    claim(bench, dut, inner, enables)


def proof(claim, **changed):
    given = {
        "block": "counter", "name": "claim", "claim": "", "build": partial(build, claim),
        "fault": lambda dut, m: m.d.comb.__iadd__(internal(m, "step").eq(1)), "depth": 6,
    }  # fmt: skip
    return Proof(**(given | {"method": "bounded"} | changed))


def both_domains_follow_their_enables(bench, dut, inner, enables):
    for enable, moves, out in (
        ("sync", enables["sync"] & internal(inner, "step"), dut.o),
        ("other", enables["other"], dut.other_o),
    ):
        before = bench.past(out)
        bench.check(enable, out == (before + bench.past(moves))[:4])
    bench.check("step", internal(inner, "step") == dut.run)
    bench.cover((dut.o == 2) & (dut.other_o == 3))


def test_domains_run_on_one_clock_with_their_enables(decide):
    result = decide(proof(both_domains_follow_their_enables))
    assert (result.verdict, result.reason) == ("pass", "fault seen by step")


def test_a_constant_stays_and_is_any_value(decide):
    def claim(bench, dut, inner, enables):
        value = bench.constant(3, "value")
        bench.check("same", bench.first | (value == bench.past(value)))
        bench.check("step", internal(inner, "step") == dut.run)
        for number in (0, 5):
            bench.cover(~bench.first & (value == number))

    assert decide(proof(claim)).verdict == "pass"


def test_a_fault_must_break_the_claim_and_not_only_what_helps_to_prove_it(decide):
    def claim(bench, dut, inner, enables):
        bench.check("same", dut.o == dut.o)
        bench.invariant("step", internal(inner, "step") == dut.run)
        bench.cover(dut.o == 1)

    result = decide(proof(claim))
    assert (result.verdict, result.reason) == ("vacuous", "the faulty block passes 20 clocks")


def test_an_invariant_that_does_not_hold_fails(decide):
    def claim(bench, dut, inner, enables):
        bench.check("same", dut.o == dut.o)
        bench.invariant("small", dut.o < 2)

    assert decide(proof(claim)).reason == "small broken after 3 clocks"


def test_signals_of_submodules_are_found():
    class Outer(wiring.Component):
        def __init__(self):
            super().__init__({"run": In(1)})

        def elaborate(self, platform):
            m = Module()
            m.submodules.counter = counter = Counter()
            m.d.comb += counter.run.eq(self.run)
            return m

    bench = Bench()
    outer = bench.add(Outer(), domains={"sync": bench.first, "other": bench.first})
    assert internal(inside(outer, "counter"), "step").name == "step"
    assert isinstance(part(outer, "counter"), Counter)
    bench.rtlil()


def test_inputs_are_free_unless_driven():
    for driven, free in (
        ((), {"run", "i__payload", "i__valid"}),
        (("i",), {"run"}),
        (("i.valid", "run"), {"i__payload"}),
    ):
        bench = Bench()
        bench.add(Counter(), driven=driven, domains={"sync": bench.first, "other": bench.first})
        top = bench.rtlil().split("module \\top.dut")[0].split("module \\top\n")[1]
        inputs = {line.split("\\")[1] for line in top.splitlines() if " input " in line}
        assert inputs - {"clk"} == free


def test_a_netlist_is_the_same_each_time_and_a_fault_changes_it():
    made = proof(both_domains_follow_their_enables)
    assert made.netlist() == made.netlist()
    assert made.netlist() != made.netlist(faulty=True)
    assert made.key == "counter.claim"


def test_a_signal_that_is_not_there_or_there_twice_is_an_error():
    m = Module()
    twice = [Signal(name="twice") for _ in range(2)]
    m.d.comb += [signal.eq(0) for signal in twice]
    with pytest.raises(KeyError, match="none: 0 signals of that name"):
        internal(m, "none")
    with pytest.raises(KeyError, match="twice: 2 signals of that name"):
        internal(m, "twice")
    Fragment.get(m, None)  # Amaranth warns of modules that nobody used
