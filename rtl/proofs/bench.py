"""What a proof is made of: a block with free inputs, and properties around it.

A property is an expression that is looked at in every clock. All registers start at their reset
values and there is one clock; a block with several domains runs with enables (`Bench.add`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from amaranth import ClockDomain, Module, Mux, Signal, Value
from amaranth.hdl import Assert, Assume, DomainRenamer, EnableInserter
from amaranth.lib import wiring

__all__ = [
    "Bench",
    "Fault",
    "Method",
    "Proof",
    "encoding",
    "inside",
    "internal",
    "ongoing",
    "part",
    "state",
]

_rtlil = importlib.import_module("amaranth.back.rtlil")

Method = Literal["pdr", "induction", "bounded"]
Fault = Callable[[Any, Module], None]
"""Adds statements to a block's module; the last assignment of a signal is the one that acts."""


@dataclass(frozen=True)
class Proof:
    """A claim about a block.

    Attributes
    ----------
    block, name : str
        Of the block, as in `lightloom verilog --list`, and of the property.
    claim : str
        One line that says what holds.
    build : callable
        Adds the block and the properties to an empty `Bench`.
    fault : callable
        A small fault of the block that must break the claim.
    method : str
        ``pdr`` and ``induction`` hold for ever, ``bounded`` for `depth` clocks from reset.
    depth : int
        Clocks: of a bounded proof, of the window of an induction.
    reach : int
        Clocks in which covers must be reached and the fault must show.
    assumed : str
        What the claim needs of the inputs, in words; empty when nothing.
    """

    block: str
    name: str
    claim: str
    build: Callable[[Bench], None]
    fault: Fault
    method: Method = "pdr"
    depth: int = 20
    reach: int = 20
    assumed: str = ""

    @property
    def key(self) -> str:
        """Dotted name: ``<block>.<property>``."""
        return f"{self.block}.{self.name}"

    def netlist(self, *, faulty: bool = False) -> str:
        """RTLIL in which the claim is asserted, the same text each time.

        Of the faulty block the claim alone, not the invariants that help to prove it.
        """
        return self._bench(faulty).rtlil(invariants=not faulty)

    def covers(self) -> list[str]:
        """RTLIL for each cover in which it is asserted that it is never reached."""
        bench = self._bench()
        texts = [bench.rtlil(cover=0 if bench.covers else None)]
        texts += [self._bench().rtlil(cover=number) for number in range(1, bench.covers)]
        return texts if bench.covers else []

    def _bench(self, faulty: bool = False) -> Bench:
        bench = Bench(self.fault if faulty else None)
        self.build(bench)
        return bench


def internal(module: Module, name: str, domain: str | None = None) -> Signal:
    """Signal that `module` itself drives, by name; raises KeyError when there is not exactly one.

    For faults, and for the invariants that an induction needs. `domain` leaves out those of the
    same name that are driven from elsewhere (``comb`` or a clock).
    """
    driven: Any = module._driving
    named = [signal for signal in driven if signal.name == name]
    found = [signal for signal in named if domain is None or domain in driven[signal]]
    if len(found) != 1:
        raise KeyError(f"{name}: {len(found)} signals of that name")
    return found[0]


def state(module: Module) -> Signal:
    """State of the one state machine of `module`: 0 for the first that is written, and so on."""
    made: Any = module._generated
    return made["fsm"].state


def encoding(module: Module) -> Mapping[str, int]:
    """Values of `state` by the names of the states."""
    made: Any = module._generated
    return made["fsm"].encoding


def ongoing(module: Module, name: str) -> Value:
    """Whether the one state machine of `module` is in the state of that name."""
    return state(module) == encoding(module)[name]


def part(module: Module, name: str) -> Any:
    """Submodule of `module`, as it is before it is elaborated."""
    parts: Any = module._named_submodules
    return parts[name][0]


def inside(module: Module, *names: str) -> Module:
    """Module of a submodule of `module`, or of one of that, for `internal`."""
    for name in names:
        module = _elaborated(part(module, name))
    return module


def _elaborated(block: Any) -> Module:
    """Elaborate now, and not again when the netlist is made."""
    made = block.elaborate(None)
    block.elaborate = lambda platform: made
    return made


