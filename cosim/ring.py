"""A ring of two transceivers in the bench: bring their switches to life, cut a fibre, watch.

The controllers in the RTL do all of it themselves; this is the software beside them, which writes
calibration and settings once and asks for a path, and the instruments.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from cocotb.triggers import Timer

from lightloom.cosim.coefficients import PATHS
from lightloom.cosim.host import Host
from lightloom.cosim.kernel.binding import Kernel
from lightloom.cosim.setup import Failover, FailoverSide, Setup
from lightloom.cosim.verilator.traffic import Traffic
from lightloom.rtl.ocs.drive.drive import tick_seconds
from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.drive.model import power_of, thermal_settings
from lightloom.rtl.ocs.ocstrx.sequence import Phase, Reason
from lightloom.rtl.ocs.ocstrx.split import PARTS

FACTOR = 255
"""Overdrive as far as the DAC goes; the drive's heat estimate ends it."""
OVERDRIVE_TAU = 3.0
"""Most time constants of it: a fall to no power, which nothing hastens, is then within 5 %."""
OVERDRIVEN_SETTLE_US = 1.0
"""Wait when the heat estimate says that the goal is reached."""
UP_US = 1.0
"""Debounce to light, so that the bench need not wait for a default made for the field."""
HOLD_OFF_US = 1.0
"""Wait of the guard after a change: its default would have a cut soon after it wait, too."""
SAVE_US = 1.0
"""Interval of saving: the far end of a planned change, which loses the link first, cannot save
then."""
STREAM_BYTES_US = 130
"""Bytes a Gb/s and microsecond that the stream has at hand: some more than it can send."""
LIMIT_US = 400.0
"""Most for one change of path, however slow its heaters and receivers are."""
AFTER_US = 3.0
"""Traffic after the new path carries frames; then as long to drain."""
POLL_US = 0.5


class Clocked(Protocol):
    """What the bench gives."""

    dut: Any
    setup: Setup
    kernel: Kernel
    traffic: Traffic


