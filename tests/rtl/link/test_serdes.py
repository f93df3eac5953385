"""Two SerDes back to back: they come up, carry frames, see a cut lane and recover."""

from amaranth import Cat, Elaboratable, Module, Mux, Signal
from amaranth.hdl import DomainRenamer
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.link.bring_up import FailReason, State
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.serdes import Serdes
from lightloom.rtl.pcs import frames as stimulus
from lightloom.rtl.pcs.frames import Collector

PERIOD = 2e-9
PPM = 100
CONFIG = Config(
    lanes=2,
    symbols_per_clock=16,
    marker_rows=64,
    rx_ffe_taps=2,
    limits=(2000, 20000, 20000, 6000, 3000),
)


class Line(Elaboratable):
    """Samples from the far side's codes: plus or minus a level, lanes permuted and delayed."""

    def __init__(self, config, codes, samples, domain, source, delay):
        self.config = config
        self.codes = codes
        self.samples = samples
        self.domain = domain
        self.source = source
        self.delay = delay
        self.cut = Signal(config.lanes)

    def elaborate(self, platform):
        m = Module()
        config = self.config
        width, bits, dac = config.symbols_per_clock, config.adc_bits, config.tx_dac_bits
        level = 1 << (bits - 2)
        for lane in range(config.lanes):
            codes = self.codes.word_select(self.source[lane], width * dac)
            high = Signal(width, name=f"high_{lane}")
            m.d.comb += high.eq(Cat(~codes[s * dac + dac - 1] for s in range(width)))
            words = [high]
            while len(words) * width < width + self.delay[lane]:
                past = Signal(width, name=f"past_{lane}_{len(words)}")
                m.d[self.domain] += past.eq(words[-1])
                words.append(past)
            stream = Cat(reversed(words))
            late = stream[len(stream) - width - self.delay[lane] :][:width]
            m.d.comb += self.samples.word_select(lane, width * bits).eq(
                Cat(
                    Mux(self.cut[lane], 0, Mux(late[s], level, -level))[:bits]
                    for s in range(width)
                )
            )
        return m


