import gc
import itertools
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.axi_lite import Response
from lightloom.rtl.ocs.controller import Controller, generate
from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.drive.model import code
from lightloom.rtl.ocs.lock.sweep import ZERO
from lightloom.rtl.ocs.registers import TRIM, registers
from lightloom.rtl.ocs.requests import Model, Reason
from lightloom.spec import RtlManifest, benes, fabrics

MAIN = "".join(Path(__file__).with_name(n).read_text() for n in ("axi.h", "controller.cpp"))
COMMIT, PARK, ABORT, ROLLBACK, KICK, RELEASE = (1 << n for n in range(6))


class Bench:
    """Software with the registers of the emitted Verilog, and an observer of its pins."""

    def __init__(self, binary, dut):
        self.dut, self.ports, self.cells = dut, dut.ports, dut.cells
        self.plan = fabrics.plan(dut.topology, dut.ports)
        self.powers = [(0, 0)] * self.cells
        self.process = subprocess.Popen(
            [binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(10) == 0

    def say(self, kind, *numbers):
        row = [*numbers, 0, 0, 0, 0][:4]
        self.process.stdin.write(f"{kind} {' '.join(map(str, row))}\n")
        return self.process.stdout.readline().split()

    def address(self, name):
        return self.dut.description.register(name).address

    def write(self, name, data):
        assert self.say("w", self.address(name), data) == ["0"], name

    def read(self, name):
        response, data = map(int, self.say("r", self.address(name)))
        assert response == Response.OKAY
        return data

    def field(self, register, name):
        f = self.dut.description.register(register).field(name)
        return (self.read(register) & f.mask) >> f.lsb

    def table(self, item, row):
        self.write("table_address", int(item) << 16)
        for data in row:
            self.write("table_data", data & 0xFFFFFFFF)

    def calibrate(self, seed):
        rng = random.Random(seed)
        self.powers = [(rng.getrandbits(16), rng.getrandbits(16)) for _ in range(self.cells)]
        self.table(Field.BAR, [bar for bar, _ in self.powers])
        self.table(Field.CROSS, [cross for _, cross in self.powers])

    def request(self, wanted):
        for i in range(self.ports):
            self.write(f"destination[{i}]", 256 | wanted[i] if i in wanted else 0)

    def commit(self, wanted=None):
        if wanted is not None:
            self.request(wanted)
        self.write("control", COMMIT)
        return self.settle()

    def settle(self, limit=20000):
        clocks = int(self.say("u", limit)[0])
        assert clocks < limit, "busy for ever"
        return Reason(self.field("status", "reason"))

    def tick(self, clocks):
        self.say("t", clocks)

    def pins(self):
        busy, done, error, interrupt, states, codes = self.say("g")
        return int(busy), int(done), int(error), int(interrupt), int(states, 16), int(codes, 16)

    @property
    def states(self):
        return self.pins()[4]

    def trace(self):
        return [int(word, 16) for word in self.say("l")[:-1]]

    def codes_of(self, states):
        bits = self.dut.dac_bits
        return sum(
            code(pair[states >> cell & 1], bits) << bits * cell
            for cell, pair in enumerate(self.powers)
        )

    def ways(self, states):
        return fabrics.ways(self.plan, [states >> k & 1 for k in range(self.cells)])

    def check(self, wanted):
        """The light goes where it should: by the plan, which knows nothing of the router."""
        ways = self.ways(self.states)
        for i, to in wanted.items():
            assert ways[f"in{i}"].output == f"out{to}"
            assert self.read(f"route[{i}]") >> 16 == 256 | to


@pytest.fixture(scope="module")
def bench(verilate, request):
    """Function to a running controller; a description of 8 ports unless told otherwise."""
    open_ = []

    def start(ports=8, topology="benes"):
        dut = Controller(ports, 10, 250.0, topology=topology, settle_us=0.0, neighbours=2)
        sizes = f"// {ports} {topology}\n"
        open_.append(Bench(verilate(dut, "ocs_controller", sizes + MAIN), dut))
        return open_[-1]

    yield start
    for one in open_:
        one.close()


def full(outputs):
    return dict(enumerate(outputs))


def partial(rng, ports, share):
    return {
        i: to for i, to in full(rng.sample(range(ports), ports)).items() if rng.random() < share
    }


def test_every_permutation_of_8_through_the_registers_of_the_verilog(bench):
    b = bench()
    b.process.stdin.write(
        f"p {b.address('control')} {b.address('destination[0]')} {b.address('change')} "
        f"{b.address('route_cycles')}\n"
    )
    lines = []
    while (line := b.process.stdout.readline()) != ".\n":
        lines.append(line.split())
    assert len({line[0] for line in lines}) == len(lines) == 40320
    moved, clocks, before = Counter(), [], None
    for text, ok, error, word, cost, cycles in lines:
        wanted = [int(digit) for digit in text]
        assert (ok, error) == ("1", "0"), text
        states = int(word, 16)
        assert benes.apply(8, [states >> k & 1 for k in range(20)]) == wanted, text
        clocks.append(int(cycles))
        if before is not None:
            assert int(cost) & 0xFFFF == (states ^ before).bit_count()
            moved[int(cost) & 0xFFFF] += 1
        before = states
    mean = sum(k * n for k, n in moved.items()) / sum(moved.values())
    print(f"moved cells: mean {mean:.2f}; commit: {min(clocks)} to {max(clocks)} clocks, "
          f"mean {sum(clocks) / len(clocks):.1f}")  # fmt: skip
    assert b.read("commits") == 40320
    assert b.read("refused") == 0


@pytest.mark.parametrize("ports", [8, 16, pytest.param(64, marks=pytest.mark.slow)])
def test_a_full_map_from_nothing_takes_as_many_clocks_as_there_are_ports(bench, ports):
    seed = ports
    print(f"seed {seed}")
    b = bench(ports)
    wanted = full(random.Random(seed).sample(range(ports), ports))
    b.request(wanted)
    b.write("control", COMMIT)
    assert b.settle() == Reason.NONE
    b.check(wanted)
    assert b.read("route_cycles") == ports


def test_random_maps_keep_what_can_stay_and_are_atomic(bench):
    seed = 71
    print(f"seed {seed}")
    rng = random.Random(seed)
    b = bench()
    b.calibrate(seed)
    current, rearranged, kept = {}, 0, 0
    b.trace()
    for _ in range(150):
        wanted = dict(current)
        for i in rng.sample(range(8), rng.choice((1, 1, 2, 8))):
            wanted.pop(i, None)
        free = rng.sample([to for to in range(8) if to not in wanted.values()], 8 - len(wanted))
        for i in range(8):
            if i not in wanted and free and rng.random() < 0.8:
                wanted[i] = free.pop()
        before, before_ways = b.states, b.ways(b.states)
        b.request(wanted)
        b.write("control", COMMIT)
        b.write(f"destination[{rng.randrange(8)}]", 256 | rng.randrange(8))  # too late to matter
        assert b.settle() == Reason.NONE
        b.check(wanted)
        changes = b.trace()
        assert changes in ([], [b.states])  # one step from the old map to the new one
        same = [i for i in wanted if current.get(i) == wanted[i]]
        after = b.states
        hit = [
            i for i in same if any((before ^ after) >> c & 1 for c in before_ways[f"in{i}"].cells)
        ]
        cost = b.read("change")
        assert cost == (before ^ after).bit_count() | len(hit) << 16
        if b.field("status", "rearranged"):
            rearranged += 1
        else:
            assert not hit
            kept += bool(same)
        assert b.pins()[5] == b.codes_of(after)
        current = wanted
    print(f"kept {kept}, rearranged {rearranged}")
    assert kept > 50
    assert rearranged > 5
    assert b.read("rearrangements") == rearranged


def test_commands_are_refused_as_the_model_says_and_change_nothing_then(bench):
    seed = 72
    print(f"seed {seed}")
    rng = random.Random(seed)
    b, model = bench(), Model(8)
    count = Counter()
    for _ in range(250):
        source, output = rng.randrange(9), rng.randrange(9)
        if rng.random() < 0.75:
            want = model.connect(source, output)
            b.write("command", source | output << 8 | 1 << 16)
        else:
            want = model.disconnect(source)
            b.write("command", source | 1 << 17)
        count[want] += 1
        assert Reason(b.field("status", "reason")) == want
        assert b.pins()[2] == (want != Reason.NONE)
        for i in range(8):
            word = b.read(f"route[{i}]")
            assert word >> 8 & 1 == (i in model.table)
            assert i not in model.table or word & 255 == model.table[i]
    assert {Reason.RANGE, Reason.BROADCAST, Reason.CONFLICT, Reason.NONE} == set(count)
    for reason in (Reason.RANGE, Reason.BROADCAST, Reason.CONFLICT):
        assert b.read(f"refusals[{reason - 1}]") == count[reason]
    assert b.read("refused") == count.total() - count[Reason.NONE]
    b.write("destination[3]", 256 | 8)
    assert Reason(b.field("status", "reason")) == Reason.RANGE
    assert b.commit() == Reason.NONE
    b.check(model.table)


def test_two_inputs_with_one_output_are_refused_and_the_active_map_stays(bench):
    b = bench()
    b.calibrate(73)
    first = full([1, 0, 3, 2, 5, 4, 7, 6])
    assert b.commit(first) == Reason.NONE
    pins = b.pins()
    assert b.commit({0: 4, 1: 5, 6: 4}) == Reason.CONFLICT
    assert b.commit(full([0, 1, 2, 3, 4, 5, 6, 0])) == Reason.CONFLICT
    assert b.pins()[4:] == pins[4:]
    b.check(first)
    assert b.field("status", "done") == 1
    assert b.read("commits") == 1


def test_rollback_goes_back_and_forth_and_ends_a_park(bench):
    b = bench()
    b.calibrate(74)
    b.write("control", ROLLBACK)
    assert b.settle() == Reason.NO_PREVIOUS
    first, second = full([1, 0, 3, 2, 5, 4, 7, 6]), {7: 0, 2: 5}
    assert b.commit(first) == Reason.NONE
    b.write("control", ROLLBACK)
    assert b.settle() == Reason.NO_PREVIOUS
    one = b.states
    assert b.commit(second) == Reason.NONE
    two = b.states
    for states, wanted in ((one, first), (two, second), (one, first)):
        b.write("control", ROLLBACK)
        assert b.settle() == Reason.NONE
        assert b.states == states
        assert b.pins()[5] == b.codes_of(states)
        b.check(wanted)
    b.write("control", PARK)
    b.settle()
    assert b.pins()[4:] == (0, 0)
    assert b.field("status", "parked") == 1
    assert b.read("route[0]") >> 24 == 0
    b.write("control", ROLLBACK)
    assert b.settle() == Reason.NONE
    assert b.pins()[4:] == (one, b.codes_of(one))
    b.check(first)


@pytest.mark.parametrize("command", [PARK, ABORT])
def test_a_commit_under_way_is_dropped_at_any_moment(bench, command):
    b = bench()
    b.calibrate(75)
    first, second = full(range(8)), full([3, 7, 0, 4, 1, 6, 2, 5])
    outcomes = set()
    for delay in range(16):
        assert b.commit(first) == Reason.NONE
        before = b.states
        b.request(second)
        commits = b.read("commits")
        b.trace()
        b.write("control", COMMIT)
        b.tick(delay)
        b.write("control", command)
        b.settle()
        late = b.read("commits") - commits
        outcomes.add(late)
        if command == PARK:
            assert b.pins()[4:] == (0, 0)
            assert b.field("status", "parked") == 1
        elif late:
            b.check(second)
        else:
            assert b.states == before
            b.check(first)
        assert len(b.trace()) <= 1 + (command == PARK)
        assert b.commit(second) == Reason.NONE  # the router is usable
        b.check(second)
    assert outcomes == {0, 1}
    assert b.read("aborted") > 0


def test_busy_commits_are_refused_and_do_not_disturb(bench):
    b = bench()
    b.calibrate(76)
    b.write("settle_cycles", 400)
    first, second = full([1, 0, 3, 2, 5, 4, 7, 6]), full([7, 6, 5, 4, 3, 2, 1, 0])
    b.request(first)
    b.write("control", COMMIT)
    b.request(second)
    b.write("control", COMMIT)
    assert Reason(b.field("status", "reason")) == Reason.BUSY
    b.settle()
    b.check(first)
    assert b.commit() == Reason.NONE
    b.check(second)
    b.write("control", COMMIT | PARK)
    assert Reason(b.field("status", "reason")) == Reason.BUSY
    assert b.field("status", "parked") == 1


def test_dead_cells_are_gone_round_by_the_routes_that_meet_them(bench):
    seed = 77
    print(f"seed {seed}")
    rng = random.Random(seed)
    b = bench()
    good = undisturbed = 0
    for _ in range(40):
        wanted = partial(rng, 8, 0.7)
        for name in ("stuck_bar[0]", "stuck_cross[0]", "unusable[0]"):
            b.write(name, 0)
        assert b.commit(wanted) == Reason.NONE
        before = b.ways(b.states)
        cell = rng.randrange(20)
        kind = rng.choice(("stuck_bar[0]", "stuck_cross[0]", "unusable[0]"))
        b.write(kind, 1 << cell)
        answer = b.commit()
        if answer != Reason.NONE:
            assert answer in (Reason.NO_ROUTE, Reason.SEARCH_LIMIT)
            continue
        good += 1
        ways = b.ways(b.states)
        for i, to in wanted.items():
            assert ways[f"in{i}"].output == f"out{to}"
            if kind == "unusable[0]":
                assert cell not in ways[f"in{i}"].cells
        if kind != "unusable[0]" and any(cell in ways[f"in{i}"].cells for i in wanted):
            assert b.states >> cell & 1 == (kind == "stuck_cross[0]")
        if not b.field("status", "rearranged"):
            undisturbed += 1
            hit = [i for i in wanted if cell in before[f"in{i}"].cells]
            assert all(ways[f"in{i}"] == before[f"in{i}"] for i in wanted if i not in hit)
    print(f"{good} routed, {undisturbed} without touching other routes")
    assert good > 15
    assert undisturbed > 8


def test_a_map_above_the_budget_is_refused_and_codes_follow_calibration(bench):
    b = bench()
    b.calibrate(78)
    b.table(Field.OFFSET, [0] * 20)
    wanted = full([2, 5, 1, 7, 0, 3, 6, 4])
    assert b.commit(wanted) == Reason.NONE
    need = sum(b.powers[k][b.states >> k & 1] for k in range(20))
    assert b.read("drive_power") == need
    b.write("control", PARK)
    b.settle()
    b.write("budget", need - 1)
    assert b.commit(wanted) == Reason.BUDGET
    assert b.read("map_power") == need
    assert b.pins()[4:] == (0, 0)
    b.write("budget", need)
    assert b.commit(wanted) == Reason.NONE
    assert b.pins()[5] == b.codes_of(b.states)
    # a write to the calibration of the active map, or a trim, moves that one heater
    states = b.states
    for cell in (0, 9, 19):
        bar, cross = b.powers[cell] = (100 * cell, 65000 - cell)
        for item, data in ((Field.BAR, bar), (Field.CROSS, cross)):
            b.write("table_address", cell | int(item) << 16)
            b.write("table_data", data)
    b.write("budget", 2**32 - 1)
    b.tick(300)
    assert b.pins()[5] == b.codes_of(states)
    b.write("table_address", 5 | TRIM << 16)
    b.write("table_data", 1000)
    b.tick(300)
    pair = list(b.powers[5])
    pair[states >> 5 & 1] = min(pair[states >> 5 & 1] + 1000, 65535)
    b.powers[5] = tuple(pair)
    assert b.pins()[5] == b.codes_of(states)
    assert b.pins()[1] == 1  # done all the time


def test_the_watchdog_parks_until_it_is_released(bench):
    b = bench()
    b.calibrate(79)
    wanted = full([1, 0, 3, 2, 5, 4, 7, 6])
    b.write("watchdog_cycles", 3000)
    assert b.commit(wanted) == Reason.NONE
    for _ in range(5):
        b.write("control", KICK)
        b.tick(2000)
    assert b.pins()[1] == 1
    b.tick(1100)
    assert b.pins()[4:] == (0, 0)
    assert b.field("status", "watchdog") == 1
    assert b.field("status", "parked") == 1
    for command in (COMMIT, ROLLBACK):
        b.write("control", command)
        assert b.settle() == Reason.WATCHDOG
        assert b.pins()[4:] == (0, 0)
    b.write("control", RELEASE)
    assert b.commit() == Reason.NONE
    b.check(wanted)


def test_events_raise_the_interrupt_where_the_mask_lets_them(bench):
    b = bench()
    event = {f.name: f.mask for f in b.dut.description.register("interrupt").fields}
    b.write("interrupt_mask", event["settled"])
    assert b.commit({0: 1, 1: 1}) == Reason.CONFLICT
    assert b.read("interrupt") == event["refused"]
    assert b.pins()[3] == 0
    assert b.commit({0: 1}) == Reason.NONE
    b.tick(2)
    assert b.read("interrupt") == event["refused"] | event["settled"]
    assert b.pins()[3] == 1
    b.write("interrupt_clear", event["settled"])
    b.tick(2)
    assert b.pins()[3] == 0
    b.write("control", PARK)
    assert b.read("interrupt") & event["parked"]


def test_after_reset_the_fabric_is_parked_and_the_registers_say_what_it_is(bench):
    b = bench()
    assert b.read("id") == 0x4C4F4353
    assert b.field("geometry", "ports") == 8
    assert b.field("geometry", "cells") == 20
    assert b.field("geometry", "dac_bits") == 10
    assert b.read("fabric") == 2 << 8
    assert b.read("status") & ~(1 << 12) == 1 << 3
    assert b.pins()[4:] == (0, 0)
    for address in (0x00C0, 0x1000 + 4 * 8, 0xFFFC):
        assert b.say("r", address)[0] == str(int(Response.DECERR))
        assert b.say("w", address, 1) == [str(int(Response.DECERR))]
    assert b.say("w", b.address("status"), 1) == [str(int(Response.SLVERR))]
    assert b.say("r", b.address("control"))[0] == str(int(Response.SLVERR))


def test_lock_sweep_and_light_reach_the_drive_and_the_registers():
    dut = Controller(2, 10, 250.0, settle_us=0.0, neighbours=0, monitors=True)
    address = {r.name: r.address for r in dut.description.registers}

    async def feed(ctx):
        """Samples of both taps in turn, whatever the pilot does: the cell shows no error."""
        ctx.set(dut.sample_valid, 1)
        for n in itertools.count():
            ctx.set(dut.sample_channel, n & 1)
            ctx.set(dut.sample_value, (500, 900)[n & 1])
            await ctx.tick()

    async def bench(ctx):
        async def write(name, data):
            assert await axi_lite.write(ctx, dut.csr, address[name], data) == 0

        async def read(name, field):
            data, _ = await axi_lite.read(ctx, dut.csr, address[name])
            f = dut.description.register(name).field(field)
            return (data & f.mask) >> f.lsb

        assert await read("fabric", "monitors") == 1
        for item in (Field.BAR, Field.CROSS):
            await write("table_address", int(item) << 16)
            await write("table_data", ZERO)
        await write("destination[0]", 256)
        await write("destination[1]", 257)
        await write("control", COMMIT)
        ctx.set(dut.light, 3)
        await ctx.tick().repeat(200)
        assert await read("light[0]", "lit") == 3
        assert ctx.get(dut.dac_codes) == code(ZERO, 10)
        # a sweep leaves the cell at its last power
        await write("lock", 80 << 16)
        await write("lock_wait", 60)
        await write("lock_probe", 2 | 500 << 16)
        await write("sweep_powers", 5000 | 7000 << 16)
        await write("sweep_count", 3)
        await write("sweep_threshold", 1)
        await write("lock_control", 2)
        assert await read("lock_status", "sweep_busy") == 1
        await ctx.tick().repeat(600)
        assert await read("interrupt", "sweep_done") == 1
        assert await read("lock_status", "sweep_silent") == 0
        assert ctx.get(dut.dac_codes) == code(19000, 10)
        # the lock puts its own trims back and goes round
        await write("lock_control", 1)
        await write("lock", 1 | 10 << 12 | 80 << 16)
        codes = set()
        for _ in range(1500):
            await ctx.tick()
            codes.add(ctx.get(dut.dac_codes))
        assert {code(ZERO + 80, 10), code(ZERO - 80, 10)} <= codes
        assert await read("lock_status", "rounds") > 1
        assert await read("lock_cell", "held") == 1  # below the floor that is set
        await write("interrupt_mask", 1 << 6)
        assert ctx.get(dut.interrupt) == 0
        ctx.set(dut.light, 1)
        await ctx.tick().repeat(20)
        assert await read("light[0]", "lit") == 1
        assert ctx.get(dut.interrupt) == 1

    simulator = Simulator(dut)
    simulator.add_clock(4e-9)
    simulator.add_process(feed)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(("topology", "ports"), [("benes", 8), ("benes", 128), ("crossbar", 5)])
def test_addresses_and_fields_equal_those_of_peakrdl(topology, ports, peakrdl, tmp_path):
    made = registers(ports, 10, 250.0, topology=topology, monitors=ports != 5)
    source = Path(registers.__code__.co_filename).with_name("ocs.rdl")
    oracle, _ = peakrdl(source, "ocs_controller", dict(made.parameters), made.registers, tmp_path)
    mine = {}
    for register in made.registers:
        mine[register.name] = str(register.address)
        for field in register.fields:
            mine[f"{register.name}.{field.name}"] = f"{field.lsb},{field.width}"
    assert oracle.items() <= mine.items()
    assert {r.name for r in made.registers} <= oracle.keys()
    assert max(r.address for r in made.registers) < 1 << 16


def test_the_manifest_of_the_controller(tmp_path):
    manifest = generate(4, 8, 200.0, tmp_path, settle_us=1.0, neighbours=0)
    assert RtlManifest.read(tmp_path / "ocs_controller.manifest.json") == manifest
    assert manifest.parameters["topology"] == "benes"
    ports = {p.name: (p.width, p.direction, p.domain) for p in manifest.ports}
    assert ports["dac_codes"] == (48, "out", "sync")
    assert ports["cell_states"] == (6, "out", "sync")
    assert ports["interrupt"] == (1, "out", "sync")
    assert ports["csr__awaddr"] == (16, "in", "sync")
    assert ports["clk"] == (1, "in", "")
    assert manifest.register("destination[3]").address == 0x100C


@pytest.mark.parametrize(
    ("topology", "ports", "number"),
    [("piloss", 3, 1), ("crossbar", 4, 2), ("switch-and-select", 4, 3)],
)
def test_other_fabrics_have_a_controller(topology, ports, number, tmp_path):
    manifest = generate(ports, 8, 100.0, tmp_path, topology=topology, neighbours=0)
    cells = len(fabrics.plan(topology, ports).cells)
    widths = {p.name: p.width for p in manifest.ports}
    assert (widths["cell_states"], widths["dac_codes"]) == (cells, 8 * cells)
    made = registers(ports, 8, 100.0, topology=topology)
    assert made.register("fabric").field("topology").reset == number


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ports": 12}, "ports = 12; allowed: a power of two from 2 to 128"),
        ({"topology": "ring"}, "topology = 'ring'; allowed: benes, piloss, "),
        ({"dac_bits": 17}, "dac_bits = 17; allowed: an integer from 1 to 16"),
        ({"clock_mhz": 0}, "clock_mhz = 0; allowed: above 0"),
        ({"settle_us": -1}, r"settle_us = -1; 0 to 1\.7"),
        ({"settle_us": 2e7}, r"settle_us = 20000000\.0; 0 to 1\.7"),
        ({"groups": 0}, "groups = 0; allowed: an integer from 1 to 128"),
        ({"neighbours": 17}, "neighbours = 17; allowed: an integer from 0 to 16"),
    ],
)
def test_parameters_out_of_range_are_refused(arguments, message):
    whole = {"ports": 8, "dac_bits": 10, "clock_mhz": 250.0} | arguments
    with pytest.raises(ValueError, match=message):
        Controller(**whole)
    gc.collect()  # so that the refused component warns here and not in another test