class Bench:
    """Module under construction: blocks, free inputs, properties.

    Attributes
    ----------
    m : Module
        Where the properties' own logic goes, domain ``sync``.
    first : Signal
        High in the first clock.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        """Start empty; `fault` is put into the first block that is added."""
        self.m = Module()
        clock: Any = ClockDomain("sync", reset_less=True)
        self.m.domains += clock
        self._ports: dict[str, Value] = {"clk": clock.clk}
        self._fault = fault
        self._checks: list[tuple[str, Signal]] = []
        self._invariants: list[tuple[str, Signal]] = []
        self._covers: list[Value] = []
        self.first = Signal(init=1)
        self.m.d.sync += self.first.eq(0)

    def add(
        self,
        block: Any,
        *,
        driven: Collection[str] = (),
        domains: Mapping[str, Value] | None = None,
        name: str = "dut",
    ) -> Module:
        """Add a block; its inputs are free, but those `driven` by the proof (``i`` or ``i.valid``).

        `domains` gives an enable to each clock domain of a block that has more than one: they
        all run on one clock, each in the clocks in which its enable is high. Returns the block's
        module, for `internal`.
        """
        for path, member, value in block.signature.flatten(block):
            steps = [str(step) for step in path]
            named = {".".join(steps[: n + 1]) for n in range(len(steps))}
            if member.flow == wiring.In and not named & set(driven):
                self._ports["_".join([name, *steps])] = Value.cast(value)
        made = _elaborated(block)
        fault, self._fault = self._fault, None
        if fault is not None:
            fault(block, made)
        clocked = block
        if domains is not None:
            clocked = EnableInserter(dict(domains))(clocked)
            clocked = DomainRenamer(dict.fromkeys(domains, "sync"))(clocked)
        self.m.submodules[name] = clocked
        return made

    def free(self, shape: Any, name: str) -> Signal:
        """Signal with any value in each clock."""
        signal = Signal(shape, name=name)
        self._ports[name] = signal
        return signal

    def constant(self, shape: Any, name: str) -> Signal:
        """Signal with any value that stays the same for ever."""
        value, held = Signal(shape, name=name), Signal(shape, name=f"{name}_held")
        self.m.d.sync += held.eq(value)
        self.m.d.comb += value.eq(Mux(self.first, self.free(shape, f"{name}_chosen"), held))
        return value

    def past(self, value: Value, *, init: int = 0) -> Signal:
        """Value in the clock before; `init` in the first."""
        past = Signal.like(value, name=f"past_{len(self.m._driving)}", init=init)
        self.m.d.sync += past.eq(value)
        return past

    def assume(self, condition: Value) -> None:
        """Leave out every run in which the condition is false in some clock."""
        self.m.d.comb += Assume(condition, "assumed")

    def check(self, name: str, condition: Value) -> None:
        """Claim that the condition holds in every clock; `name` stands in the counterexample."""
        self._check(name, condition, self._checks)

    def invariant(self, name: str, condition: Value) -> None:
        """Claim it too, as a help for the induction: a fault must show in the checks, not here."""
        self._check(name, condition, self._invariants)

    def _check(self, name: str, condition: Value, where: list[tuple[str, Signal]]) -> None:
        holds = Signal(name=f"check_{name}")
        self.m.d.comb += holds.eq(condition)
        where.append((name, holds))

    def cover(self, condition: Value) -> None:
        """Demand a run in which the condition is true in some clock."""
        self._covers.append(condition)

    @property
    def covers(self) -> int:
        """How many there are."""
        return len(self._covers)

    def rtlil(self, *, cover: int | None = None, invariants: bool = True) -> str:
        """The netlist, module ``top``, with the checks; or with the claim that a cover is not."""
        if cover is None:
            checks = self._checks + (self._invariants if invariants else [])
            self.m.d.comb += [Assert(holds, name) for name, holds in checks]
        else:
            self.m.d.comb += Assert(~self._covers[cover].bool(), "cover")
        ports = list(self._ports.values())
        return _rtlil.convert(self.m, name="top", ports=ports, emit_src=False)
