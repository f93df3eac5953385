"""Words without a code: they come out of the near loopback and of the line at some bit offset."""

import pytest
from amaranth.hdl import DomainRenamer
from amaranth.sim import Simulator

from lightloom.rtl.link.config import Config
from lightloom.rtl.link.raw import RawDeframer
from lightloom.rtl.link.serdes import Serdes
from lightloom.rtl.pcs.row import RowKind

CONFIG = Config(
    profile="xsr-raw",
    lanes=2,
    symbols_per_clock=16,
    marker_rows=64,
    rx_ffe_taps=2,
    limits=(200, 600, 600, 600, 600),
)


def test_words_pass_in_order_and_frames_have_no_meaning(rng):
    """Near loopback: each lane's words come back as they were sent, with training between."""
    dut = DomainRenamer({"rx": "sync"})(Serdes(CONFIG))
    sent = [[rng.getrandbits(16) for _ in range(2)] for _ in range(60)]
    got = []

    async def story(ctx):
        ctx.set(dut.csr.awaddr, dut.registers.register("control").address)
        ctx.set(dut.csr.wdata, 0b101)  # enable, loopback
        ctx.set(dut.csr.wstrb, 15)
        ctx.set(dut.csr.awvalid, 1)
        ctx.set(dut.csr.wvalid, 1)
        ctx.set(dut.csr.bready, 1)
        ctx.set(dut.o.ready, 1)
        for _ in range(8):
            _, _, a, w = await ctx.tick().sample(dut.csr.awready, dut.csr.wready)
            if a:
                ctx.set(dut.csr.awvalid, 0)
            if w:
                ctx.set(dut.csr.wvalid, 0)
        for _ in range(400):
            await ctx.tick()
            if ctx.get(dut.link_up):
                break
        assert ctx.get(dut.link_up)
        for words in sent:
            ctx.set(dut.i.payload.data, words[0] | words[1] << 64)
            ctx.set(dut.i.valid, 1)
            ready = 0
            while not ready:
                _, _, ready, valid, data = await ctx.tick().sample(
                    dut.i.ready, dut.o.valid, dut.o.payload.data
                )
                if valid:
                    got.append([data & 0xFFFF, data >> 64 & 0xFFFF])
        ctx.set(dut.i.valid, 0)
        for _ in range(60):
            _, _, valid, data = await ctx.tick().sample(dut.o.valid, dut.o.payload.data)
            if valid:
                got.append([data & 0xFFFF, data >> 64 & 0xFFFF])

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(story)
    sim.run()
    first = got.index(sent[0])
    assert got[first : first + len(sent)] == sent


def test_latency_has_no_framer():
    stages = list(Serdes(CONFIG).latency)
    assert stages == ["tx_pcs", "tx_pma", "rx_pma", "rx_pcs", "elastic_buffer"]


@pytest.mark.parametrize(
    ("kind", "valid", "error"),
    [(RowKind.DATA, 1, 0), (RowKind.ERROR, 1, 1), (RowKind.IDLE, 0, 0)],
)
def test_rows_become_words(kind, valid, error):
    dut = RawDeframer(lanes=3)

    async def bench(ctx):
        ctx.set(dut.i.payload.kind, kind)
        ctx.set(dut.i.payload.data, 77)
        ctx.set(dut.i.valid, 1)
        assert ctx.get(dut.o.valid) == valid
        assert ctx.get(dut.i.ready) == (not valid)
        if valid:
            assert ctx.get(dut.o.payload.data) == 77
            assert ctx.get(dut.o.payload.count) == 24
            assert ctx.get(dut.o.payload.last)
            assert ctx.get(dut.o.payload.error) == error
        ctx.set(dut.o.ready, 1)
        assert ctx.get(dut.i.ready)
        assert ctx.get(dut.received) == valid
        assert ctx.get(dut.errored) == error

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()
