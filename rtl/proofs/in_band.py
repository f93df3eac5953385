"""Agreement of two ends on a path: it ends, and nobody changes without the other's word."""

from amaranth import Module, Mux, Signal

from lightloom.rtl.ocs.ocstrx.inband import InBand, Kind, State
from lightloom.rtl.proofs.bench import Bench, Proof, internal

__all__ = ["PROOFS"]


def _ends(bench: Bench) -> None:
    m, dut = bench.m, InBand()
    inner = bench.add(dut)
    limit, lead = bench.constant(32, "limit_clocks"), bench.constant(32, "lead_clocks")
    bench.assume((dut.limit == limit) & (dut.lead == lead))
    state, waited = internal(inner, "state"), internal(inner, "waited")
    before = bench.past(state)
    stay, now = Signal(33), Signal(33)  # clocks in this state before this one
    m.d.comb += now.eq(Mux(state == before, stay + 1, 0))
    m.d.sync += stay.eq(now)
    leading = (state == State.GO) | (state == State.FOLLOW)
    waiting = dut.waiting & ~leading
    bench.check("waits_no_longer_than_the_limit", ~waiting | bench.first | (now <= limit))
    bench.check("leads_no_longer_than_the_lead", ~leading | bench.first | (now < lead) | (now == 0))
    bench.invariant("waited", ~dut.waiting | bench.first | (now == waited))
    bench.check("state", state <= State.REFUSE)
    bench.check("silent_at_rest", dut.waiting | (dut.tell == 0))
    bench.cover(dut.expired & (limit == 3))
    bench.cover(dut.follow & (lead == 3))


def _asks_for_ever(dut: InBand, module: Module) -> None:
    with module.If(internal(module, "state") == State.ASK):
        module.d.comb += internal(module, "over").eq(0)


def _word(bench: Bench) -> None:
    m, dut = bench.m, InBand()
    inner = bench.add(dut)
    kind, path, number = dut.told[:3], dut.told[3:5], dut.told[5:]
    state = internal(inner, "state")
    # What the far end has said since this end last was at rest.
    own, asked = internal(inner, "own"), internal(inner, "asked")
    consent, led = Signal(), Signal()
    same = (path == asked) & ((kind == Kind.REQUEST) | (kind == Kind.GO))
    granted = (kind == Kind.GRANT) & (number == own)
    m.d.sync += [
        consent.eq(dut.waiting & (consent | (state == State.ASK) & (granted | same))),
        led.eq(dut.waiting & (led | (state == State.GRANT) & (kind == Kind.GO))),
    ]
    bench.check("agreed_by_both", ~dut.agreed | consent)
    bench.check("follows_when_led", ~dut.follow | led)
    bench.check("not_both", ~(dut.agreed & dut.follow))
    bench.check("frames_end_before", ~(dut.agreed | dut.follow) | dut.pause)
    bench.invariant("go", (state != State.GO) | consent)
    bench.invariant("follow", (state != State.FOLLOW) | led)
    bench.cover(dut.agreed)
    bench.cover(dut.follow)


def _goes_alone(dut: InBand, module: Module) -> None:
    with module.If(internal(module, "state") == State.ASK):
        module.d.sync += internal(module, "state").eq(State.GO)


PROOFS = (
    Proof(
        "in_band",
        "ends",
        "an end waits for the other no longer than the limit, and leads no longer than the lead",
        _ends,
        _asks_for_ever,
        method="induction",
        depth=2,
        reach=20,
        assumed="limit and lead stay as they are",
    ),
    Proof(
        "in_band",
        "word",
        "an end changes only when the other has agreed or has said go, and starts no frame before",
        _word,
        _goes_alone,
        method="induction",
        depth=2,
        reach=20,
    ),
)
