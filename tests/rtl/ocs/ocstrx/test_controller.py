"""The controller with a SerDes that relocks after a time: cut, command, far end, park."""

import gc
import itertools
from pathlib import Path as FilePath

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite, export
from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.guard import Path
from lightloom.rtl.ocs.ocstrx.controller import OcstrxController, generate
from lightloom.rtl.ocs.ocstrx.inband import Kind, word
from lightloom.rtl.ocs.ocstrx.registers import registers
from lightloom.rtl.ocs.ocstrx.sequence import PULSE_CLOCKS, Phase, Reason
from lightloom.spec import RtlManifest, fabrics

LANES, BITS, CLOCK = 2, 8, 250.0
ALL = (1 << LANES) - 1
CELLS = 4 * LANES
BAR, CROSS = 40000, 10000
CODES = tuple(round((power / 2**16) ** 0.5 * 2**BITS) for power in (BAR, CROSS))
DOWN = 20
TIMES = {
    "down": DOWN,
    "up": 10,
    "hold_off": 100,
    "restore": 300,
    "pause": 30,
    "settle_limit": 2000,
    "relock_limit": 600,
    "frame_limit": 300,
    "save_interval": 0,
    "answer_limit": 500,
    "lead": 40,
    "settle": 50,
}


class Bench:
    """Software, the fibres and a SerDes; `relock` and `frame` are its times, None for never."""

    def __init__(self, **times):
        self.dut = OcstrxController(LANES, BITS, CLOCK, neighbours=0)
        self.times = TIMES | times
        self.light = {Path.PRIMARY: 1, Path.BACKUP: 1}
        self.relock, self.frame = 40, 25
        self.saved, self.loaded, self.events = [], [], []
        self.clock = 0

    async def tick(self, clocks=1):
        for _ in range(clocks):
            ctx, dut = self.ctx, self.dut
            lit = {path: ALL * on for path, on in self.light.items()}
            here = Path(ctx.get(dut.path))
            ctx.set(dut.light_primary, lit[Path.PRIMARY])
            ctx.set(dut.light_backup, lit[Path.BACKUP])
            ctx.set(dut.rx_signal, lit.get(here, ALL) * (not self.broken))
            frozen = ctx.get(dut.route_freeze)
            good = not frozen and lit.get(here, ALL) and here not in self.dead
            self.run_for = self.run_for + 1 if good else 0
            up = self.relock is not None and self.run_for > self.relock
            self.up_for = self.up_for + 1 if up else 0
            ctx.set(dut.link_up, up)
            ctx.set(dut.frame_good, self.frame is not None and self.up_for > self.frame)
            for name, log in (("save", self.saved), ("load", self.loaded)):
                level = ctx.get(getattr(dut, f"route_{name}"))
                if level and not self.levels[name]:
                    log.append(ctx.get(dut.route_index))
                self.levels[name] = level
            now = (here, frozen)
            if not self.events or self.events[-1][1:] != now:
                self.events.append((self.clock, *now))
            await ctx.tick()
            self.clock += 1

    def run(self, story):
        self.run_for = self.up_for = 0
        self.levels = {"save": 0, "load": 0}
        self.broken, self.dead = False, ()

        async def bench(ctx):
            self.ctx = ctx
            await story()

        sim = Simulator(self.dut)
        sim.add_clock(1 / CLOCK * 1e-6)
        sim.add_testbench(bench)
        sim.run()

    async def write(self, name, **fields):
        register = self.dut.description.register(name)
        value = register.reset
        for field, number in fields.items():
            part = register.field(field)
            value = value & ~part.mask | number << part.lsb
        await self._bus(axi_lite.write, register.address, value)

    async def _bus(self, access, *arguments):
        """A bus access of known length, then the fibres' view of the same clocks."""
        result = await access(self.ctx, self.dut.csr, *arguments)
        self.clock += 4
        return result

    async def read(self, name, field):
        register = self.dut.description.register(name)
        data, _ = await self._bus(axi_lite.read, register.address)
        part = register.field(field)
        return (data & part.mask) >> part.lsb

    async def status(self):
        register = self.dut.description.register("status")
        data, _ = await self._bus(axi_lite.read, register.address)
        return {f.name: (data & f.mask) >> f.lsb for f in register.fields}

    async def command(self, path, **flags):
        await self.write("command", path=path, go=1, **flags)

    async def begin(self):
        """Calibrate, set the times, and take the primary path."""
        for name, clocks in self.times.items():
            await self.write(name, clocks=clocks)
        for cell in range(CELLS):
            for item, value in ((Field.BAR, BAR), (Field.CROSS, CROSS), (Field.GAIN, 1 << 15)):
                await self.write("table_address", cell=cell, item=item)
                await self.write("table_data", value=value)
        await self.command(Path.PRIMARY)
        await self.rest()

    async def rest(self, limit=4000):
        """Until nothing is under way."""
        await self.tick(20)
        for _ in range(limit):
            if not self.ctx.get(self.dut.busy):
                return
            await self.tick()
        raise AssertionError("busy for ever")

    def codes(self):
        whole = self.ctx.get(self.dut.dac_codes)
        return [whole >> BITS * n & (1 << BITS) - 1 for n in range(CELLS)]

    def states(self):
        whole = self.ctx.get(self.dut.cell_states)
        return [whole >> n & 1 for n in range(CELLS)]

    def takes(self, path):
        """States are those of the path, heaters follow them."""
        states = fabrics.route_path(LANES, path.name.lower())
        return self.states() == states and self.codes() == [CODES[s] for s in states]


