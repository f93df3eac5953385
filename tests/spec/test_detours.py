"""The search for detours against brute force over all states, and against a SAT solver."""

import itertools
import random
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lightloom.spec import detours, fabrics
from lightloom.spec.routes import Reason

KINDS = ("stuck bar", "stuck cross", "unusable")


@cache
def light(topology, ports):
    """For all cell states: output of each input or -1, and the cells on its way as bits."""
    plan = fabrics.plan(topology, ports)
    count = 1 << len(plan.cells)
    states = np.arange(count)
    lines = {slot: np.full(count, -1, np.int8) for slot in range(2 * ports)}
    for port in range(ports):
        lines[plan.inputs[f"in{port}"]][:] = port
    met = np.zeros((ports, count), np.int32)
    cell = 0
    for column in plan.columns:
        crossed = column.uppers
        if isinstance(column, fabrics.Cells):
            crossed = column.crossings
            for upper in column.uppers:
                cross = (states >> cell & 1).astype(bool)
                first, second = lines[upper], lines[upper + 1]
                for port in range(ports):
                    met[port][(first == port) | (second == port)] |= 1 << cell
                lines[upper] = np.where(cross, second, first)
                lines[upper + 1] = np.where(cross, first, second)
                cell += 1
        for upper in crossed:
            lines[upper], lines[upper + 1] = lines[upper + 1], lines[upper]
    arrives = np.full((ports, count), -1, np.int8)
    for port in range(ports):
        source = lines[plan.outputs[f"out{port}"]]
        for i in range(ports):
            arrives[i][source == i] = port
    return states, arrives, met


def requests(ports):
    """Every map of the inputs but the empty one."""
    for wanted in itertools.product((None, *range(ports)), repeat=ports):
        outputs = [o for o in wanted if o is not None]
        if outputs and len(set(outputs)) == len(outputs):
            yield wanted


@cache
def leading(topology, ports, wanted):
    """States that lead the map, and for each of them the cells that its light passes."""
    states, arrives, met = light(topology, ports)
    good = np.ones(len(states), bool)
    used = np.zeros(len(states), np.int32)
    for i, output in enumerate(wanted):
        if output is not None:
            good &= arrives[i] == output
            used |= met[i]
    return states[good], used[good]


def dead(cells):
    """`fixed`, `value` and `unusable` of pairs of a cell and what is wrong with it."""
    fixed = value = unusable = 0
    for cell, kind in cells:
        if kind == "unusable":
            unusable |= 1 << cell
        else:
            fixed |= 1 << cell
            value |= (kind == "stuck cross") << cell
    return {"fixed": fixed, "value": value, "unusable": unusable}


def check(topology, ports, wanted, bad):
    """The answer, which must be right where there is one."""
    made = detours.connect(topology, ports, wanted, **bad)
    if made.reason == Reason.NONE:
        plan = fabrics.plan(topology, ports)
        ways = fabrics.ways(plan, made.states)
        used = {cell for way in ways.values() for cell in way.cells}
        word = sum(s << k for k, s in enumerate(made.states))
        assert (word ^ bad["value"]) & bad["fixed"] == 0
        for i, output in enumerate(wanted):
            if output is not None:
                way = ways[f"in{i}"]
                assert way.output == f"out{output}", (wanted, bad)
                assert not any(bad["unusable"] >> cell & 1 for cell in way.cells), (wanted, bad)
        assert all(s for k, s in enumerate(made.states)
                   if k not in used and not bad["fixed"] >> k & 1)  # fmt: skip
    return made


@pytest.mark.parametrize(("topology", "routed"), [("crossbar", 8018), ("piloss", 7376)])
def test_of_4_ports_every_map_with_any_dead_cell_is_routed_or_proved_impossible(topology, routed):
    seed = 4
    print(f"seed {seed}")
    rng = random.Random(seed)
    single = [((cell, kind),) for cell in range(16) for kind in KINDS]
    found = 0
    for wanted in requests(4):
        states, used = leading(topology, 4, wanted)
        some = [tuple((cell, rng.choice(KINDS)) for cell in rng.sample(range(16), count))
                for count in (2, 2, 2, 3, 4)]  # fmt: skip
        for cells in single + some:
            bad = dead(cells)
            exists = bool(
                (
                    ((states ^ bad["value"]) & bad["fixed"] == 0) & (used & bad["unusable"] == 0)
                ).any()
            )
            reason = check(topology, 4, wanted, bad).reason
            assert reason == (Reason.NONE if exists else Reason.NO_ROUTE), (wanted, cells)
            found += exists and len(cells) == 1
    assert found == routed


