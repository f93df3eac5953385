"""Controller of an optical circuit switch: from requests in registers to heater codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl import verilog
from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.ocs.checks import check_clock_mhz, check_integer
from lightloom.rtl.ocs.commit import Commit
from lightloom.rtl.ocs.drive.drive import Drive, depth
from lightloom.rtl.ocs.drive.goal import MAX_NEIGHBOURS
from lightloom.rtl.ocs.events import Events
from lightloom.rtl.ocs.map_power import MapPower
from lightloom.rtl.ocs.monitors import DITHER, EVENTS, MOVE, PINS, TRIM_WRITE, Monitors
from lightloom.rtl.ocs.refusals import COUNT_BITS, REASONS, Refusals
from lightloom.rtl.ocs.registers import (
    ADDR_WIDTH,
    COMMIT_STATUS,
    DRIVE_FIELDS,
    DRIVE_STATUS,
    registers,
)
from lightloom.rtl.ocs.requests import Reason, Requests
from lightloom.rtl.ocs.route.registered import RegisteredRouter
from lightloom.rtl.ocs.table_writer import TableWriter
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = ["Controller", "generate"]

NO_BUDGET = 2**32 - 1


class Controller(wiring.Component):
    """Keeps a request table, routes it at a commit, and drives the heaters to the new map.

    `Requests` holds the table and refuses what no map can have. `Commit` makes it the active map at
    one edge: with the routes that stay undisturbed when a routing exists that keeps them, anew only
    otherwise; it rolls back, aborts and parks. `Drive` turns states into codes, all at one edge a
    tick, within the budget, and parks by its watchdog, which parks the map too. Calibration is
    written to tables: the address once, then the data of one cell after the other.

    With `monitors`, `Locks` keeps the cells at their nulls by the taps and sweeps single cells for
    their calibration, `PortLight` tells which ports have light, and `Protection` moves routes whose
    light is lost, by commits like those of software, which goes first. While the lock is enabled or
    a sweep runs, trims are theirs: software that writes some too may lose one.

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
    groups : int, optional
        Protection groups with `monitors`, 1 to 128; half as many as ports unless told otherwise.
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
    light, light_out : ports bits, in, with `monitors`, as all that follow
        1 = light at the input, at the output; in this clock domain. Software says which outputs
        have a sensor.
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
    light_out: Signal

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
        groups: int | None = None,
        root: bool = True,
    ) -> None:
        """Check the parameters, load the register description and make the ports."""
        self._router = RegisteredRouter(topology, ports)
        check_integer("dac_bits", dac_bits, 1, 16)
        check_clock_mhz(clock_mhz)
        if not 0 <= settle_us * clock_mhz < 2**32 - 0.5:
            raise ValueError(f"settle_us = {settle_us!r}; 0 to {(2**32 - 1) / clock_mhz:g}")
        check_integer("neighbours", neighbours, 0, MAX_NEIGHBOURS)
        self.ports = ports
        self.dac_bits = dac_bits
        self.clock_mhz = clock_mhz
        self.topology = topology
        self.settle_us = settle_us
        self.neighbours = neighbours
        self.monitors = monitors
        self.groups = ports // 2 if groups is None else groups
        check_integer("groups", self.groups, 1, 128)
        self.root = root
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
            groups=self.groups,
        )
        taps: dict[str, Any] = {}
        self._monitors = None
        if monitors:
            self._monitors = Monitors(topology, ports, self.groups, self.description)
            members = dict(self._monitors.signature.members)
            taps = {name: members[name] for name in PINS}
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
        m.submodules.router = router = self._router
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
            commit.budget_on.eq(field("budget.value") != NO_BUDGET),
            commit.budget_done.eq(budget.done),
            commit.budget_over.eq(budget.over),
            budget.start.eq(commit.budget_start),
            budget.states.eq(commit.route_states),
            budget.limit.eq(field("budget.value")),
            drive.states.eq(commit.states),
            drive.change.eq(commit.change),
            drive.parked.eq(commit.parked),
            drive.slew.eq(Mux(field("slew.value")[self.dac_bits :].any(), ~0, field("slew.value"))),
            self.dac_codes.eq(drive.codes),
            self.held.eq(drive.held),
            self.cell_states.eq(commit.states),
            self.busy.eq(commit.busy),
            self.done.eq(commit.done),
        ]
        m.d.comb += [getattr(drive, name).eq(field(path)) for name, path in DRIVE_FIELDS.items()]
        for name, member in router.signature.members.items():
            mine, theirs = getattr(commit, f"route_{name}"), getattr(router, name)
            m.d.comb += theirs.eq(mine) if member.flow is In else mine.eq(theirs)
        self._tables(m, bank, drive, budget)
        answers: tuple[Value, ...] = commit.accepted, commit.refused, commit.refusal
        more: dict[str, Value] = dict.fromkeys(EVENTS, Const(0, 1))
        if self._monitors is not None:
            answers = self._monitor(m, bank, requests, commit, drive, self._monitors)
            more = {name: getattr(self._monitors, name) for name in EVENTS}
        self._status(m, bank, requests, commit, drive, budget, answers, more)
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
        """Calibration goes to the drive and to the power of maps."""
        m.submodules.writer = writer = TableWriter(self.cells)
        m.d.comb += [
            writer.addressed.eq(bank.signal("table_address.cell_swacc")),
            writer.written.eq(bank.signal("table_data.value_swacc")),
            writer.cell.eq(bank.signal("table_address.cell")),
            writer.item.eq(bank.signal("table_address.item")),
            writer.data.eq(bank.signal("table_data.value")),
        ]
        for part in (drive, budget):
            for name in ("write", "cell", "field", "data"):
                m.d.comb += getattr(part, f"table_{name}").eq(getattr(writer, f"table_{name}"))
        m.d.comb += [
            drive.trim_write.eq(writer.trim_write),
            drive.trim_cell.eq(writer.table_cell),
            drive.trim_value.eq(writer.trim_value),
        ]

    def _monitor(
        self, m: Module, bank: Bank, requests: Requests, commit: Commit, drive: Drive, part: Any
    ) -> tuple[Value, ...]:
        """Connect the monitors; return acceptance, refusal and its reason of software's commits."""
        m.submodules.monitors = part
        asked, back = bank.signal("control.commit"), bank.signal("control.rollback")
        for name, member in part.signature.members.items():
            mine = getattr(part, name)
            for other, names in ((bank, bank.signature.members), (self, PINS)):
                if name in names:
                    theirs = getattr(other, name)
                    m.d.comb += mine.eq(theirs) if member.flow is In else theirs.eq(mine)
        for name in ("change", "states", "map_destinations", "map_valid", "parked", "busy"):
            m.d.comb += getattr(part, name).eq(getattr(commit, name))
        for name in ("applied", "accepted"):
            m.d.comb += getattr(part, name).eq(getattr(commit, name))
        m.d.comb += [
            part.settled.eq(drive.settled),
            part.moved.eq(requests.moved),
            part.free.eq(~(commit.busy | asked | back | commit.park | commit.watchdog)),
            commit.commit.eq(asked | part.commit),
        ]
        with m.If(part.hold & ~asked):
            m.d.comb += [commit.destinations.eq(part.destinations), commit.valid.eq(part.valid)]
        for name in MOVE:
            m.d.comb += getattr(requests, name).eq(getattr(part, name))
        for name in DITHER:
            m.d.comb += getattr(drive, name).eq(getattr(part, name))
        with m.If(part.trim_write):
            m.d.comb += [getattr(drive, name).eq(getattr(part, name)) for name in TRIM_WRITE]
        own = Signal()
        with m.If(commit.accepted):
            m.d.sync += own.eq(part.commit)
        under_way = own & commit.busy & ~commit.watchdog
        why = Mux(under_way, Reason.BUSY, commit.refusal)
        return commit.accepted & ~part.commit, commit.refused & (asked | back | ~own), why

    def _status(
        self,
        m: Module,
        bank: Bank,
        requests: Requests,
        commit: Commit,
        drive: Drive,
        budget: MapPower,
        answers: tuple[Value, ...],
        more: dict[str, Value],
    ) -> None:
        """Reason, counters, events and what is read; `answers` as of `_monitor`."""
        accepted, refused, why = answers
        field = bank.signal
        m.submodules.refusals = refusals = Refusals()
        m.d.comb += [
            refusals.table.eq(requests.refused),
            refusals.table_reason.eq(requests.reason),
            refusals.commit.eq(refused),
            refusals.commit_reason.eq(why),
            self.error.eq(refusals.reason != Reason.NONE),
        ]
        commanded = Signal()
        m.d.sync += commanded.eq(field("command.connect") | field("command.disconnect"))
        m.d.comb += refusals.accepted.eq(accepted | commanded)
        with m.If((commit.refusal == Reason.WATCHDOG) & ~drive.watchdog_expired):
            m.d.comb += refusals.commit_reason.eq(Reason.FAULT)
        for number in range(REASONS):
            m.d.comb += field(f"refusals[{number}].value").eq(
                refusals.counts.word_select(number, COUNT_BITS)
            )

        was = Signal(5, init=0b00010)
        counted = Signal()
        m.d.sync += was.eq(
            Cat(commit.busy, commit.parked, drive.watchdog_expired, commit.counting, self.fault)
        )
        m.d.comb += counted.eq(was[3] & ~commit.counting)
        events = {
            "settled": was[0] & ~commit.busy & drive.settled,
            "refused": requests.refused | refused,
            "parked": commit.parked & ~was[1],
            "rearranged": commit.applied & commit.rearranged,
            "over_budget": drive.over_budget & drive.tick,
            "watchdog": drive.watchdog_expired & ~was[2],
            **{name: more[name] for name in EVENTS[:2]},
            "fault": self.fault & ~was[4],
            **{name: more[name] for name in EVENTS[2:]},
        }
        m.submodules.events = waiting = Events(len(events))
        m.d.comb += [
            waiting.events.eq(Cat(events.values())),
            waiting.clear.eq(Cat(field(f"interrupt_clear.{name}") for name in events)),
            Cat(field(f"interrupt.{name}") for name in events).eq(waiting.pending),
            waiting.mask.eq(field("interrupt_mask.value")),
            self.interrupt.eq(waiting.interrupt),
        ]

        counts: dict[str, Value] = {
            "commits": commit.applied,
            "refused": requests.refused + refused,
            "aborted": commit.aborted,
            "rearrangements": events["rearranged"],
            "moved": Mux(counted, commit.moved, 0),
        }
        for name, added in counts.items():
            total = Signal(32, name=f"total_{name}")
            m.d.sync += total.eq(total + added)
            m.d.comb += field(f"{name}.value").eq(total)
        shown: dict[str, Value] = {
            **{path: getattr(commit, name) for path, name in COMMIT_STATUS.items()},
            "status.error": self.error,
            "status.reason": refusals.reason,
            **{path: getattr(drive, name) for path, name in DRIVE_STATUS.items()},
            "status.fault": self.fault,
            "map_power.value": budget.power,
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
