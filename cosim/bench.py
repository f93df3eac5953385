"""The cocotb test that runs one link: switch, bring-up, bit errors, payload.

It awaits events and talks to registers; no part of it runs each clock. `LIGHTLOOM_SETUP` names the
`Setup` file; the outcome, the received file and the waveforms are written beside it.
"""

from __future__ import annotations

import ctypes
import enum
import json
import os
import time
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import First, RisingEdge, Timer, ValueChange
from cocotb.utils import get_sim_time

from lightloom.cosim import eye
from lightloom.cosim.coefficients import build as build_coefficients
from lightloom.cosim.host import Host
from lightloom.cosim.kernel.binding import Kernel
from lightloom.cosim.ring import Transceivers
from lightloom.cosim.setup import (
    Change,
    Digests,
    Failover,
    LaneCodewords,
    LaneErrors,
    LaneState,
    Outcome,
    Setup,
    Side,
    Switching,
)
from lightloom.cosim.verilator.traffic import FRAME_BYTES, Traffic
from lightloom.rtl.link.bring_up import FailReason, State
from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.drive.model import code as code_of
from lightloom.rtl.ocs.drive.model import power_of
from lightloom.rtl.ocs.guard import Path as SwitchPath
from lightloom.rtl.ocs.requests import Reason

POLL_US = 1.0
"""Interval at which the fabric's state is recorded while it moves."""


EYE_WORDS = 32
"""Words of each lane that are kept for the eye diagram."""
SLICES = 64
"""Parts of the error count after which phases are looked at."""


def progress(text: str, **figures: float) -> None:
    """Tell the process outside; it reads these lines from the log."""
    print("@" + json.dumps({"text": text, "time_us": now_us(), **figures}), flush=True)


def now_us() -> float:
    """Simulated time."""
    return float(get_sim_time("fs")) * 1e-9