class Transceivers:
    """Software beside the controllers of both transceivers."""

    def __init__(self, bench: Clocked) -> None:
        """Find the register hosts."""
        setup = bench.setup
        assert setup.controller is not None
        self.bench, self.setup = bench, setup
        self.hosts = (
            Host(bench.dut, "ta", setup.controller),
            Host(bench.dut, "tb", setup.controller),
        )
        self.clock_mhz = setup.design.switch.clock_mhz

    def clocks(self, us: float) -> int:
        """Clocks of the controllers in a time."""
        return min(round(us * self.clock_mhz), 2**32 - 1)

    async def commission(self) -> str | None:
        """Load calibration and settings, take the design's path; returns what went wrong."""
        switch = self.setup.design.switch
        path = PATHS.index(self.setup.design.switch.path)
        for host in self.hosts:
            await self._configure(host)
        if not await self._until(lambda status: status["lit"] >> path & 1):
            return f"no light came over the {PATHS[path]} fibre"
        for host in self.hosts:
            # the heaters are there already, and the lanes come up when the bench lets them
            await host.write("settle", clocks=0)
            await host.write("relock_limit", clocks=2**32 - 1)
            await host.write("command", path=path, go=1)
        if not await self._until(lambda s: s["phase"] >= Phase.RELOCK or s["phase"] == Phase.IDLE):
            return f"a controller did not take the {PATHS[path]} path"
        # only from here on: what the heaters had before the start, the heat estimate did not know
        for host in self.hosts:
            if switch.overdrive:
                await self._overdrive(host)
            else:
                await host.write("settle", clocks=self.clocks(switch.settle_us))
        return None

    async def _configure(self, host: Host) -> None:
        setup, switch = self.setup, self.setup.design.switch
        for item, codes in ((Field.BAR, setup.bar), (Field.CROSS, setup.cross)):
            for cell, code in enumerate(codes):
                await host.write("table_address", cell=cell, item=int(item))
                await host.write("table_data", value=power_of(code, switch.dac_bits))
        await host.write("up", clocks=self.clocks(UP_US))
        await host.write("hold_off", clocks=self.clocks(HOLD_OFF_US))
        await host.write("save_interval", clocks=self.clocks(SAVE_US))
        await host.update("mode", use_sets=int(switch.saved_sets))
        step, inverse = thermal_settings(self.tick_s, self.tau_s)
        await host.write("thermal", step=step, inverse=inverse)

    async def _overdrive(self, host: Host) -> None:
        ticks = round(OVERDRIVE_TAU * self.tau_s / self.tick_s)
        await host.write("overdrive", factor=FACTOR, ticks=min(ticks, 0xFFFF))
        await host.write("settle", clocks=self.clocks(OVERDRIVEN_SETTLE_US))

    @property
    def tau_s(self) -> float:
        """Thermal time constant of the heaters."""
        assert self.setup.model.fabric is not None
        return self.setup.model.fabric.heaters[0].tau_us * 1e-6

    @property
    def tick_s(self) -> float:
        """Tick of the controllers' drives."""
        switch = self.setup.design.switch
        return tick_seconds(len(self.setup.bar), switch.dac_bits, self.clock_mhz)

    async def _until(self, wanted: Any, limit_us: float = LIMIT_US) -> bool:
        """Poll both status registers until `wanted` holds for both."""
        left = limit_us
        while left > 0:
            if all([wanted(await host.read("status")) for host in self.hosts]):
                return True
            await Timer(round(POLL_US * 1e9), "fs")
            left -= POLL_US
        return False

    async def _rest(self, path: int) -> bool:
        """Both at rest on a path, the link up."""
        return await self._until(
            lambda s: s["path"] == path and s["phase"] == Phase.IDLE and s["link_up"]
        )

    async def _visit(self, path: int) -> bool:
        """Have A agree with B on a path and both go there."""
        await self.hosts[0].write("command", path=path, ask=1, go=1)
        return await self._rest(path)

    def _stream(self) -> bytes:
        """More than can be sent while the ring is watched."""
        serdes, run = self.setup.design.serdes, self.setup.design.run
        us = (run.cut_us or 0.0) + 3 * LIMIT_US
        size = int(STREAM_BYTES_US * serdes.lanes * serdes.lane_gbps * us)
        return np.random.default_rng(run.seed + 1).bytes(min(size, (1 << 26) - 1))

    async def fail_over(self, now_us: Any) -> Failover:
        """Cut the primary fibre under traffic, and measure until both ends carry frames again."""
        design, bench = self.setup.design, self.bench
        run = design.run
        assert run.cut_us is not None
        stream = self._stream()
        for side in (0, 1):
            bench.traffic.load(side, stream)
        for host in self.hosts:
            await host.write("relock_limit", clocks=self.clocks(design.serdes.bring_up_timeout_us))
        bench.dut.traffic.value = 1
        why = None
        rested = await self._rest(0)
        await Timer(round(2 * SAVE_US * 1e9), "fs")
        if not rested:
            why = "the link did not rest on the primary path"
        elif design.switch.saved_sets:
            for path in (1, 0):
                if why is None and not await self._visit(path):
                    why = f"the ends did not agree to go to the {PATHS[path]} path"
                await Timer(round(2 * SAVE_US * 1e9), "fs")
        cut = None
        if why is None:
            await Timer(max(1, round(run.cut_us * 1e9)), "fs")
            cut = now_us()
            bench.kernel.cut(0, cut * 1e9, run.cut_place)
            if not await self._rest(1):
                why = "the link did not come up on the backup path"
            await Timer(round(AFTER_US * 1e9), "fs")
        bench.traffic.stop()
        await Timer(round(AFTER_US * 1e9), "fs")
        bench.dut.traffic.value = 0
        sides = [await self._side(side, cut, stream) for side in (0, 1)]
        return Failover(cut_us=cut, failed=why, sides=(sides[0], sides[1]))

    async def _side(self, side: int, cut: float | None, stream: bytes) -> FailoverSide:
        host, got = self.hosts[side], self.bench.traffic.received(side)
        split = {name: await self._us(host, f"split.{name}") for name in (*PARTS, "total")}
        status = await host.read("status")
        arrived = np.sort(self.bench.traffic.arrivals_us(side))
        outage = None
        if cut is not None and len(arrived) and arrived[0] < cut < arrived[-1]:
            # the frames under way at the cut still arrive
            gaps = np.diff(arrived)
            after = np.flatnonzero(arrived[1:] > cut)
            outage = float(gaps[after].max())
        return FailoverSide(
            name="AB"[side],
            path=(*PATHS, "loopback")[status["path"]],
            reason=Reason(status["reason"]).name,
            split_us=split if cut is not None else {},
            frames_sent=got.sent,
            frames_good=got.good,
            frames_errored=got.errored,
            frames_malformed=got.malformed,
            frames_duplicated=got.duplicated,
            frames_reordered=got.reordered,
            bytes_wrong=got.wrong_bytes(stream),
            outage_us=outage,
        )

    async def _us(self, host: Host, name: str) -> float:
        return (await host.read(name))["clocks"] / self.clock_mhz