def hops(column, cell):
    """Where light at a slot of a column can go: (cell or -1, slot at bar, slot at cross)."""
    found = {}
    crossed = column.uppers
    if isinstance(column, fabrics.Cells):
        crossed = column.crossings
        for number, upper in enumerate(column.uppers, cell):
            found |= {upper: (number, upper, upper + 1), upper + 1: (number, upper + 1, upper)}
    for upper in crossed:
        found |= {upper: (-1, upper + 1, None), upper + 1: (-1, upper, None)}
    return found


def formula(topology, ports, wanted, bad):
    """That some states of the cells lead the map, for a SAT solver; from the columns alone."""
    plan = fabrics.plan(topology, ports)
    number, clauses = {}, []

    def variable(*key):
        return number.setdefault(key, len(number) + 1)

    for cell in range(len(plan.cells)):
        cross = variable("cross", cell)
        if bad["fixed"] >> cell & 1:
            clauses.append([cross if bad["value"] >> cell & 1 else -cross])
    for i, output in enumerate(wanted):
        if output is None:
            continue
        slots, cell = {plan.inputs[f"in{i}"]}, 0
        clauses.append([variable(i, 0, *slots)])
        for depth, column in enumerate(plan.columns):
            ways, behind = hops(column, cell), set()
            for slot in slots:
                here = -variable(i, depth, slot)
                through, bar, cross = ways.get(slot, (-1, slot, None))
                if through >= 0 and bad["unusable"] >> through & 1:
                    clauses.append([here])
                    continue
                state = [variable("cross", through)] if through >= 0 else []
                clauses.append([here, *state, variable(i, depth + 1, bar)])
                behind.add(bar)
                if cross is not None:
                    clauses.append([here, -state[0], variable(i, depth + 1, cross)])
                    behind.add(cross)
            slots = behind
            cell += len(column.uppers) if isinstance(column, fabrics.Cells) else 0
        end = plan.outputs[f"out{output}"]
        clauses += [[-variable(i, len(plan.columns), slot)] for slot in slots - {end}]
    lines = [" ".join(map(str, clause)) + " 0\n" for clause in clauses]
    return f"p cnf {len(number)} {len(clauses)}\n" + "".join(lines)


