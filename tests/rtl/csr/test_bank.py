import gc
import itertools
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite, bank, rdl
from lightloom.rtl.csr.axi_lite import Response

DESCRIPTION = rdl.load(Path(__file__).with_name("sample.rdl"), "sample", {"LANES": 2})
ALL = 0xFFFFFFFF


@dataclass
class Model:
    """What software sees, written from the description without looking at the bank."""

    description: rdl.Description
    inputs: dict[str, int] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        for register in self.description.registers:
            for f in register.fields:
                self.stored[f"{register.name}.{f.name}"] = f.reset

    def _find(self, address):
        for register in self.description.registers:
            if register.address <= address < register.address + 4:
                if address != register.address:
                    return None, Response.SLVERR
                return register, Response.OKAY
        return None, Response.DECERR

    def write(self, address, data, strobe):
        register, response = self._find(address)
        if register is None:
            return response
        if all(f.software == "r" for f in register.fields):
            return Response.SLVERR
        enable = sum(0xFF << 8 * k for k in range(4) if strobe >> k & 1)
        for f in register.fields:
            name = f"{register.name}.{f.name}"
            touched = (enable & f.mask) >> f.lsb
            value = (data & f.mask) >> f.lsb
            if f.software == "r" or f.single_pulse:
                continue
            if f.write_one_clears:
                self.stored[name] &= ~(value & touched)
            else:
                self.stored[name] = self.stored[name] & ~touched | value & touched
        return Response.OKAY

    def read(self, address):
        register, response = self._find(address)
        if register is None:
            return 0, response
        if all(f.software == "w" for f in register.fields):
            return 0, Response.SLVERR
        word = 0
        for f in register.fields:
            name = f"{register.name}.{f.name}"
            if f.software == "w":
                continue
            live = f.hardware == "w" and not f.write_one_clears
            word |= (self.inputs.get(name, 0) if live else self.stored[name]) << f.lsb
        return word, Response.OKAY

    def outputs(self):
        """Value of every output except pulses."""
        return {
            f"{r.name}.{f.name}": self.stored[f"{r.name}.{f.name}"]
            for r in self.description.registers
            for f in r.fields
            if f.hardware == "r" and not f.single_pulse
        }


async def access(ctx, dut, rng, write=None, read=None):
    """Do a write and a read at once with random stalls; check the handshake rules each cycle."""
    bus = dut.bus
    stall = rng.choice([0.0, 0.3, 0.8])
    state = {"aw": write is None, "w": write is None, "b": write is None}
    state |= {"ar": read is None, "r": read is None}
    seen_b = seen_r = None
    result = {}
    for _ in range(400):
        for valid, key in (("awvalid", "aw"), ("wvalid", "w"), ("arvalid", "ar")):
            held = ctx.get(getattr(bus, valid))
            ctx.set(getattr(bus, valid), not state[key] and (held or rng.random() >= stall))
        if write is not None:
            ctx.set(bus.awaddr, write[0] if ctx.get(bus.awvalid) else rng.getrandbits(12))
            ctx.set(bus.wdata, write[1] if ctx.get(bus.wvalid) else rng.getrandbits(32))
            ctx.set(bus.wstrb, write[2] if ctx.get(bus.wvalid) else rng.getrandbits(4))
        ctx.set(bus.araddr, read if ctx.get(bus.arvalid) else rng.getrandbits(12))
        ctx.set(bus.bready, rng.random() >= stall)
        ctx.set(bus.rready, rng.random() >= stall)
        sample = {n: ctx.get(getattr(bus, n)) for n in bus.signature.members}
        b = (sample["bvalid"], sample["bresp"])
        r = (sample["rvalid"], sample["rresp"], sample["rdata"])
        if seen_b is not None:
            assert b == seen_b, "a write response must hold until it is taken"
        if seen_r is not None:
            assert r == seen_r, "a read response must hold until it is taken"
        if b[0]:
            assert state["aw"], "a write response came before the address"
            assert state["w"], "a write response came before the data"
            assert not state["b"], "a second write response"
        if r[0]:
            assert state["ar"], "a read response came before the address"
            assert not state["r"], "a second read response"
        seen_b = b if b[0] and not sample["bready"] else None
        seen_r = r if r[0] and not sample["rready"] else None
        for key in ("aw", "w", "ar"):
            if sample[f"{key}valid"] and sample[f"{key}ready"]:
                state[key] = True
        if sample["bvalid"] and sample["bready"]:
            state["b"] = True
            result["write"] = Response(sample["bresp"])
        if sample["rvalid"] and sample["rready"]:
            state["r"] = True
            result["read"] = (sample["rdata"], Response(sample["rresp"]))
        await ctx.tick()
        if all(state.values()):
            for name in ("awvalid", "wvalid", "arvalid"):
                ctx.set(getattr(bus, name), 0)
            return result
    raise AssertionError("the access hangs")


