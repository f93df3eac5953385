"""Pins behind registers: what failed is read there, and cleared. Traffic: see the two masters."""

import gc

import pytest
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.ocs.drive import adc_bank, dac_chain
from lightloom.rtl.ocs.drive.pins import Pins, registers

CLOCK_MHZ = 10.0


class Chain:
    """Echo of a chain of one chip; pins may be stuck."""

    def __init__(self):
        self.shift, self.sck, self.out, self.stuck = 0, 0, 0, None
        self.cs_n, self.words = 1, []

    def step(self, cs_n, sck, sdi):
        if not cs_n and sck and not self.sck:
            self.shift = (self.shift << 1 | sdi) & 0xFFFFFFFF
        if not cs_n and self.sck and not sck:
            self.out = self.shift >> 31
        if cs_n and not self.cs_n:
            self.words.append(self.shift & 0xFFFFFF)
        self.sck, self.cs_n = sck, cs_n
        return self.out if self.stuck is None else self.stuck


class Adc:
    """Address and value of each channel: 100 more than the channel times ten."""

    def __init__(self):
        self.sck, self.address, self.control, self.falls, self.word = 1, 15, 0, 16, 0
        self.cs_n, self.gone = 1, False

    def step(self, cs_n, sck, din):
        if self.cs_n and not cs_n:
            self.falls, self.control = 0, 0
            self.word = self.address << 12 | (100 + 10 * self.address)
        if not cs_n and self.sck and not sck and self.falls < 16:
            self.control = self.control << 1 | din
            self.falls += 1
            if self.falls == 12 and self.control >> 11:
                self.address = self.control >> 6 & 15
        self.sck, self.cs_n = sck, cs_n
        return 0 if self.gone else self.word >> max(0, 15 - self.falls) & 1


def test_faults_are_read_and_cleared_by_register():
    dut = Pins(17, 8, CLOCK_MHZ, devices=1)
    description = registers(17, CLOCK_MHZ, devices=1)
    address = {register.name: register.address for register in description.registers}
    chains, adcs = [Chain(), Chain()], [Adc() for _ in range(3)]
    samples = {}

    async def board(ctx):
        while True:
            cs_n, sck, sdi = (ctx.get(x) for x in (dut.dac_cs_n, dut.dac_sck, dut.dac_sdi))
            bits = [chain.step(cs_n, sck, sdi >> n & 1) for n, chain in enumerate(chains)]
            ctx.set(dut.dac_sdo, bits[0] | bits[1] << 1)
            pins = [ctx.get(x) for x in (dut.adc_cs_n, dut.adc_sck, dut.adc_din)]
            ctx.set(dut.adc_dout, sum(adc.step(*pins) << n for n, adc in enumerate(adcs)))
            if ctx.get(dut.sample_valid):
                samples[ctx.get(dut.sample_channel)] = ctx.get(dut.sample_value)
            await ctx.tick()

    async def read(ctx, name):
        value, response = await axi_lite.read(ctx, dut.csr, address[name])
        assert response == axi_lite.Response.OKAY
        return value

    async def software(ctx):
        update = dac_chain.Timing(dac_chain.LTC2668, 1, CLOCK_MHZ).update
        ctx.set(dut.codes, 0x55)
        assert await read(ctx, "id") == int.from_bytes(b"LOPN", "big")
        assert await read(ctx, "geometry") == 17 | 1 << 16
        assert await read(ctx, "sizes") == 2 | 3 << 16
        assert (
            await read(ctx, "update_clocks")
            == dac_chain.Timing(dac_chain.LTC2668, 1, CLOCK_MHZ).update
        )
        assert await read(ctx, "status") == 4  # held clear
        await ctx.tick().repeat(400)
        assert await read(ctx, "status") == 0
        await ctx.tick().repeat(1200)
        assert samples == {tap: 100 + 10 * (tap % 16) for tap in range(34)}
        assert not ctx.get(dut.park)
        assert 0x005500 in chains[0].words

        chains[1].stuck = 0
        adcs[2].gone = True
        await ctx.tick().repeat(500)
        assert ctx.get(dut.park)
        assert ctx.get(dut.interrupt)
        assert not ctx.get(dut.dac_clr_n)
        assert await read(ctx, "status") == 7
        kinds = [await read(ctx, f"chain[{n}]") for n in range(2)]
        assert kinds == [dac_chain.Kind.GOOD, dac_chain.Kind.LOW]
        kinds = [await read(ctx, f"adc[{n}]") for n in range(3)]
        assert kinds == [adc_bank.Kind.GOOD, adc_bank.Kind.GOOD, adc_bank.Kind.LOW]

        # The chain that still listens is sent 0, with the last channel's command to update all.
        await ctx.tick().repeat(2 * update)
        assert all(word & 0xFFFF == 0 for word in chains[0].words[-16:])
        assert {word >> 16 for word in chains[0].words[-16:]} == {*range(15), 0x2F}

        chains[1].stuck, adcs[2].gone = None, False
        await ctx.tick().repeat(300)
        assert await read(ctx, "status") == 7  # stays
        await axi_lite.write(ctx, dut.csr, address["control"], 3)
        await ctx.tick().repeat(700)
        assert await read(ctx, "status") == 0
        assert [await read(ctx, f"chain[{n}]") for n in range(2)] == [0, 0]
        assert await read(ctx, "updates") == 3
        ctx.set(dut.hold, 1)
        await ctx.tick().repeat(2)
        assert not ctx.get(dut.dac_clr_n)
        assert not ctx.get(dut.park)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(board, background=True)
    sim.add_testbench(software)
    sim.run()


def test_the_manifest_says_durations_and_registers(tmp_path):
    manifest = Pins(20, 10, 250.0, devices=2).generate(tmp_path)
    assert manifest.latency_cycles["update"] == dac_chain.Timing(dac_chain.LTC2668, 2, 250).update
    assert (tmp_path / manifest.verilog).read_text().count("module ocs_pins(") == 1
    assert manifest.registers


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="cells = 2049; allowed: an integer from 1 to 2048"):
        Pins(2049, 10, 250.0)
    with pytest.raises(ValueError, match="devices = 0; allowed: an integer from 1 to 16"):
        Pins(20, 10, 250.0, devices=0)
    gc.collect()