def solved(text, directory):
    (directory / "ask.cnf").write_text(text)
    program = Path(sys.executable).with_name("yices-sat")
    done = subprocess.run(
        [program, directory / "ask.cnf"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() in ("sat", "unsat"), done.stdout + done.stderr
    return done.stdout.strip() == "sat"


def drawn(rng, ports, count, load):
    order = rng.sample(range(ports), ports)
    wanted = tuple(o if rng.random() < load else None for o in order)
    cells = [(cell, rng.choice(KINDS)) for cell in rng.sample(range(ports**2), count)]
    return wanted, dead(cells)


@pytest.mark.parametrize("topology", ["crossbar", "piloss"])
@pytest.mark.parametrize(
    ("ports", "count"), [(6, 15), (8, 15), (13, 8), pytest.param(16, 60, marks=pytest.mark.slow)]
)
def test_what_is_refused_a_sat_solver_cannot_route_either(tmp_path, topology, ports, count):
    seed = 20 + ports
    print(f"seed {seed}")
    rng = random.Random(seed)
    seen = {}
    for bad_cells, load in itertools.product((1, 2, 4), (1.0, 0.5)):
        for _ in range(count):
            wanted, bad = drawn(rng, ports, bad_cells, load)
            reason = check(topology, ports, wanted, bad).reason
            seen[reason.name] = seen.get(reason.name, 0) + 1
            if reason != Reason.NONE:
                asked = formula(topology, ports, wanted, bad)
                assert not solved(asked, tmp_path), (wanted, bad)
    print(topology, ports, seen)
    assert seen["NONE"] > count
    assert seen["NO_ROUTE"] > count // 2
    assert seen.get("SEARCH_LIMIT", 0) <= 3 * count // 50 + 1


@pytest.mark.slow
@pytest.mark.parametrize("load", [1.0, 0.5])
@pytest.mark.parametrize("bad_cells", [1, 2, 4])
@pytest.mark.parametrize(("ports", "count"), [(8, 1000), (16, 500), (32, 200)])
@pytest.mark.parametrize("topology", ["crossbar", "piloss"])
def test_few_searches_end_without_an_answer(tmp_path, topology, ports, count, bad_cells, load):
    """The figures of docs/ocs.md; to 16 ports all that is not decided has no routing."""
    seed = 5
    print(f"seed {seed}")
    rng = random.Random(seed)
    seen = dict.fromkeys(("direct", *(reason.name for reason in Reason)), 0)
    clocks = {reason: [0] for reason in Reason}
    for _ in range(count):
        wanted, bad = drawn(rng, ports, bad_cells, load)
        made = check(topology, ports, wanted, bad)
        reason = made.reason
        if reason == Reason.SEARCH_LIMIT and ports <= 16:
            assert not solved(formula(topology, ports, wanted, bad), tmp_path), (wanted, bad)
        direct = reason == Reason.NONE and not made.cycles
        seen["direct" if direct else reason.name] += 1
        if not direct:
            clocks[reason].append(made.cycles)
    found = sorted(clocks[Reason.NONE])
    print(topology, ports, bad_cells, load, {k: v for k, v in seen.items() if v},
          "clocks of a routing: median", found[len(found) // 2], "most", found[-1],
          "of a proof: most", max(clocks[Reason.NO_ROUTE]))  # fmt: skip
    assert seen["SEARCH_LIMIT"] <= count * (0.015 if ports <= 16 else 0.04)


@pytest.mark.parametrize("topology", ["crossbar", "piloss"])
def test_the_sat_oracle_agrees_with_all_states(tmp_path, topology):
    """Of itself: against brute force over the 16 cells of 4 ports."""
    seed = 5
    print(f"seed {seed}")
    rng = random.Random(seed)
    there = [0, 0]
    for _ in range(40):
        wanted, bad = drawn(rng, 4, 2, 0.8)
        if wanted == (None,) * 4:
            continue
        states, used = leading(topology, 4, wanted)
        good = ((states ^ bad["value"]) & bad["fixed"] == 0) & (used & bad["unusable"] == 0)
        exists = solved(formula(topology, 4, wanted, bad), tmp_path)
        assert exists == bool(good.any())
        there[exists] += 1
    assert min(there) > 5


@pytest.mark.parametrize(("topology", "ports"), [("crossbar", 8), ("piloss", 8)])
def test_routes_that_stay_are_kept_though_they_are_no_direct_ways(topology, ports):
    """Cells of some routes of an answer are given as fixed, and others are asked for beside."""
    seed = 9
    print(f"seed {seed}")
    rng = random.Random(seed)
    plan = fabrics.plan(topology, ports)
    kept = 0
    for _ in range(40):
        wanted, bad = drawn(rng, ports, 2, 1.0)
        made = detours.connect(topology, ports, wanted, **bad)
        if made.reason != Reason.NONE or not made.cycles:
            continue
        ways = fabrics.ways(plan, made.states)
        stay = rng.sample(range(ports), 5)
        cells = {cell for i in stay for cell in ways[f"in{i}"].cells}
        word = sum(s << k for k, s in enumerate(made.states))
        hold = {
            "fixed": bad["fixed"] | sum(1 << cell for cell in cells),
            "value": bad["value"] | word & sum(1 << cell for cell in cells),
            "unusable": bad["unusable"],
        }
        others = [i for i in range(ports) if i not in stay]
        changed = list(wanted)
        changed[others[0]], changed[others[1]] = changed[others[1]], changed[others[0]]
        assert check(topology, ports, wanted, hold).reason == Reason.NONE
        kept += check(topology, ports, tuple(changed), hold).reason == Reason.NONE
    assert kept > 5


@pytest.mark.parametrize("ports", [2, 4, 8])
def test_in_switch_and_select_there_is_one_way_a_pair(ports):
    plan = fabrics.plan("switch-and-select", ports)
    for i in range(ports):
        ways, cell = {plan.inputs[f"in{i}"]: 1}, 0
        for column in plan.columns:
            if isinstance(column, fabrics.Move):
                moved = dict(column.to)
                ways = {moved[slot]: count for slot, count in ways.items() if slot in moved}
                continue
            to, behind = hops(column, cell), {}
            for slot, count in ways.items():
                for end in to.get(slot, (-1, slot, None))[1:]:
                    if end is not None:
                        behind[end] = behind.get(end, 0) + count
            ways = behind
            cell += len(column.uppers) if isinstance(column, fabrics.Cells) else 0
        assert [ways[plan.outputs[f"out{o}"]] for o in range(ports)] == [1] * ports
    broken = dead([(0, "unusable")])
    alone = (0, *[None] * (ports - 1))
    assert check("switch-and-select", ports, alone, broken).reason == Reason.NO_ROUTE


def test_requests_that_are_none_are_told():
    assert detours.connect("crossbar", 3, [0, 3, 1]).reason == Reason.RANGE
    assert detours.connect("piloss", 3, [0, 0, None]).reason == Reason.CONFLICT
    limited = detours.connect("crossbar", 8, list(range(8)), unusable=1 << 30, tries=0)
    assert limited.reason == Reason.SEARCH_LIMIT
    with pytest.raises(ValueError, match="2 destinations; allowed: 3"):
        detours.connect("crossbar", 3, [0, 1])
    with pytest.raises(ValueError, match="topology = 'benes'; allowed: piloss, crossbar, switch"):
        detours.connect("benes", 4, [0, 1, 2, 3])


def test_the_random_bits_come_around_after_all_others():
    state, count = detours.next_random(detours.SEED), 1
    while state != detours.SEED:
        state, count = detours.next_random(state), count + 1
    assert count == (1 << 16) - 1
