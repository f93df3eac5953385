"""Protection in the whole controller, with light through the fabric that it drives."""

import random
import subprocess
from functools import cache
from pathlib import Path

import pytest

from lightloom.rtl.ocs.controller import Controller
from lightloom.rtl.ocs.protect.protection import VISIT
from lightloom.rtl.ocs.protect.table import Cause
from lightloom.rtl.ocs.requests import Reason
from lightloom.spec import fabrics

HERE = Path(__file__).parent
MAIN = (HERE.parent / "axi.h").read_text() + (HERE / "chip.cpp").read_text()
COMMIT, PARK, ABORT, ROLLBACK = (1 << n for n in range(4))
DEBOUNCE, MARGIN = 12, 8
SWITCHED, FAILED, DISAGREE, FLAPPING = (1 << n for n in range(9, 13))


def plan_text(ports):
    """The fabric for the test bench: from the plan alone."""
    plan = fabrics.plan("benes", ports)
    steps, cell = [], 0
    for column in plan.columns:
        crossed = column.uppers
        if isinstance(column, fabrics.Cells):
            crossed = column.crossings
            for upper in column.uppers:
                steps.append((upper, cell))
                cell += 1
        steps += [(upper, -1) for upper in crossed]
    rows = ", ".join(f"{{{upper}, {number}}}" for upper, number in steps)
    ends = {"IN": plan.inputs.values(), "OUT": plan.outputs.values()}
    slots = "".join(
        f"static const int {name}[] = {{{', '.join(map(str, row))}}};\n"
        for name, row in ends.items()
    )
    return (
        "#include <cstdint>\n"
        f"static const unsigned PORTS = {ports}, CELLS = {cell};\n"
        f"static const struct {{ int upper, cell; }} PLAN[] = {{{rows}}};\n{slots}"
    )