def test_it_starts_parked_and_takes_the_path_of_the_first_command():
    bench = Bench()

    async def story():
        await bench.tick(100)
        assert (await bench.status())["parked"] == 1
        assert bench.states() == fabrics.route_path(LANES, "primary")  # heaters off are crossed
        assert bench.codes() == [0] * CELLS
        await bench.begin()
        for path in (Path.BACKUP, Path.LOOPBACK, Path.PRIMARY):
            await bench.command(path, force=1)
            await bench.rest()
            assert bench.takes(path)
            status = await bench.status()
            assert (status["path"], status["phase"]) == (path, Phase.IDLE)
            assert status["reason"] == Reason.NONE
        assert bench.saved == [0, 1, 2]  # the set of the path that is left
        assert bench.loaded == [0, 1, 2, 0]  # the set of the path that is taken

    bench.run(story)


def test_a_cut_fails_over_in_the_debounce_and_the_times_are_exact():
    bench = Bench()

    async def story():
        await bench.begin()
        await bench.tick(150)
        cut = bench.clock
        bench.light[Path.PRIMARY] = 0
        await bench.tick(2 * DOWN)
        await bench.rest()
        changed = next(clock for clock, path, _ in bench.events if path == Path.BACKUP)
        assert changed - cut == DOWN + 4  # synchronizer, debounce, vote, change
        frozen = next(clock for clock, _, on in bench.events if on and clock >= cut)
        assert frozen == changed
        released = next(c for c, _, on in bench.events if not on and c > changed)
        assert await bench.read("split.command", "clocks") == DOWN
        settle = await bench.read("split.settle", "clocks")
        assert settle >= TIMES["settle"]
        assert await bench.read("split.load", "clocks") == 3 * PULSE_CLOCKS
        assert settle + 3 * PULSE_CLOCKS == released - changed
        # the SerDes' own time, its first clock, two of synchronizer
        assert await bench.read("split.relock", "clocks") == bench.relock + 3
        assert await bench.read("split.frame", "clocks") == bench.frame
        parts = [
            await bench.read(f"split.{name}", "clocks")
            for name in ("command", "settle", "load", "relock", "frame")
        ]
        assert await bench.read("split.total", "clocks") == sum(parts)
        names = ("dark", "command", "settled", "up", "frame")
        stamps = [await bench.read(f"stamp.{name}", "clocks") for name in names]
        assert [b - a for a, b in itertools.pairwise(stamps)] == [
            parts[0],
            parts[1],
            parts[2] + parts[3],
            parts[4],
        ]
        assert bench.takes(Path.BACKUP)
        assert bench.loaded[-1] == 1
        assert not bench.saved  # nothing was learnt from darkness
        assert await bench.read("losses", "primary") == 1
        assert await bench.read("switches", "guard") == 1
        # The light is back: restored after the wait, and then with the set of the primary.
        bench.light[Path.PRIMARY] = 1
        await bench.tick(TIMES["restore"] + 60)
        await bench.rest()
        assert bench.takes(Path.PRIMARY)
        assert bench.loaded[-1] == 0

    bench.run(story)


