"""Two SerDes back to back: they come up, carry frames, see a cut lane and recover."""

import pytest
from amaranth import Cat, Elaboratable, Module, Mux, Signal
from amaranth.hdl import DomainRenamer
from amaranth.sim import Simulator

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.link.bring_up import FailReason, State
from lightloom.rtl.link.config import Config
from lightloom.rtl.link.elastic_buffer import ElasticBuffer
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
                    Mux(self.cut[lane], 0, Mux(late[s], level, -level))[:bits] for s in range(width)
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
        await wait(ctx, lambda: len(at_a.frames) == 20 and len(at_b.frames) == 20, 20000, "frames")
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


def test_loopback_carries_frames_without_light_at_any_clock_ratio(rng):
    dut = Serdes(CONFIG)
    sent = [rng.randbytes(rng.randint(1, 100)) for _ in range(12)]
    got = Collector(CONFIG.lanes)

    async def story(ctx):
        await write(ctx, dut, "control", 0b101)
        await wait(ctx, lambda: ctx.get(dut.link_up), 8000, "up")
        assert await read(ctx, dut, "status", "state") == State.UP
        await stimulus.send(ctx, dut.i, sent, CONFIG.lanes, rng=rng, idle=0.1)
        await wait(ctx, lambda: len(got.frames) == len(sent), 3000, "frames")
        assert got.frames == [(frame, False) for frame in sent]

    async def sink(ctx):
        await got.take(ctx, dut.o)

    sim = Simulator(dut)
    sim.add_clock(PERIOD)
    sim.add_clock(PERIOD * 1.02, domain="rx")  # far beyond any line: the FIFO paces both sides
    sim.add_testbench(sink, background=True)
    sim.add_testbench(story)
    sim.run()