def simulate(dut, bench):
    simulator = Simulator(dut)
    simulator.add_clock(2e-9)
    simulator.add_testbench(bench)
    simulator.run()


def random_address(rng, description):
    kind = rng.random()
    if kind < 0.75:
        return rng.choice(description.registers).address
    if kind < 0.9:
        return rng.choice(description.registers).address + rng.randrange(4)
    return rng.getrandbits(12)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_accesses_with_stalls_equal_the_model(seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    dut = bank.Bank(DESCRIPTION, addr_width=12)
    model = Model(DESCRIPTION)
    live = [
        f"{r.name}.{f.name}"
        for r in DESCRIPTION.registers
        for f in r.fields
        if f.hardware == "w" and not f.write_one_clears
    ]
    responses = set()

    async def bench(ctx):
        await ctx.tick()
        for _ in range(400):
            for name in rng.sample(live, 3):
                model.inputs[name] = rng.getrandbits(len(dut.signal(name)))
                ctx.set(dut.signal(name), model.inputs[name])
            if rng.random() < 0.2:  # events between accesses
                name, width = rng.choice([("events.soft", 4), ("events.hard", 8)])
                bits = rng.getrandbits(width)
                ctx.set(dut.signal(name), bits)
                await ctx.tick()
                ctx.set(dut.signal(name), 0)
                model.stored[name] |= bits
            target = random_address(rng, DESCRIPTION)
            other = random_address(rng, DESCRIPTION)
            kind = rng.choice(["write", "read", "both"])
            if kind == "both" and target >> 2 == other >> 2:
                kind = "write"
            data = rng.choice([rng.getrandbits(32), 0, ALL])
            write = (target, data, rng.choice([15, rng.getrandbits(4)])) if kind != "read" else None
            read = other if kind != "write" else None
            got = await access(ctx, dut, rng, write, read)
            if read is not None:
                want, response = model.read(read)
                assert got["read"] == (want, response), f"read {read:#x}"
                responses.add(("read", response))
            if write is not None:
                response = model.write(*write)
                assert got["write"] == response, f"write {write}"
                responses.add(("write", response))
            for name, value in model.outputs().items():
                assert ctx.get(dut.signal(name)) == value, name

    simulate(dut, bench)
    assert len(responses) == 6  # each of three answers was met on both channels


def test_after_reset_the_fields_have_their_reset_values_and_ready_is_low():
    dut = bank.Bank(DESCRIPTION, addr_width=12)

    async def bench(ctx):
        for name in ("awready", "wready", "arready", "bvalid", "rvalid"):
            assert ctx.get(getattr(dut.bus, name)) == 0
        assert ctx.get(dut.signal("control.threshold")) == 0x155
        assert ctx.get(dut.signal("lane[1].tap[2].code")) == 0x10
        assert await axi_lite.read(ctx, dut.bus, 0x0) == (0x4C4C0001, Response.OKAY)
        assert await axi_lite.read(ctx, dut.bus, 0x8) == (0x81 << 12, Response.OKAY)
        assert await axi_lite.read(ctx, dut.bus, 0x10) == (0xDEADBEEF, Response.OKAY)

    simulate(dut, bench)


def test_a_single_pulse_lasts_one_cycle_and_only_for_a_one_in_its_byte():
    dut = bank.Bank(DESCRIPTION, addr_width=12)
    seen = []

    async def watch(ctx):
        async for _, _, pulse in ctx.tick().sample(dut.signal("control.clear")):
            seen.append(pulse)

    async def bench(ctx):
        for data, strobe in ((0x100, 0xF), (0x000, 0xF), (0x100, 0xD), (0x100, 0x2)):
            assert await axi_lite.write(ctx, dut.bus, 0x4, data, strobe) == Response.OKAY
            await ctx.tick().repeat(3)
        word, _ = await axi_lite.read(ctx, dut.bus, 0x4)
        assert word & 0x100 == 0

    simulator = Simulator(dut)
    simulator.add_clock(2e-9)
    simulator.add_process(watch)
    simulator.add_testbench(bench)
    simulator.run()
    assert sum(seen) == 2
    assert not any(a and b for a, b in itertools.pairwise(seen))


def test_precedence_decides_when_an_event_meets_its_clearing_write():
    dut = bank.Bank(DESCRIPTION, addr_width=12)

    async def bench(ctx):
        for name in ("events.soft", "events.hard"):
            ctx.set(dut.signal(name), 0xF)
        assert await axi_lite.write(ctx, dut.bus, 0x8, 0xFF << 12 | 0x3) == Response.OKAY
        for name in ("events.soft", "events.hard"):
            ctx.set(dut.signal(name), 0)
        # The events were high during the write: `hard` kept them, `soft` took them up again in the
        # cycle after the write, so look at a write that meets one pulse exactly.
        await axi_lite.write(ctx, dut.bus, 0x8, ALL)
        assert (await axi_lite.read(ctx, dut.bus, 0x8))[0] == 0
        bus = dut.bus
        ctx.set(bus.awaddr, 0x8)
        ctx.set(bus.wdata, ALL)
        ctx.set(bus.wstrb, 0xF)
        ctx.set(bus.awvalid, 1)
        ctx.set(bus.wvalid, 1)
        ctx.set(bus.bready, 1)
        await ctx.tick()
        ctx.set(bus.awvalid, 0)
        ctx.set(bus.wvalid, 0)
        ctx.set(dut.signal("events.soft"), 0x5)
        ctx.set(dut.signal("events.hard"), 0x42)
        await ctx.tick()
        ctx.set(dut.signal("events.soft"), 0)
        ctx.set(dut.signal("events.hard"), 0)
        await ctx.tick()
        assert (await axi_lite.read(ctx, dut.bus, 0x8))[0] == 0x42 << 12

    simulate(dut, bench)


def test_the_access_strobe_is_high_for_the_cycle_in_which_the_field_is_sampled():
    dut = bank.Bank(DESCRIPTION, addr_width=12)
    low = dut.signal("lane[1].low.value")
    log = []

    async def counter(ctx):
        value = 0
        async for _, _, strobe in ctx.tick().sample(dut.lane_1_low_value_swacc):
            if strobe:
                log.append(value)
            value += 1
            ctx.set(low, value)

    async def bench(ctx):
        await ctx.tick().repeat(5)
        got, _ = await axi_lite.read(ctx, dut.bus, 0x70)
        await axi_lite.read(ctx, dut.bus, 0x50)
        await axi_lite.read(ctx, dut.bus, 0x71)
        assert log == [got]

    simulator = Simulator(dut)
    simulator.add_clock(2e-9)
    simulator.add_process(counter)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("width", [6, 65, "12"])
def test_an_address_width_that_cannot_be_is_refused(width):
    with pytest.raises(ValueError, match=r"addr_width = .*; sample needs 7 to 64"):
        bank.Bank(DESCRIPTION, addr_width=width)
    gc.collect()  # so that the refused component warns here and not in another test


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_signal_refuses_what_hardware_cannot_see():
    dut = bank.Bank(DESCRIPTION)
    assert dut.signal("control.enable") is dut.control_enable
    for path in ("scratch.value", "lane[2].status.lock", "bus"):
        with pytest.raises(KeyError):
            dut.signal(path)
    del dut
    gc.collect()
