"""Asks routers in Verilator and compares them with the golden model."""

import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lightloom.rtl.ocs.route.seam import destination_bits
from lightloom.spec import detours, fabrics
from lightloom.spec.routes import Reason, connect

HARNESS = Path(__file__).with_name("ask.cpp").read_text()


@dataclass(frozen=True)
class Ask:
    destinations: tuple[int | None, ...]
    fixed: int = 0
    value: int = 0
    unusable: int = 0
    prefer: int = 0

    def cells(self):
        return {n: getattr(self, n) for n in ("fixed", "value", "unusable", "prefer")}


def executable(verilate, router):
    name = f"route_{router.topology.replace('-', '_')}_{router.ports}"
    return verilate(router, name, HARNESS.replace("VDUT", f"V{name}"))


def answers(program, ports, asks, *, dropped=(), after=5):
    """(reason, states, cycles) of each ask, None where it was dropped for the next.

    That is done after so many clocks, if there is no answer before.
    """
    bits = destination_bits(ports)
    lines = []
    for number, ask in enumerate(asks):
        wanted = sum((d or 0) << bits * i for i, d in enumerate(ask.destinations))
        active = sum((d is not None) << i for i, d in enumerate(ask.destinations))
        words = (wanted, active, ask.fixed, ask.value, ask.unusable, ask.prefer)
        lines.append(" ".join(f"{w:x}" for w in words) + f" {after * (number in dropped)}")
    done = subprocess.run(
        [str(program)], input="\n".join(lines) + "\n", capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.splitlines()[-1]
    found = []
    for line in done.stdout.splitlines():
        if line == "dropped":
            found.append(None)
            continue
        ok, reason, cycles, states = line.split()
        found.append(
            (Reason.NONE, int(states, 16), int(cycles))
            if ok == "1"
            else (Reason(int(reason)), None, int(cycles))
        )
    assert len(found) == len(asks)
    return found


def golden(topology, ports, ask, *, before=0, **options):
    """Answer of the model; `before` are clocks that it leaves out."""
    cells = ask.cells()
    if topology == "benes":
        made = connect(topology, ports, ask.destinations, **cells, **options)
    else:
        del cells["prefer"]
        made = detours.connect(topology, ports, ask.destinations, **cells, **options)
    states = sum(s << k for k, s in enumerate(made.states)) if made.states else None
    return made.reason, states, before + made.cycles


def compare(topology, ports, asks, found, **options):
    """Answers equal the golden model's, and those that route do so in the fabric itself."""
    reasons = {}
    for ask, answer in zip(asks, found, strict=True):
        if answer is None:
            continue
        assert answer == golden(topology, ports, ask, **options), ask
        reasons[answer[0].name] = reasons.get(answer[0].name, 0) + 1
        if answer[1] is not None:
            arrives(topology, ports, ask, answer[1])
    return reasons


def arrives(topology, ports, ask, word):
    """Follow the light through the plan of the fabric, which knows nothing of routing."""
    plan = fabrics.plan(topology, ports)
    states = [word >> k & 1 for k in range(len(plan.cells))]
    light = fabrics.ways(plan, states)
    assert (word ^ ask.value) & ask.fixed == 0
    for i, output in enumerate(ask.destinations):
        if output is not None:
            way = light[f"in{i}"]
            assert way.output == f"out{output}", ask
            assert not any(ask.unusable >> k & 1 for k in way.cells), ask


def random_ask(rng, topology, ports, *, load, stuck, dead):
    """A partial permutation with cells that stand and dead ones."""
    cells = len(fabrics.plan(topology, ports).cells)
    order = rng.sample(range(ports), ports)
    return Ask(
        tuple(d if rng.random() < load else None for d in order),
        fixed=some(rng, cells, stuck),
        value=rng.getrandbits(cells),
        unusable=some(rng, cells, dead),
        prefer=rng.getrandbits(cells),
    )


def some(rng: random.Random, cells: int, count: int) -> int:
    return sum(1 << k for k in rng.sample(range(cells), min(count, cells)))


def plan_text(plan):
    """Plan of a fabric as million.cpp and every.cpp read it."""
    named = [[slots[f"{kind}{k}"] for k in range(plan.ports)]
             for kind, slots in (("in", plan.inputs), ("out", plan.outputs))]  # fmt: skip
    lines = [f"{plan.ports} {max(max(slots) for slots in named) + 1}"]
    lines += [" ".join(map(str, slots)) for slots in named]
    for column in plan.columns:
        cells = isinstance(column, fabrics.Cells)
        parts = [("c" if cells else "x", column.uppers)]
        if cells and column.crossings:
            parts.append(("x", column.crossings))
        lines += [" ".join(map(str, (kind, len(uppers), *uppers))) for kind, uppers in parts]
    return "\n".join(lines) + "\n"