class Pair(Elaboratable):
    """Side A in `sync`, side B in `far`; each receives in the other's transmit clock."""

    def __init__(self, config=CONFIG):
        self.config = config
        self.a = Serdes(config)
        self.b = Serdes(config)
        swap = list(reversed(range(config.lanes)))
        straight = list(range(config.lanes))
        self.to_b = Line(
            config, self.a.tx_codes, self.b.rx_samples, "sync", straight, [0, 100][: config.lanes]
        )
        self.to_a = Line(
            config, self.b.tx_codes, self.a.rx_samples, "far", swap, [37, 5][: config.lanes]
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.a = DomainRenamer({"rx": "far"})(self.a)
        m.submodules.b = DomainRenamer({"sync": "far", "rx": "sync"})(self.b)
        m.submodules.to_a = self.to_a
        m.submodules.to_b = self.to_b
        return m

    def simulator(self):
        sim = Simulator(self)
        sim.add_clock(PERIOD, domain="sync")
        sim.add_clock(PERIOD / (1 + PPM * 1e-6), phase=0.7e-9, domain="far")
        return sim


async def wait(ctx, condition, limit, what):
    """Clocks of `sync` until the condition holds."""
    for clock in range(limit):
        if condition():
            return clock
        await ctx.tick()
    raise AssertionError(f"{what}: not within {limit} clocks")


async def read(ctx, side, name, field):
    register = side.registers.register(name)
    data, response = await axi_lite.read(ctx, side.csr, register.address)
    assert response == axi_lite.Response.OKAY
    part = register.field(field)
    return (data & part.mask) >> part.lsb


async def write(ctx, side, name, value):
    register = side.registers.register(name)
    assert await axi_lite.write(ctx, side.csr, register.address, value) == axi_lite.Response.OKAY


def test_link_comes_up_carries_frames_and_survives_a_cut(rng):
    pair = Pair()
    a, b = pair.a, pair.b
    lanes = pair.config.lanes
    every = (1 << lanes) - 1
    first = [[rng.randbytes(rng.randint(1, 300)) for _ in range(20)] for _ in range(2)]
    second = [[rng.randbytes(rng.randint(1, 300)) for _ in range(8)] for _ in range(2)]
    at_a, at_b = Collector(lanes), Collector(lanes)
    todo = [list(first[0]), list(first[1])]

    def source(side, queue, domain):
        async def process(ctx):
            while True:
                if queue:
                    frame = queue.pop(0)
                    await stimulus.send(
                        ctx, side.i, [frame], lanes, rng=rng, idle=0.2, domain=domain
                    )
                else:
                    await ctx.tick(domain)

        return process

    def sink(side, collector, domain):
        async def process(ctx):
            await collector.take(ctx, side.o, rng=rng, ready=0.9, domain=domain)

        return process

    async def story(ctx):
        ctx.set(a.rx_signal_detect, every)
        ctx.set(b.rx_signal_detect, every)
        up = await wait(ctx, lambda: ctx.get(a.link_up) and ctx.get(b.link_up), 20000, "up")
        print("up after", up, "clocks")
        assert ctx.get(a.lanes_locked) == every
        await wait(
            ctx, lambda: len(at_a.frames) == 20 and len(at_b.frames) == 20, 20000, "frames"
        )
        assert at_b.frames == [(frame, False) for frame in first[0]]
        assert at_a.frames == [(frame, False) for frame in first[1]]
        assert await read(ctx, a, "counter.frames_sent", "value") == 20
        assert await read(ctx, a, "counter.frames_received", "value") == 20
        assert await read(ctx, a, "counter.frames_errored", "value") == 0
        assert [await read(ctx, a, f"lane[{n}].status", "lane_id") for n in range(2)] == [1, 0]
        assert await read(ctx, a, "status", "up") == 1
        assert 0 < await read(ctx, a, "lock_time.up", "clocks") <= up

        # Lane 1 towards B is cut in the middle of a long frame.
        todo[0].append(rng.randbytes(6000))
        await wait(ctx, lambda: not todo[0], 1000, "start of the long frame")
        for _ in range(200):
            await ctx.tick()
        ctx.set(pair.to_b.cut, 0b10)
        ctx.set(b.rx_signal_detect, 0b01)
        await wait(ctx, lambda: not ctx.get(b.link_up), 100, "B down")
        await wait(ctx, lambda: not ctx.get(a.link_up), 2000, "A down")
        assert ctx.get(a.state) == State.ALIGN
        assert await read(ctx, a, "status", "fail_reason") == FailReason.REMOTE_LOST
        assert await read(ctx, a, "counter.downs", "value") == 1
        await wait(ctx, lambda: ctx.get(b.state) == State.SIGNAL, 200, "B waits for light")
        for _ in range(500):
            await ctx.tick()
        assert len(at_b.frames) == 21
        part, error = at_b.frames[20]
        assert error
        assert len(part) < 6000

        # The lane is back: both come up again by themselves and frames pass.
        ctx.set(pair.to_b.cut, 0)
        ctx.set(b.rx_signal_detect, every)
        again = await wait(
            ctx, lambda: ctx.get(a.link_up) and ctx.get(b.link_up), 20000, "up again"
        )
        print("up again after", again, "clocks")
        todo[0] += second[0]
        todo[1] += second[1]
        await wait(ctx, lambda: len(at_b.frames) == 29 and len(at_a.frames) == 28, 9000, "frames")
        assert at_b.frames[21:] == [(frame, False) for frame in second[0]]
        assert at_a.frames[20:] == [(frame, False) for frame in second[1]]

    sim = pair.simulator()
    sim.add_testbench(source(a, todo[0], "sync"), background=True)
    sim.add_testbench(source(b, todo[1], "far"), background=True)
    sim.add_testbench(sink(a, at_a, "sync"), background=True)
    sim.add_testbench(sink(b, at_b, "far"), background=True)
    sim.add_testbench(story)
    sim.run()