class Bench:
    """Software with the registers, and light."""

    def __init__(self, binary, dut):
        self.dut, self.ports, self.cells = dut, dut.ports, dut.cells
        self.plan = fabrics.plan("benes", dut.ports)
        self.lit = set()
        self.process = subprocess.Popen(
            [binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(10) == 0

    def say(self, line):
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline().split()

    def write(self, name, data):
        assert self.say(f"w {self.dut.description.register(name).address} {data}") == ["0"], name

    def read(self, name, field=None):
        register = self.dut.description.register(name)
        response, data = map(int, self.say(f"r {register.address}"))
        assert response == 0
        if field is None:
            return data
        f = register.field(field)
        return (data & f.mask) >> f.lsb

    def light(self, lit):
        self.lit = set(lit)
        self.say(f"l {sum(1 << i for i in self.lit):x}")

    def commit(self, wanted=None):
        if wanted is not None:
            for i in range(self.ports):
                self.write(f"destination[{i}]", 256 | wanted[i] if i in wanted else 0)
        self.write("control", COMMIT)
        reason = Reason(self.read("status", "reason"))
        self.settle()
        return reason

    def settle(self):
        assert int(self.say("u 40000")[0]) < 40000

    def rest(self, clocks=1500):
        self.say(f"t {clocks}")
        self.settle()

    def maps(self):
        """Active map and request table, by the registers."""
        active, wanted = {}, {}
        for i in range(self.ports):
            word = self.read(f"route[{i}]")
            if word >> 24 & 1:
                active[i] = word >> 16 & 255
            if word >> 8 & 1:
                wanted[i] = word & 255
        states = [int(text) for text in reversed(self.say("g")[2])]
        ways = fabrics.ways(self.plan, states)
        for i, o in active.items():
            assert ways[f"in{i}"].output == f"out{o}"
        return active, wanted

    def group(self, number, rows, *, revertive=0, way=0):
        for place, (i, o, loopback) in enumerate(rows):
            self.write("protect_select", number | place << 8)
            self.write("protect_candidate", i | o << 8 | 1 << 16 | loopback << 17)
            assert self.read("protect_shown") & 0x3FFFF == i | o << 8 | 1 << 16 | loopback << 17
        self.write("protect_mode", 1 | revertive << 1 | way << 2)

    def protect(self, *, hold_off=0, alone=0, restore=0, flap_count=0, sensors=True):
        self.write("light_debounce", DEBOUNCE | DEBOUNCE << 16)
        for word in range(-(-self.ports // 32)):
            self.write(f"out_sensors[{word}]", 0xFFFFFFFF if sensors else 0)
        for name, value in {"hold_off": hold_off, "alone": alone, "restore": restore}.items():
            self.write(f"protect_{name}", value)
        self.write("protect", 1 | flap_count << 8)

    def state(self, name, number=0):
        self.write("protect_select", number)
        return self.read("protect_state", name)


@pytest.fixture(scope="module")
def made(verilate):
    """Program and controller by the number of ports."""

    @cache
    def make(ports):
        dut = Controller(ports, 10, 250.0, settle_us=0.4, neighbours=0, monitors=True)
        return verilate(dut, "ocs_controller", plan_text(ports) + MAIN), dut

    return make


@pytest.fixture
def bench(made):
    open_ = []

    def start(ports=8):
        open_.append(Bench(*made(ports)))
        open_[-1].say("d 100")
        return open_[-1]

    yield start
    for one in open_:
        one.close()


@pytest.mark.parametrize("ports", [8, pytest.param(64, marks=pytest.mark.slow)])
def test_light_that_is_lost_moves_the_map_to_the_backup_and_back(bench, ports):
    """Clocks from dark at the pin to the new map, and what software sees of it."""
    print(f"seed {ports}")
    rng, b = random.Random(ports), bench(ports)
    spare, loop = ports - 1, ports - 2
    outputs = rng.sample(range(ports), ports)
    routes = {i: outputs[i] for i in range(ports) if i not in (spare, loop)}
    back_to = outputs[loop]
    rows = [(0, routes[0], 0), (spare, routes[0], 0), (loop, back_to, 1)]
    for number in range(b.dut.groups):  # all are visited, the others for nothing
        b.group(number, rows if number == 1 else [(spare, outputs[spare], 0)], revertive=1)
    b.light(range(ports))
    assert b.commit(routes) == Reason.NONE
    b.protect(restore=3000)
    b.write("interrupt_mask", SWITCHED)
    b.rest(1000)
    clocks = []
    for _ in range(20 if ports == 8 else 5):
        b.write("interrupt_clear", SWITCHED)
        b.say(f"t {rng.randrange(300)}")
        b.light(set(range(ports)) - {0})
        clocks.append(int(b.say("c 20000")[0]))
        b.say("t 3")
        assert b.say("g")[1] == "1"
        b.settle()
        moved = {i: o for i, o in routes.items() if i} | {spare: routes[0]}
        assert b.maps() == (moved, moved)
        assert b.state("cause", 1) == Cause.LOSS
        assert b.commit() == Reason.NONE  # a commit of software does not undo it
        assert b.maps() == (moved, moved)
        b.light(range(ports))
        back = int(b.say("c 20000")[0])
        assert back >= 3000
        b.settle()
        assert b.maps() == (routes, routes)
        assert b.state("cause", 1) == Cause.RESTORE
        b.rest(1000)
    scan = b.dut.groups * VISIT
    print(
        f"{ports} ports, {b.dut.groups} groups, debounce {DEBOUNCE}: {min(clocks)} to "
        f"{max(clocks)} clocks, mean {sum(clocks) / len(clocks):.0f}, from dark to the new states"
    )
    assert min(clocks) > DEBOUNCE + VISIT
    assert max(clocks) < DEBOUNCE + 2 * scan + 3 * ports + 40
    b.write("protect_select", 1)
    assert b.read("protect_counts", "switches") == 2 * len(clocks)
    assert b.read("protect_counts", "losses") == len(clocks)
    assert b.read("protect_switched_at") > b.read("protect_lost_at")
    assert b.read("status", "reason") == Reason.NONE
    assert b.read("refused") == 0


@pytest.mark.parametrize("end", ["input", "output"])
@pytest.mark.parametrize("period", [30, 400, 5000])
def test_a_bad_sensor_that_toggles_for_ever_never_moves_a_route(bench, end, period):
    b = bench()
    b.group(0, [(0, 1, 0), (2, 1, 0), (3, 5, 1)], revertive=1, way=1)
    b.light(range(8))
    assert b.commit({0: 1, 4: 6, 5: 2}) == Reason.NONE
    b.protect(alone=12000, restore=1000)
    b.rest()
    b.say(f"b {int(end == 'input'):x} {2 * (end == 'output'):x} {period}")
    b.say("t 80000")
    assert b.maps()[0] == {0: 1, 4: 6, 5: 2}
    assert b.read("commits") == 1
    assert b.state("cause") == Cause.NONE
    assert b.read("protect_faults", "disagreements") >= 7
    assert b.read("interrupt") & (DISAGREE | SWITCHED) == DISAGREE


def test_a_way_lost_inside_is_left_once(bench):
    """The output stays dark although the input is lit: a dead sensor looks the same."""
    b = bench()
    b.group(0, [(0, 1, 0), (2, 1, 0), (3, 5, 1)], revertive=1, way=1)
    b.light(range(8))
    b.commit({0: 1})
    b.protect(alone=500, restore=1000)
    b.rest()
    b.say("b 0 2 0")
    b.rest(10000)
    assert b.maps() == ({2: 1}, {2: 1})
    assert b.state("cause") == Cause.WAY
    assert b.state("blocked") == 0b001
    assert b.read("commits") == 2
    b.say("b 0 0 0")
    b.rest(5000)
    assert b.maps()[0] == {2: 1}  # until it is cleared
    b.write("protect_clear", 2)
    b.rest(5000)
    assert b.maps() == ({0: 1}, {0: 1})


def test_a_refused_backup_is_blocked_and_the_loopback_taken(bench):
    """The last cell before the backup's output is dead, so that no routing leads there."""
    b = bench()
    b.group(0, [(0, 1, 0), (2, 7, 0), (3, 5, 1)])
    b.light(range(8))
    b.commit({0: 1})
    b.protect()
    b.rest()
    ways = fabrics.ways(b.plan, [0] * b.cells)
    last = next(way.cells[-1] for way in ways.values() if way.output == "out7")
    b.write("unusable[0]", 1 << last)
    b.light(set(range(8)) - {0})
    b.rest()
    assert b.maps() == ({3: 5}, {3: 5})
    assert b.state("blocked") == 0b010
    assert b.read("protect_faults", "refusals") == 1
    assert b.read("interrupt") & (FAILED | SWITCHED) == FAILED | SWITCHED
    assert b.read("status", "reason") == Reason.NONE  # software asked for nothing
    assert b.read("refused") == 0
    b.write("unusable[0]", 0)
    b.rest()
    assert b.maps()[0] == {3: 5}
    b.write("protect_clear", 1)
    b.rest()
    assert b.maps() == ({2: 7}, {2: 7})


def test_commits_of_software_at_any_moment_of_a_switch(bench):
    """One of the two goes first; both maps are whole, and the switch is made in the end."""
    b = bench()
    b.group(0, [(0, 1, 0), (2, 1, 0), (3, 5, 1)])
    b.light(range(8))
    b.protect()
    others = {4: 6, 5: 2}
    answers = set()
    for delay in range(0, 90, 2):
        b.light(range(8))
        wanted = {0: 1, 6: 4} | others
        assert b.commit(wanted) == Reason.NONE
        b.rest(400)
        for i in (4, 5):  # asks for something, and commits while light goes
            b.write(f"destination[{i}]", 256 | wanted[4 + 5 - i])
        b.light(set(range(8)) - {0})
        b.say(f"t {delay}")
        answer = b.commit()
        answers.add(answer)
        b.rest(400)
        active, table = b.maps()
        swapped = {4: 2, 5: 6}
        assert table == {2: 1, 6: 4} | swapped
        assert active == {2: 1, 6: 4} | (swapped if answer == Reason.NONE else others)
        assert b.commit() == Reason.NONE
        b.rest(400)
        assert b.maps() == (table, table)
        b.write("protect_clear", 1)
    assert answers == {Reason.NONE, Reason.BUSY}


def test_random_light_and_commits_end_on_candidates_that_have_light(bench):
    print("seed 9")
    rng, b = random.Random(9), bench()
    rows = {
        0: [(0, 0, 0), (1, 0, 0), (6, 6, 1)],
        1: [(2, 2, 0), (2, 3, 0), (7, 7, 1)],
        2: [(4, 4, 0), (5, 5, 0)],
    }
    for number, row in rows.items():
        b.group(number, row, revertive=number & 1)
    b.light(range(8))
    b.commit({row[0][0]: row[0][1] for row in rows.values()})
    b.protect(hold_off=100, restore=300)
    for _ in range(60):
        b.light(i for i in range(8) if rng.random() < 0.7)
        b.say(f"t {rng.randrange(1500)}")
        if rng.random() < 0.3:
            wanted = {}
            for row in rows.values():
                i, o, _ = rng.choice(row)
                wanted[i] = o
            for i in range(8):
                b.write(f"destination[{i}]", 256 | wanted[i] if i in wanted else 0)
            b.write("control", COMMIT)
        b.rest(6000)
        active, table = b.maps()
        for number, row in rows.items():
            here = [place for place, (i, o, _) in enumerate(row) if active.get(i) == o]
            assert len(here) == 1, number
            dark = row[here[0]][0] not in b.lit and not row[here[0]][2]
            others = [
                n for n, (i, o, loop) in enumerate(row) if n != here[0] and (i in b.lit or loop)
            ]
            assert not (dark and others), (number, active)
            if b.read("status", "reason") == Reason.NONE:
                assert table == active
    assert b.read("protect_counts") > 0