def test_without_light_anywhere_it_ends_in_the_loopback():
    bench = Bench()

    async def story():
        await bench.begin()
        bench.light = {Path.PRIMARY: 0, Path.BACKUP: 0}
        await bench.tick(40)
        assert bench.ctx.get(bench.dut.path) == Path.BACKUP  # the far end may follow
        await bench.tick(300)
        await bench.rest()
        assert bench.takes(Path.LOOPBACK)

    bench.run(story)


def test_a_path_that_does_not_relock_is_left_again():
    bench = Bench()

    async def story():
        await bench.begin()
        await bench.tick(100)
        bench.dead = (Path.BACKUP,)
        await bench.command(Path.BACKUP, force=1)
        await bench.rest()
        assert bench.takes(Path.PRIMARY)
        assert (await bench.status())["reason"] == Reason.RELOCK_TIMEOUT
        await bench.write("mode", rollback=0)
        await bench.command(Path.BACKUP, force=1)
        await bench.rest()
        assert bench.takes(Path.BACKUP)
        assert (await bench.status())["reason"] == Reason.RELOCK_TIMEOUT
        # The guard, heard again, goes elsewhere: the path is blocked, though it has light.
        await bench.command(Path.BACKUP)
        await bench.tick(1500)
        await bench.rest()
        assert bench.takes(Path.PRIMARY)

    bench.run(story)


def test_a_switch_that_lets_no_light_through_is_seen():
    bench = Bench()

    async def story():
        await bench.begin()
        await bench.tick(100)
        bench.broken = True
        await bench.tick(14 * DOWN)
        assert (await bench.status())["path"] == Path.BACKUP

    bench.run(story)


def test_the_watchdog_parks_and_only_release_ends_it():
    bench = Bench()

    async def story():
        await bench.begin()
        await bench.command(Path.BACKUP, force=1)
        await bench.rest()
        await bench.write("interrupt_mask", value=0b100_0000)
        assert not bench.ctx.get(bench.dut.interrupt)
        await bench.write("watchdog", clocks=200)
        for _ in range(4):
            await bench.tick(100)
            await bench.write("control", kick=1)
        assert bench.takes(Path.BACKUP)
        await bench.tick(210)
        assert bench.codes() == [0] * CELLS
        assert bench.states() == fabrics.route_path(LANES, "primary")
        assert bench.ctx.get(bench.dut.interrupt)
        await bench.command(Path.BACKUP)
        status = await bench.status()
        assert status["parked"] == status["watchdog"] == 1
        assert status["reason"] == Reason.WATCHDOG
        await bench.write("watchdog", clocks=0)
        await bench.write("control", release=1)
        await bench.write("interrupt_clear", watchdog=1)
        await bench.command(Path.BACKUP)
        await bench.rest()
        assert bench.takes(Path.BACKUP)
        assert not bench.ctx.get(bench.dut.interrupt)

    bench.run(story)


def test_park_wins_over_a_change_under_way():
    bench = Bench()

    async def story():
        await bench.begin()
        await bench.command(Path.LOOPBACK, force=1)
        await bench.tick(120)
        assert bench.ctx.get(bench.dut.busy)
        await bench.write("control", park=1)
        await bench.tick(3)
        assert bench.codes() == [0] * CELLS
        status = await bench.status()
        assert (status["parked"], status["path"], status["phase"]) == (1, 0, Phase.PARKED)
        assert not bench.ctx.get(bench.dut.route_freeze)

    bench.run(story)


def test_the_far_end_asks_and_both_change():
    bench = Bench()

    async def story():
        await bench.begin()
        await bench.tick(100)
        dut, ctx = bench.dut, bench.ctx
        ctx.set(dut.route_told, word(Kind.REQUEST, Path.BACKUP, 3))
        await bench.tick(20)
        assert ctx.get(dut.route_tell) == word(Kind.GRANT, Path.BACKUP, 3)
        assert ctx.get(dut.route_pause)
        ctx.set(dut.route_told, word(Kind.GO, Path.BACKUP, 3))
        await bench.tick(10)
        ctx.set(dut.route_told, 0)
        await bench.tick(TIMES["lead"] + 10)
        await bench.rest()
        assert bench.takes(Path.BACKUP)
        # A path that it does not accept.
        ctx.set(dut.route_told, word(Kind.REQUEST, Path.LOOPBACK, 4))
        await bench.tick(20)
        assert ctx.get(dut.route_tell) == word(Kind.REFUSE, Path.LOOPBACK, 4)

    bench.run(story)