class Bench:
    """One link in one simulation."""

    def __init__(self, dut: Any, setup: Setup, directory: Path) -> None:
        """Bring the kernel and the traffic to their start."""
        self.dut, self.setup, self.directory = dut, setup, directory
        design = setup.design
        self.lanes = design.serdes.lanes
        self.word_ns = design.serdes.symbols_per_clock / design.serdes.baud_gbd
        self.kernel = Kernel(
            Path(setup.kernel), build_coefficients(design, setup.model, setup.other)
        )
        self.kernel.select()
        self.payload = Path(setup.payload).read_bytes()
        if setup.fixed:
            self.kernel.set_heaters(setup.fixed, -1e15)
        self.word_bytes = int(setup.serdes.parameters["word_bytes"])
        self.word_bits = design.serdes.symbols_per_clock * design.serdes.bits_per_symbol
        self.has_fec = design.serdes.fec is not None
        self.traffic = self._payload_traffic()
        self.hosts = (Host(dut, "a", setup.serdes), Host(dut, "b", setup.serdes))
        self.changes: list[Change] = []
        self.errors: list[tuple[LaneErrors, ...]] = [(), ()]
        self.lock_us: list[float | None] = [None, None]
        self.switching: Switching | None = None
        self.failover: Failover | None = None
        self.transceivers = Transceivers(self) if design.ring else None

    def _payload_traffic(self) -> Traffic:
        traffic = Traffic(ctypes.CDLL(None), word_bytes=self.word_bytes)
        for side in (0, 1):
            traffic.load(side, self.payload)
        return traffic

    # -- clocks ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every clock and record states from now on."""
        design, dut = self.setup.design, self.dut
        period = self.word_ns * 1e6
        dut.period_a_fs.value = period
        dut.period_b_fs.value = period / (1 + design.serdes.rate_offset_ppm * 1e-6)
        dut.period_ocs_fs.value = 1e9 / design.switch.clock_mhz
        dut.run.value = 1
        for name, signal in (("A", dut.state_a), ("B", dut.state_b)):
            cocotb.start_soon(self._record(f"{name} bring-up", signal, State))
        if design.ring:
            for name, signal in (("A", dut.path_a), ("B", dut.path_b)):
                cocotb.start_soon(self._record(f"{name} path", signal, SwitchPath))

    async def _record(self, track: str, signal: Any, names: type[enum.Enum]) -> None:
        while True:
            value = signal.value
            state = names(int(value)).name if value.is_resolvable else "RESET"
            self.changes.append(Change(track=track, time_us=now_us(), state=state))
            await ValueChange(signal)

    async def within(self, limit_us: float, *signals: Any) -> bool:
        """Wait until every one of `signals` is high; False when `limit_us` passes first."""
        end = now_us() + limit_us
        for signal in signals:
            while not int(signal.value):
                left = end - now_us()
                if left <= 0:
                    return False
                await First(RisingEdge(signal), Timer(max(1, round(left * 1e9)), "fs"))
        return True

    # -- switch ---------------------------------------------------------------------------------

    async def switch(self) -> str | None:
        """Load calibration and permutation, commit, wait until settled; returns a refusal."""
        setup, dut = self.setup, self.dut
        if setup.controller is None:
            return None
        design = setup.design.switch
        await Timer(1, "us")
        if self.transceivers is not None:
            progress("switches: calibration and path")
            return await self.transceivers.commission()
        host = Host(dut, "o", setup.controller)
        for side in self.hosts:
            # no bring-up through light that is still on its way to another port
            await side.update("control", enable=0)
        for item, codes in ((Field.BAR, setup.bar), (Field.CROSS, setup.cross)):
            await host.write("table_address", cell=0, item=int(item))
            for code in codes:
                await host.write("table_data", value=power_of(code, design.dac_bits))
        for port, output in enumerate(setup.destinations):
            await host.write(f"destination[{port}]", output_port=output, connected=1)
        await host.write("settle_cycles", value=round(design.settle_us * design.clock_mhz))
        progress("switch: commit")
        commit = now_us()
        times, losses = [commit], [self._losses()]
        await host.write("control", commit=1)
        limit = commit + design.settle_us + 50.0
        refused = None
        while True:
            await Timer(round(POLL_US * 1e9), "fs")
            times.append(now_us())
            losses.append(self._losses())
            if int(dut.ocs_error.value):
                status = await host.read("status")
                reason = Reason(status["reason"]).name
                refused = f"the controller refused the permutation, reason {reason}"
                break
            if int(dut.ocs_done.value):
                break
            if now_us() > limit:
                refused = "the controller did not report done"
                break
        states, codes = await self._read_states(host)
        self.switching = Switching(
            states=states,
            codes=codes,
            commit_us=commit,
            done_us=now_us(),
            time_us=tuple(times),
            loss_db=tuple(losses),
            refused=refused,
        )
        return refused

    def _losses(self) -> tuple[float, ...]:
        matrix = self.kernel.fabric_matrix()
        power = np.abs(matrix) ** 2
        return tuple(
            float(-10 * np.log10(max(power[output, port], 1e-12)))
            for port, output in enumerate(self.setup.destinations[: self.lanes])
        )

    async def _read_states(self, host: Host) -> tuple[tuple[int, ...], tuple[int, ...]]:
        states: list[int] = []
        cells = len(self.setup.bar)
        for word in range(-(-cells // 32)):
            value = (await host.read(f"state[{word}]"))["cross"]
            states += [value >> bit & 1 for bit in range(min(32, cells - 32 * word))]
        bits = self.setup.design.switch.dac_bits
        codes = [
            code_of(power_of(cross if state else bar, bits), bits)
            for state, bar, cross in zip(states, self.setup.bar, self.setup.cross, strict=True)
        ]
        return tuple(states), tuple(codes)

    # -- link -----------------------------------------------------------------------------------

    async def prepare(self, *, prbs: bool) -> None:
        """Enable both sides, sending the test pattern or frames."""
        for host in self.hosts:
            await host.update("control", enable=0, prbs=int(prbs), freeze_eq=0)
        await Timer(1, "us")
        for host in self.hosts:
            await host.update("control", enable=1)

    async def count_errors(self) -> None:
        """Count bit errors of the PRBS31 checkers of all lanes of both sides."""
        design = self.setup.design
        if not design.run.ber_bits:
            return
        await self.prepare(prbs=True)
        limit = now_us() + design.serdes.bring_up_timeout_us
        for signal in (self.dut.state_a, self.dut.state_b):
            while int(signal.value) != State.TEST and now_us() < limit:
                left = max(1, round((limit - now_us()) * 1e9))
                await First(ValueChange(signal), Timer(left, "fs"))
        # the equalizer stands still while bits are counted, so that the count belongs to one
        for host in self.hosts:
            await host.update("control", freeze_eq=1, clear=1)
        words = -(-design.run.ber_bits // (self.lanes * self.word_bits))
        instants: dict[tuple[int, int], list[float]] = {}
        for part in range(SLICES):
            await Timer(max(1, round(words * self.word_ns * 1e6 / SLICES)), "fs")
            progress("bit errors", fraction=(part + 1) / SLICES)
            for side in (0, 1):
                for lane in range(self.lanes):
                    instant = self.kernel.instant(1 - side, lane) % 1.0
                    instants.setdefault((side, lane), []).append(instant)
        for side, host in enumerate(self.hosts):
            found = []
            for lane in range(self.lanes):
                taps, dfe, levels = await self._receiver(host, lane)
                status = await host.read(f"lane[{lane}].status")
                checked = (await host.read(f"lane[{lane}].prbs_words"))["value"]
                checked += (await host.read(f"lane[{lane}].prbs_words_high"))["value"] << 32
                errors = (await host.read(f"lane[{lane}].prbs_errors"))["value"]
                found.append(
                    LaneErrors(
                        lane=lane,
                        locked=bool(status["prbs_locked"]),
                        bits=checked * self.word_bits,
                        errors=errors,
                        taps=taps,
                        dfe=dfe,
                        levels=levels,
                        instants_ui=tuple(instants[side, lane]),
                    )
                )
            self.errors[side] = tuple(found)

    async def bring_up(self) -> bool:
        """Bring both sides up from light alone, within the design's limit."""
        start = now_us()
        await self.prepare(prbs=False)
        enabled = now_us()
        progress("bring-up: started")
        limit = self.setup.design.serdes.bring_up_timeout_us
        rises = [
            cocotb.start_soon(self._first_up(side, signal, enabled))
            for side, signal in enumerate((self.dut.up_a, self.dut.up_b))
        ]
        up = await self.within(limit + enabled - start, self.dut.both_up)
        for task in rises:
            if up:
                await task
            elif not task.done():
                task.cancel()
        progress("bring-up: " + ("up" if up else "did not come up"))
        return up

    async def _first_up(self, side: int, signal: Any, since: float) -> None:
        while not int(signal.value):
            await RisingEdge(signal)
        self.lock_us[side] = now_us() - since

    async def check_routes(self) -> str | None:
        """Compare the lane numbers received with the permutation; take a misrouted link down.

        Lanes carry their number, so the link itself comes up whatever way the light takes; only
        the host knows where it should have gone.
        """
        wrong = []
        for source, output in enumerate(self.setup.destinations[: self.lanes]):
            for side, here, there in ((1, output, source), (0, source, output)):
                status = await self.hosts[side].read(f"lane[{here}].status")
                if status["lane_id"] != there:
                    wrong.append(
                        f"lane {here} of {'AB'[side]} hears lane {status['lane_id']}, not {there}"
                    )
        if not wrong:
            return None
        for host in self.hosts:
            await host.update("control", enable=0)
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return wrong[0] + more

    async def carry(self) -> None:
        """Send the payload both ways until it has arrived or can no longer."""
        if self.has_fec:
            # codewords of the link that is up, not of its training
            for host in self.hosts:
                await host.update("control", clear=1)
        self.dut.traffic.value = 1
        serdes = self.setup.design.serdes
        row = 8 * self.word_bytes / (self.lanes * serdes.lane_gbps * serdes.code_rate)
        rows = len(self.payload) / self.word_bytes * 1.3 + 200
        limit = rows * row * 1e-3 + 20.0
        begin = now_us()
        frames = max(1, -(-len(self.payload) // FRAME_BYTES))
        while not int(self.dut.both_received.value) and now_us() - begin < limit:
            await self.within(min(limit / 10, 5.0), self.dut.both_received)
            done = sum(self.traffic.received(side).good for side in (0, 1))
            progress(f"payload: {done} of {2 * frames} frames", fraction=done / (2 * frames))
            # a link that fell and stays down would only run out the clock
            if not int(self.dut.both_up.value) and not await self.within(20.0, self.dut.both_up):
                break

    async def cut(self) -> None:
        """Cut a fibre of the ring under traffic of its own, where the design asks for it."""
        if self.transceivers is None or self.setup.design.run.cut_us is None:
            return
        progress("fibre cut: traffic on both paths")
        self.failover = await self.transceivers.fail_over(now_us)
        self.traffic = self._payload_traffic()

    # -- results --------------------------------------------------------------------------------

    async def _side(self, side: int) -> Side:
        host, got = self.hosts[side], self.traffic.received(side)
        status = await host.read("status")
        lanes = []
        for lane in range(self.lanes):
            state = await host.read(f"lane[{lane}].status")
            phase = await host.read(f"lane[{lane}].phase")
            level = await host.read(f"lane[{lane}].level")
            taps, dfe, levels = await self._receiver(host, lane)
            lanes.append(
                LaneState(
                    lane=lane,
                    lane_id=state["lane_id"],
                    skew=state["skew"],
                    phase=phase["code"],
                    frequency=_signed(phase["frequency"], 16),
                    level=level["level"],
                    dfe=dfe,
                    taps=taps,
                    levels=levels,
                )
            )
        counters = {
            register.name.removeprefix("counter."): (await host.read(register.name))["value"]
            for register in self.setup.serdes.registers
            if register.name.startswith("counter.")
        }
        codewords, histogram = await self._codewords(host) if self.has_fec else ((), ())
        data = got.data
        wrong = None
        if data is not None:
            sent = np.frombuffer(self.payload, np.uint8)
            back = np.frombuffer(data, np.uint8)
            common = min(len(sent), len(back))
            wrong = int((sent[:common] != back[:common]).sum()) + abs(len(sent) - len(back))
        latency = got.latency_ns
        return Side(
            name="AB"[side],
            up=bool(status["up"]),
            state=State(status["state"]).name,
            fail_reason=FailReason(status["fail_reason"]).name,
            errors=self.errors[side],
            lanes=tuple(lanes),
            counters=counters,
            lock_time_us=self.lock_us[side],
            frames_sent=got.sent,
            frames_good=got.good,
            frames_errored=got.errored,
            frames_malformed=got.malformed,
            bytes_received=None if data is None else len(data),
            byte_errors=wrong,
            bytes_wrong=None if data is None else got.wrong_bytes(self.payload),
            codewords=codewords,
            fec_histogram=histogram,
            latency_ns_min=float(latency.min()) if len(latency) else None,
            latency_ns_max=float(latency.max()) if len(latency) else None,
        )

    async def _receiver(
        self, host: Host, lane: int
    ) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
        """Side taps, feedback tap and, for PAM4, levels of a lane."""
        serdes, at = self.setup.design.serdes, f"lane[{lane}]"
        taps: list[int] = []
        for name in ("equalizer", "equalizer_4", "equalizer_8", "equalizer_12"):
            if not taps or len(taps) < serdes.rx_ffe_taps - 1:
                taps += (await host.read(f"{at}.{name}")).values()
        dfe = (await host.read(f"{at}.level"))["dfe"]
        levels: list[int] = []
        if serdes.modulation == "pam4":
            for name in ("levels", "levels_high"):
                levels += (await host.read(f"{at}.{name}")).values()
        return (
            tuple(_signed(tap, 8) for tap in taps),
            _signed(dfe, 12),
            tuple(_signed(level, 16) for level in levels),
        )

    async def _codewords(self, host: Host) -> tuple[tuple[LaneCodewords, ...], tuple[int, ...]]:
        lanes = []
        for lane in range(self.lanes):
            counts = {
                name: (await host.read(f"lane[{lane}].fec_{name}"))["value"]
                for name in ("corrected", "uncorrectable", "symbol_errors")
            }
            lanes.append(LaneCodewords(lane=lane, **counts))
        histogram = [
            (await host.read(register.name))["value"]
            for register in self.setup.serdes.registers
            if register.name.startswith("fec_histogram")
        ]
        return tuple(lanes), tuple(histogram)

    async def finish(self, up: bool, misrouted: str | None, cpu_s: float) -> None:
        """Read the registers, write the outcome and what was received."""
        digests = self.kernel.digests()
        sides = (await self._side(0), await self._side(1))
        words = int(self.dut.words_a.value) + int(self.dut.words_b.value)
        outcome = Outcome(
            sides=sides,
            switching=self.switching,
            failover=self.failover,
            changes=tuple(self.changes),
            end_us=now_us(),
            line_bits=words * self.lanes * self.word_bits,
            cpu_s=cpu_s,
            up=up,
            digests=tuple(Digests(sent=each.sent, received=each.received) for each in digests),
            misrouted=misrouted,
        )
        outcome.write(self.directory / "outcome.json")
        for side, name in ((1, "received.bin"), (0, "received_by_a.bin")):
            data = self.traffic.received(side).data
            if data is not None:
                (self.directory / name).write_bytes(data)
        eye.capture(self.kernel, words=EYE_WORDS).save(self.directory / "eye.npz")


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


@cocotb.test()
async def link(dut: Any) -> None:
    """Run the link of `LIGHTLOOM_SETUP`."""
    path = Path(os.environ["LIGHTLOOM_SETUP"])
    bench = Bench(dut, Setup.read(path), path.parent)
    begin = time.process_time()
    bench.start()
    refused = await bench.switch()
    up, misrouted = False, None
    if refused is None:
        await bench.count_errors()
        up = await bench.bring_up()
        if up:
            misrouted = await bench.check_routes()
            up = misrouted is None
        if up:
            await bench.cut()
            await bench.carry()
    await bench.finish(up, misrouted, time.process_time() - begin)
