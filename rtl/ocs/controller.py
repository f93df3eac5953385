"""Controller of an optical circuit switch: from requests in registers to heater codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amaranth import Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl import verilog
from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.ocs.commit import Commit
from lightloom.rtl.ocs.drive.drive import Drive, depth
from lightloom.rtl.ocs.drive.goal import MAX_NEIGHBOURS, cell_bits
from lightloom.rtl.ocs.light import LightMonitor
from lightloom.rtl.ocs.lock.locks import Locks
from lightloom.rtl.ocs.lock.probe import TAPS
from lightloom.rtl.ocs.map_power import MapPower
from lightloom.rtl.ocs.registers import ADDR_WIDTH, LOCK_FIELDS, LOCK_STATUS, TRIM, registers
from lightloom.rtl.ocs.requests import Reason, Requests
from lightloom.rtl.ocs.route import TOPOLOGIES, router
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = ["Controller", "generate"]

NO_BUDGET = 2**32 - 1
_REASONS = len(Reason) - 1


class Controller(wiring.Component):
    """Keeps a request table, routes it at a commit, and drives the heaters to the new map.

    `Requests` holds the table and refuses what no map can have. `Commit` makes it the active map at
    one edge: with the routes that stay undisturbed when a routing exists that keeps them, anew only
    otherwise; it rolls back, aborts and parks. `Drive` turns states into codes, all at one edge a
    tick, within the budget, and parks by its watchdog, which parks the map too. Calibration is
    written to tables: the address once, then the data of one cell after the other.

    With `monitors`, `Locks` keeps the cells at their nulls by the taps and sweeps single cells for
    their calibration, and `LightMonitor` tells which inputs have light. While the lock is enabled
    or a sweep runs, trims are theirs: software that writes some too may lose one.

    What is refused changes nothing but `status.reason`, its counters and its event; the next
    accepted commit or rollback clears the reason, as does a connect or disconnect.

    Latency: `cell_states` change some clocks after the commit, see `Commit` and the router;
    `dac_codes` follow within two ticks, see `Drive`. `busy` is high from the clock after the commit
    to the end of the drive's settling. After reset the fabric is parked, nothing is
    connected, calibration is not set, and `settle_cycles` holds `settle_us`.

    Parameters
    ----------
    ports : int
        As `router` takes for the topology.
    dac_bits : int
        Bits of a heater DAC code, 1 to 16.
    clock_mhz : float
        Clock of domain `sync`, above 0 to 10000; sets the reset value of `settle_cycles` only.
    topology : str
        One of `TOPOLOGIES`.
    settle_us : float
        Time for the heaters to settle, 0 or more, at most 2**32 - 1 cycles.
    neighbours : int
        Terms of thermal crosstalk a cell, 0 to 16.
    monitors : bool
        The chip has taps at the outputs of every cell and light detectors at its inputs.
    root : bool
        Codes are voltages of a DAC; False: they are powers, for PWM or sigma-delta.

    Members
    -------
    csr : axi_lite.Signature(addr_width=16, data_width=32), in
        Registers, described in `ocs.rdl`.
    dac_codes : cells * dac_bits bits, out
        Code of each heater, cell 0 lowest, in the order of `lightloom.spec.fabrics`. Registered.
    cell_states : cells bits, out
        States of the active map, 1 = cross; 0 when parked. Registered.
    busy : 1 bit, out
        Routing or settling.
    done : 1 bit, out
        The active map has settled; low while busy and while parked.
    error : 1 bit, out
        The last command was refused.
    interrupt : 1 bit, out
        An event is set that is not masked.
    fault : 1 bit, in
        What is behind the codes failed: the fabric is parked from the next clock on, as by the
        watchdog, and commits and rollbacks are refused until it is low.
    held : 1 bit, out
        The codes are held at 0.
    light : ports bits, in, with `monitors`, as all that follow
        1 = light at the input; in this clock domain.
    sample_valid, sample_channel, sample_value : 1 bit, 1 more than a cell number's, 12 bits, in
        A sample of a tap: 2 * cell is the upper output, 2 * cell + 1 the lower.
    channel : as sample_channel, out
        The tap that is wanted next.
    pilot_on, pilot_source, pilot_level : 1 bit, bits of an input number, 1 bit, out
        Pilot on the light of one input.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    csr: axi_lite.Interface
    dac_codes: Signal
    cell_states: Signal
    busy: Signal
    done: Signal
    error: Signal
    interrupt: Signal
    fault: Signal
    held: Signal
    light: Signal

    def __init__(
        self,
        ports: int,
        dac_bits: int,
        clock_mhz: float,
        *,
        topology: str = "benes",
        settle_us: float = 60.0,
        neighbours: int = 8,
        monitors: bool = False,
        root: bool = True,
    ) -> None:
        """Check the parameters, load the register description and make the ports."""
        if topology not in TOPOLOGIES:
            raise ValueError(f"topology = {topology!r}; allowed: {', '.join(TOPOLOGIES)}")
        self._router = router(topology, ports)
        if not isinstance(dac_bits, int) or not 1 <= dac_bits <= 16:
            raise ValueError(f"dac_bits = {dac_bits!r}; an integer from 1 to 16")
        if not 0 < clock_mhz <= 10000:
            raise ValueError(f"clock_mhz = {clock_mhz!r}; above 0, at most 10000")
        if not 0 <= settle_us * clock_mhz < 2**32 - 0.5:
            raise ValueError(f"settle_us = {settle_us!r}; 0 to {(2**32 - 1) / clock_mhz:g}")
        if not isinstance(neighbours, int) or not 0 <= neighbours <= MAX_NEIGHBOURS:
            raise ValueError(f"neighbours = {neighbours!r}; an integer from 0 to {MAX_NEIGHBOURS}")
        self.ports = ports
        self.dac_bits = dac_bits
        self.clock_mhz = clock_mhz
        self.topology = topology
        self.settle_us = settle_us
        self.neighbours = neighbours
        self.monitors = monitors
        self.root = root
        self._locks = Locks(topology, ports) if monitors else None
        self._commit = Commit(topology, ports)
        self.cells = self._commit.cells
        self.description = registers(
            ports,
            dac_bits,
            clock_mhz,
            topology=topology,
            settle_us=settle_us,
            neighbours=neighbours,
            monitors=monitors,
        )
        taps: dict[str, Any] = {}
        if self._locks is not None:
            members = dict(self._locks.signature.members)
            taps = {"light": In(ports)} | {name: members[name] for name in TAPS}
        super().__init__(
            {
                "csr": In(axi_lite.Signature(addr_width=ADDR_WIDTH)),
                "dac_codes": Out(self.cells * dac_bits),
                "cell_states": Out(self.cells),
                "busy": Out(1),
                "done": Out(1),
                "error": Out(1),
                "interrupt": Out(1),
                "fault": In(1),
                "held": Out(1),
                **taps,
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the registers and connect the parts."""
        m = Module()
        m.submodules.bank = bank = Bank(self.description, addr_width=ADDR_WIDTH)
        wiring.connect(m, wiring.flipped(self.csr), bank.bus)
        m.submodules.requests = requests = Requests(self.ports)
        m.submodules.commit = commit = self._commit
        m.submodules.router = ResetInserter(commit.route_drop)(self._router)
        m.submodules.budget = budget = MapPower(self.cells)
        m.submodules.drive = drive = Drive(
            self.cells,
            self.dac_bits,
            self.clock_mhz,
            neighbours=self.neighbours,
            root=self.root,
        )
        field = bank.signal

        self._requests(m, bank, requests)
        for name in ("commit", "park", "abort", "rollback"):
            m.d.comb += getattr(commit, name).eq(field(f"control.{name}"))
        for name in ("stuck_bar", "stuck_cross", "unusable"):
            m.d.comb += getattr(commit, name).eq(self._words(bank, name))
        m.d.comb += [
            commit.watchdog.eq(drive.watchdog_expired | self.fault),
            commit.destinations.eq(requests.destinations),
            commit.valid.eq(requests.valid),
            commit.settled.eq(drive.settled),
            self._router.start.eq(commit.route_start),
            commit.route_states.eq(self._router.states),
            commit.budget_on.eq(field("budget.value") != NO_BUDGET),
            commit.budget_done.eq(budget.done),
            commit.budget_over.eq(budget.over),
            budget.start.eq(commit.budget_start),
            budget.states.eq(commit.route_states),
            budget.limit.eq(field("budget.value")),
            drive.states.eq(commit.states),
            drive.change.eq(commit.change),
            drive.parked.eq(commit.parked),
            drive.budget.eq(field("budget.value")),
            drive.overdrive_factor.eq(field("overdrive.factor")),
            drive.overdrive_ticks.eq(field("overdrive.ticks")),
            drive.thermal_step.eq(field("thermal.step")),
            drive.thermal_inverse.eq(field("thermal.inverse")),
            drive.slew.eq(Mux(field("slew.value")[self.dac_bits :].any(), ~0, field("slew.value"))),
            drive.tick_clocks.eq(field("tick_cycles.value")),
            drive.settle_clocks.eq(field("settle_cycles.value")),
            drive.watchdog_clocks.eq(field("watchdog_cycles.value")),
            drive.watchdog_kick.eq(field("control.kick")),
            drive.watchdog_release.eq(field("control.release")),
            self.dac_codes.eq(drive.codes),
            self.held.eq(drive.held),
            self.cell_states.eq(commit.states),
            self.busy.eq(commit.busy),
            self.done.eq(commit.done),
        ]
        # The router's answer comes late in its clock; its states stay while it is asked.
        done = Signal()
        failed = Signal()
        why = Signal(Reason)
        m.d.sync += [
            done.eq(self._router.done & ~commit.route_drop),
            failed.eq(self._router.failed & ~commit.route_drop),
            why.eq(Value.cast(self._router.reason)),
        ]
        m.d.comb += [
            commit.route_done.eq(done),
            commit.route_failed.eq(failed),
            commit.route_reason.eq(why),
        ]
        for name in ("destinations", "active", "fixed", "value", "unusable", "prefer"):
            m.d.comb += getattr(self._router, name).eq(getattr(commit, f"route_{name}"))
        self._tables(m, bank, drive, budget)
        more = self._monitors(m, bank, commit, drive, self._locks) if self._locks else {}
        self._status(m, bank, requests, commit, drive, budget, more)
        return m

    def _requests(self, m: Module, bank: Bank, requests: Requests) -> None:
        """Writes reach the table a clock after the bank took them, as their values do."""
        for name in ("connect", "disconnect", "input_port", "output_port"):
            m.d.comb += getattr(requests, name).eq(bank.signal(f"command.{name}"))
        for i in range(self.ports):
            at = f"destination[{i}]"
            m.d.sync += requests.write[i].eq(bank.signal(f"{at}.output_port_swacc"))
            m.d.comb += [
                requests.outputs.word_select(i, 8).eq(bank.signal(f"{at}.output_port")),
                requests.connected[i].eq(bank.signal(f"{at}.connected")),
            ]

    def _words(self, bank: Bank, name: str) -> Value:
        words = -(-self.cells // 32)
        whole = Cat(bank.signal(f"{name}[{word}].cells") for word in range(words))
        return whole[: self.cells]

    def _tables(self, m: Module, bank: Bank, drive: Drive, budget: MapPower) -> None:
        """One write a data word, to the cell that the address has counted to."""
        cell = Signal(16)
        addressed = Signal()
        written = Signal()
        beyond = Signal()
        item = bank.signal("table_address.item")
        data = bank.signal("table_data.value")
        m.d.sync += [
            addressed.eq(bank.signal("table_address.cell_swacc")),
            written.eq(bank.signal("table_data.value_swacc")),
        ]
        with m.If(addressed):
            m.d.sync += cell.eq(bank.signal("table_address.cell"))
        with m.Elif(written):
            m.d.sync += cell.eq(cell + 1)
        m.d.comb += beyond.eq(cell >= self.cells)
        for part in (drive, budget):
            m.d.comb += [
                part.table_write.eq(written & ~beyond & (item != TRIM)),
                part.table_cell.eq(cell[: cell_bits(self.cells)]),
                part.table_field.eq(item),
                part.table_data.eq(data),
            ]
        m.d.comb += [
            drive.trim_write.eq(written & ~beyond & (item == TRIM)),
            drive.trim_cell.eq(cell[: cell_bits(self.cells)]),
            drive.trim_value.eq(data[:16].as_signed()),
        ]

    def _monitors(
        self, m: Module, bank: Bank, commit: Commit, drive: Drive, locks: Locks
    ) -> dict[str, Value]:
        """Lock, sweeps and light; returns their events."""
        m.submodules.locks = locks
        field = bank.signal
        lock: dict[str, Signal] = {name: getattr(locks, name) for name in locks.signature.members}
        inputs: dict[str, Value] = {
            "settled": drive.settled,
            "change": commit.change,
            "states": commit.states,
        }
        for name, path in LOCK_FIELDS.items():
            inputs[name] = field(path)
        for name, value in inputs.items():
            m.d.comb += lock[name].eq(value)
        for name in TAPS:
            mine, theirs = getattr(self, name), lock[name]
            m.d.comb += theirs.eq(mine) if name.startswith("sample") else mine.eq(theirs)
        for name in ("dither_on", "dither_cell", "dither_value"):
            m.d.comb += getattr(drive, name).eq(lock[name])
        with m.If(lock["trim_write"]):
            for name in ("trim_write", "trim_cell", "trim_value"):
                m.d.comb += getattr(drive, name).eq(lock[name])

        lit = Signal(self.ports)
        was = Signal(self.ports)
        for i in range(self.ports):
            m.submodules[f"light_{i}"] = monitor = LightMonitor(1)
            m.d.comb += [
                monitor.light.eq(self.light[i]),
                monitor.votes.eq(1),
                monitor.down.eq(field("light_debounce.down")),
                monitor.up.eq(field("light_debounce.up")),
                lit[i].eq(monitor.lit),
            ]
        m.d.sync += was.eq(lit)
        m.d.comb += lock["light"].eq(lit)
        for word in range(-(-self.ports // 32)):
            m.d.comb += field(f"light[{word}].lit").eq(lit[32 * word : 32 * word + 32])

        rounds = Signal(16)
        m.d.sync += rounds.eq(rounds + lock["round"])
        m.d.comb += field("lock_status.rounds").eq(rounds)
        for path, name in LOCK_STATUS.items():
            m.d.comb += field(path).eq(lock[name])
        for name in ("error", "held", "limited", "cell"):
            last = Signal(len(field(f"lock_cell.{name}")), name=f"last_{name}")
            with m.If(lock["visited"]):
                m.d.sync += last.eq(lock["visited_cell" if name == "cell" else name])
            m.d.comb += field(f"lock_cell.{name}").eq(last)
        return {
            "light_lost": (was & ~lit & commit.map_valid).any(),
            "sweep_done": lock["sweep_done"],
        }

    def _status(
        self,
        m: Module,
        bank: Bank,
        requests: Requests,
        commit: Commit,
        drive: Drive,
        budget: MapPower,
        more: dict[str, Value],
    ) -> None:
        """Reason, counters, events and what is read."""
        field = bank.signal
        reason = Signal(Reason)
        refusal = Signal(Reason)
        commanded = Signal()
        m.d.comb += refusal.eq(commit.refusal)
        with m.If((commit.refusal == Reason.WATCHDOG) & ~drive.watchdog_expired):
            m.d.comb += refusal.eq(Reason.FAULT)
        m.d.sync += commanded.eq(field("command.connect") | field("command.disconnect"))
        with m.If(requests.refused):
            m.d.sync += reason.eq(requests.reason)
        with m.Elif(commit.refused):
            m.d.sync += reason.eq(refusal)
        with m.Elif(commit.accepted | commanded):
            m.d.sync += reason.eq(Reason.NONE)
        m.d.comb += self.error.eq(reason != Reason.NONE)
        for number in range(_REASONS):
            count = Signal(16, name=f"refusals_{number}")
            here = (requests.refused & (requests.reason == number + 1)) | (
                commit.refused & (refusal == number + 1)
            )
            m.d.sync += count.eq(count + (here & (count != 0xFFFF)))
            m.d.comb += field(f"refusals[{number}].value").eq(count)

        was = Signal(5, init=0b00010)
        counted = Signal()
        m.d.sync += was.eq(
            Cat(commit.busy, commit.parked, drive.watchdog_expired, commit.counting, self.fault)
        )
        m.d.comb += counted.eq(was[3] & ~commit.counting)
        events = {
            "settled": was[0] & ~commit.busy & drive.settled,
            "refused": requests.refused | commit.refused,
            "parked": commit.parked & ~was[1],
            "rearranged": commit.applied & commit.rearranged,
            "over_budget": drive.over_budget & drive.tick,
            "watchdog": drive.watchdog_expired & ~was[2],
            "light_lost": Const(0, 1),
            "sweep_done": Const(0, 1),
            **more,
            "fault": self.fault & ~was[4],
        }
        pending = Signal(len(events))
        for number, (name, event) in enumerate(events.items()):
            with m.If(event):
                m.d.sync += pending[number].eq(1)
            with m.Elif(field(f"interrupt_clear.{name}")):
                m.d.sync += pending[number].eq(0)
            m.d.comb += field(f"interrupt.{name}").eq(pending[number])
        m.d.sync += self.interrupt.eq((pending & field("interrupt_mask.value")).any())

        counts: dict[str, Value] = {
            "commits": commit.applied,
            "refused": requests.refused + commit.refused,
            "aborted": commit.aborted,
            "rearrangements": events["rearranged"],
            "moved": Mux(counted, commit.moved, 0),
        }
        for name, added in counts.items():
            total = Signal(32, name=f"total_{name}")
            m.d.sync += total.eq(total + added)
            m.d.comb += field(f"{name}.value").eq(total)
        shown: dict[str, Value] = {
            "status.busy": commit.busy,
            "status.done": commit.done,
            "status.error": self.error,
            "status.parked": commit.parked,
            "status.reason": reason,
            "status.rearranged": commit.rearranged,
            "status.reversible": commit.reversible,
            "status.watchdog": drive.watchdog_expired,
            "status.over_budget": drive.over_budget,
            "status.settled": drive.settled,
            "status.fault": self.fault,
            "route_cycles.value": commit.elapsed,
            "change.moved": commit.moved,
            "change.disturbed": commit.disturbed,
            "map_power.value": budget.power,
            "drive_power.value": drive.power,
        }
        bits = requests.bits
        for i in range(self.ports):
            shown |= {
                f"route[{i}].wanted": requests.destinations.word_select(i, bits),
                f"route[{i}].connected": requests.valid[i],
                f"route[{i}].active": commit.map_destinations.word_select(i, bits),
                f"route[{i}].valid": commit.map_valid[i],
            }
        for word in range(-(-self.cells // 32)):
            shown[f"state[{word}].cross"] = commit.states[32 * word : 32 * word + 32]
        m.d.comb += [field(path).eq(value) for path, value in shown.items()]


def generate(
    ports: int,
    dac_bits: int,
    clock_mhz: float,
    directory: Path,
    *,
    topology: str = "benes",
    settle_us: float = 60.0,
    neighbours: int = 8,
    monitors: bool = False,
) -> RtlManifest:
    """Write the controller as `ocs_controller.v` with its manifest into `directory`.

    The stages of `latency_cycles`: `drive`, most clocks from new states to new codes.

    Raises
    ------
    ValueError
        As `Controller`.
    """
    options = {"topology": topology, "settle_us": settle_us, "neighbours": neighbours}
    controller = Controller(ports, dac_bits, clock_mhz, monitors=monitors, **options)
    return verilog.emit(
        controller,
        "ocs_controller",
        directory=directory,
        parameters={
            "ports": ports,
            "dac_bits": dac_bits,
            "clock_mhz": clock_mhz,
            "monitors": int(monitors),
            **options,
        },
        registers=controller.description.manifest(),
        latency={"drive": 2 * (controller.cells + depth(dac_bits)) + 1},
    )