def test_it_asks_the_far_end():
    bench = Bench()

    async def story():
        await bench.begin()
        await bench.tick(100)
        dut, ctx = bench.dut, bench.ctx
        await bench.command(Path.BACKUP, ask=1, force=1)
        await bench.tick(20)
        assert ctx.get(dut.route_tell) == word(Kind.REQUEST, Path.BACKUP, 1)
        ctx.set(dut.route_told, word(Kind.GRANT, Path.BACKUP, 1))
        await bench.tick(20)
        assert ctx.get(dut.route_tell) == word(Kind.GO, Path.BACKUP, 1)
        ctx.set(dut.route_told, 0)
        await bench.tick(TIMES["lead"])
        await bench.rest()
        assert bench.takes(Path.BACKUP)
        await bench.command(Path.PRIMARY, ask=1, force=1)  # nobody answers
        await bench.tick(TIMES["answer_limit"] + 20)
        assert bench.takes(Path.BACKUP)
        assert (await bench.status())["reason"] == Reason.NO_ANSWER

    bench.run(story)


def test_sets_are_saved_by_themselves_while_the_link_is_up():
    bench = Bench(save_interval=200)

    async def story():
        await bench.begin()
        await bench.tick(1000)
        assert 3 <= len(bench.saved) <= 5
        assert set(bench.saved) == {0}
        await bench.write("mode", use_sets=0)
        count = len(bench.saved)
        await bench.tick(500)
        await bench.command(Path.BACKUP)
        await bench.rest()
        assert len(bench.saved) == count
        assert bench.loaded == [0]

    bench.run(story)


def test_commands_in_between_and_of_no_path_are_refused():
    bench = Bench()

    async def story():
        await bench.begin()
        await bench.command(3)
        assert (await bench.status())["reason"] == Reason.BAD_PATH
        await bench.command(Path.BACKUP)
        await bench.command(Path.LOOPBACK)
        assert (await bench.status())["reason"] == Reason.BUSY
        await bench.rest()
        assert bench.takes(Path.BACKUP)

    bench.run(story)


def test_manifest_and_registers(tmp_path, peakrdl):
    manifest = generate(LANES, BITS, CLOCK, tmp_path)
    assert RtlManifest.read(tmp_path / "ocstrx_controller.manifest.json") == manifest
    ports = {p.name: (p.width, p.direction, p.domain) for p in manifest.ports}
    assert ports["dac_codes"] == (CELLS * BITS, "out", "sync")
    assert ports["light_backup"] == (LANES, "in", "")
    assert ports["route_index"] == (4, "out", "sync")
    description = registers(LANES, BITS, CLOCK)
    export.write(description, tmp_path / "regs")
    assert len(list((tmp_path / "regs").iterdir())) >= 4
    for enum, register, field in ((Phase, "status", "phase"), (Reason, "status", "reason")):
        codes = {c.name: c.value for c in description.register(register).field(field).codes}
        assert codes == {item.name.lower(): item.value for item in enum}
    layout, _ = peakrdl(
        FilePath(registers.__code__.co_filename).with_name("ocstrx.rdl"),
        "ocstrx_controller",
        {"LANES": LANES, "CELLS": CELLS, "DAC_BITS": BITS},
        description.registers,
        tmp_path,
    )
    for register in description.registers:
        assert int(layout[register.name]) == register.address
        for field in register.fields:
            if f"{register.name}.{field.name}" in layout:
                want = f"{field.lsb},{field.width}"
                assert layout[f"{register.name}.{field.name}"] == want


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_parameters_are_checked():
    for arguments, message in (
        ((3, 8, 250.0), "lanes = 3; allowed: an even number from 2 to 16"),
        ((2, 0, 250.0), "dac_bits = 0; allowed: an integer from 1 to 16"),
        ((2, 8, 0), "clock_mhz = 0; allowed: above 0, at most 10000"),
    ):
        with pytest.raises(ValueError, match=message):
            OcstrxController(*arguments)
    with pytest.raises(ValueError, match=r"settle_us = -1; allowed: 0 to "):
        OcstrxController(2, 8, 250.0, settle_us=-1)
    gc.collect()  # so that the refused components warn here