class Mirror(Elaboratable):
    """One SerDes with its own codes as samples, through the receiver's whole chain."""

    def __init__(self, config):
        self.dut = Serdes(config)
        straight = list(range(config.lanes))
        self.line = Line(
            config, self.dut.tx_codes, self.dut.rx_samples, "sync", straight, [0] * config.lanes
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = DomainRenamer({"rx": "sync"})(self.dut)
        m.submodules.line = self.line
        return m

    def run(self, story):
        sim = Simulator(self)
        sim.add_clock(PERIOD)
        sim.add_testbench(story)
        sim.run()


ONE_LANE = Config(
    lanes=1, symbols_per_clock=16, marker_rows=64, rx_ffe_taps=2, limits=CONFIG.limits
)


def test_prbs_counts_an_injected_error_once_and_all_words():
    mirror = Mirror(ONE_LANE)
    dut = mirror.dut

    async def story(ctx):
        ctx.set(dut.rx_signal_detect, 1)
        await write(ctx, dut, "control", 0b000011)
        await wait(ctx, lambda: ctx.get(dut.state) == State.TEST, 8000, "test")
        for _ in range(300):
            await ctx.tick()
        assert await read(ctx, dut, "lane[0].status", "prbs_locked") == 1
        await write(ctx, dut, "control", 0b1_0000_0011)  # clear
        for _ in range(120):
            await ctx.tick()
        first = await read(ctx, dut, "lane[0].prbs_words", "value")
        assert 0 < first < 200
        assert await read(ctx, dut, "lane[0].prbs_errors", "value") == 0
        for _ in range(3):
            await write(ctx, dut, "control", 0b10_0000_0011)  # inject
            for _ in range(40):
                await ctx.tick()
        for _ in range(120):
            await ctx.tick()
        assert await read(ctx, dut, "lane[0].prbs_errors", "value") == 3
        assert await read(ctx, dut, "lane[0].prbs_words", "value") > first + 240
        assert await read(ctx, dut, "lane[0].prbs_words_high", "value") == 0
        assert not ctx.get(dut.link_up)

    mirror.run(story)


def test_a_line_that_dies_with_light_on_is_seen_by_block_lock(rng):
    mirror = Mirror(ONE_LANE)
    dut = mirror.dut
    got = Collector(1)
    sent = [rng.randbytes(30), rng.randbytes(40)]

    def good():
        return [bytes(data) for data, error in got.frames if not error]

    async def take(ctx):
        await got.take(ctx, dut.o)

    async def story(ctx):
        ctx.set(dut.rx_signal_detect, 1)
        await wait(ctx, lambda: ctx.get(dut.link_up), 8000, "up")
        await stimulus.send(ctx, dut.i, [sent[0]], 1)
        for _ in range(200):
            await ctx.tick()
        ctx.set(mirror.line.cut, 1)
        down = await wait(ctx, lambda: not ctx.get(dut.link_up), 600, "down")
        assert down < 16 * 66 // 16 + 60  # sixteen bad headers and the way through
        assert await read(ctx, dut, "status", "fail_reason") == FailReason.BLOCK_LOCK_LOST
        assert await read(ctx, dut, "lane[0].header_errors", "value") >= 15
        ctx.set(mirror.line.cut, 0)
        await wait(ctx, lambda: ctx.get(dut.link_up), 8000, "up again")
        await stimulus.send(ctx, dut.i, [sent[1]], 1)
        # a dead line's garbage may begin like a frame; what it began must end marked
        await wait(ctx, lambda: len(good()) == 2, 400, "frames")
        assert good() == sent

    sim = Simulator(mirror)
    sim.add_clock(PERIOD)
    sim.add_testbench(take, background=True)
    sim.add_testbench(story)
    sim.run()


def test_light_without_a_signal_fails_with_the_reason_of_the_clock_recovery():
    """Every sample zero, light on: CDR times out, and after the limit of attempts FAILED."""
    config = Config(
        lanes=1,
        symbols_per_clock=16,
        marker_rows=64,
        rx_ffe_taps=2,
        limits=(500, 600, 600, 600, 600),
        attempt_limit=2,
    )
    dut = Serdes(config)

    async def story(ctx):
        ctx.set(dut.rx_signal_detect, 1)
        await wait(ctx, lambda: ctx.get(dut.state) == State.FAILED, 4000, "failed")
        assert await read(ctx, dut, "status", "fail_reason") in (
            FailReason.CDR_TIMEOUT,
            FailReason.EQUALIZE_TIMEOUT,
            FailReason.BLOCK_LOCK_TIMEOUT,
        )
        assert await read(ctx, dut, "status", "attempts") == 2
        await write(ctx, dut, "control", 0)
        for _ in range(5):
            await ctx.tick()
        assert ctx.get(dut.state) == State.RESET
        assert ctx.get(dut.tx_codes) == 0  # no modulation while disabled

    sim = Simulator(dut)
    sim.add_clock(PERIOD)
    sim.add_clock(PERIOD, phase=0.4e-9, domain="rx")
    sim.add_testbench(story)
    sim.run()


@pytest.mark.parametrize("symbols", [64, pytest.param(128, marks=pytest.mark.slow)])
def test_latency_is_what_the_manifest_says(rng, symbols):
    """Short frames, no line delay, one clock: the sum of the stages and the gearboxes' wait."""
    config = Config(
        lanes=1, symbols_per_clock=symbols, marker_rows=64, rx_ffe_taps=2, limits=CONFIG.limits
    )
    mirror = Mirror(config)
    dut = mirror.dut
    waits = []

    async def story(ctx):
        ctx.set(dut.rx_signal_detect, 1)
        ctx.set(dut.o.ready, 1)
        await wait(ctx, lambda: ctx.get(dut.link_up), 6000, "up")
        for _ in range(70):
            for _ in range(rng.randrange(3, 9)):
                await ctx.tick()
            ctx.set(dut.i.payload, {"data": 5, "count": 3, "last": 1, "error": 0})
            ctx.set(dut.i.valid, 1)
            ready = 0
            while not ready:
                _, _, ready = await ctx.tick().sample(dut.i.ready)
            ctx.set(dut.i.valid, 0)
            waits.append(await wait(ctx, lambda: ctx.get(dut.o.valid), 100, "word") + 1)
            assert ctx.get(dut.o.payload.data) == 5
            await ctx.tick()

    mirror.run(story)
    total = sum(dut.latency.values())
    print("latency", min(waits), "to", max(waits), "stages", total)
    # Two row times in the gearboxes, a marker row, the rows that stand in the elastic buffer.
    assert total <= min(waits) + 2
    assert max(waits) <= total + 3 + ElasticBuffer(lanes=1).delete_level
