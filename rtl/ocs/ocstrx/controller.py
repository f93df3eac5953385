"""Controller of the switch in a transceiver: sensors in, heaters and side band out."""

from __future__ import annotations

from pathlib import Path as FilePath

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl import verilog
from lightloom.rtl.csr import axi_lite
from lightloom.rtl.csr.bank import Bank
from lightloom.rtl.link.crossing import SteadyWord, cdc
from lightloom.rtl.ocs.checks import check_clock_mhz, check_integer
from lightloom.rtl.ocs.drive.drive import Drive, depth
from lightloom.rtl.ocs.guard import Cause, Guard, Path
from lightloom.rtl.ocs.light import DEBOUNCE_BITS, LightMonitor
from lightloom.rtl.ocs.ocstrx.inband import InBand
from lightloom.rtl.ocs.ocstrx.registers import ADDR_WIDTH, CELLS_PER_LANE, registers
from lightloom.rtl.ocs.ocstrx.sequence import PathSequence, Reason
from lightloom.rtl.ocs.ocstrx.split import PARTS, STAMPS, TimeSplit
from lightloom.spec import fabrics
from lightloom.spec.rtl_manifest import RtlManifest

__all__ = ["OcstrxController", "generate"]


class OcstrxController(wiring.Component):
    """Keep exactly one of three paths for all lanes, and change it in order.

    A command of a register, the far end (`InBand`) or the guard (`Guard`) asks for a path;
    `PathSequence` freezes the SerDes, has `Drive` move the heaters, loads the coefficient set saved
    for the path, and follows the link until the first good frame; `TimeSplit` says where the time
    went. Heaters are calibrated by the table registers, for which `Drive` says the fields.

    Light that comes in at the fibre of the active path and not at the receiver, at rest and for
    ten times the debounce `down`, is a fault of the switch: that path is blocked, reason RX_DARK.

    Latency: from the loss of light at the pins to the new path and `cell_states`, `down` + 4
    clocks, of which 2 are the synchronizer's; codes follow as `Drive` says. A commanded change
    waits for `pause`, and 48 clocks for the save, if the link is up.
    Throughput and back-pressure: as the register port. After reset the heaters are off, which is
    the primary path, and the guard waits for the first command.

    Parameters
    ----------
    lanes : int
        2 to 16, even.
    dac_bits : int
        Bits of a heater DAC code, 1 to 16.
    clock_mhz : float
        Clock of domain `sync`, above 0 to 10000; sets reset values of times.
    settle_us : float
        Reset value of the settling time, 0 or more, at most 2**32 - 1 clocks.
    neighbours : int
        Terms of thermal crosstalk a cell, 0 to 16.

    Members
    -------
    csr : axi_lite.Signature(addr_width=12, data_width=32), in
        Registers, described in `ocstrx.rdl`.
    light_primary, light_backup : lanes bits, in
        Tap comparators at the fibre inputs, 1 = light; asynchronous.
    rx_signal : lanes bits, in
        Signal at the receivers behind the switch; asynchronous.
    link_up, frame_good : 1 bit, in
        From the SerDes; asynchronous, at least 2 clocks long.
    route_told : 8 bits, in
        Word of the far end's controller, from the SerDes; asynchronous, steady for 6 clocks.
    dac_codes : 4 * lanes * dac_bits bits, out
        Code of each heater, cell 0 lowest, in the order of `lightloom.spec.fabrics`. Registered.
    cell_states : 4 * lanes bits, out
        States of the active path, 1 = cross.
    path : 2 bits, out
        0 primary, 1 backup, 2 loopback.
    busy : 1 bit, out
        A change is under way.
    route_freeze, route_pause, route_save, route_load, route_index, route_tell : out
        To the SerDes (`link.route_port`), which synchronizes them: 1, 1, 1, 1, 4 and 8 bits. All
        registered; `route_index` stands 16 clocks before and after a level of save or load, which
        lasts 16 clocks.
    interrupt : 1 bit, out
        An interrupt that the mask lets through. Registered.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    csr: axi_lite.Interface
    light_primary: Signal
    light_backup: Signal
    rx_signal: Signal
    link_up: Signal
    frame_good: Signal
    route_told: Signal
    dac_codes: Signal
    cell_states: Signal
    path: Signal
    busy: Signal
    route_freeze: Signal
    route_pause: Signal
    route_save: Signal
    route_load: Signal
    route_index: Signal
    route_tell: Signal
    interrupt: Signal

    def __init__(
        self,
        lanes: int,
        dac_bits: int,
        clock_mhz: float,
        *,
        settle_us: float = 60.0,
        neighbours: int = 8,
    ) -> None:
        """Check the parameters, load the register description and make the ports."""
        if lanes not in range(2, 17, 2):
            raise ValueError(f"lanes = {lanes!r}; allowed: an even number from 2 to 16")
        check_integer("dac_bits", dac_bits, 1, 16)
        check_clock_mhz(clock_mhz)
        if not 0 <= settle_us * clock_mhz < 2**32 - 0.5:
            most = (2**32 - 1) / clock_mhz
            raise ValueError(f"settle_us = {settle_us!r}; allowed: 0 to {most:g}")
        self.lanes = lanes
        self.cells = CELLS_PER_LANE * lanes
        self.dac_bits = dac_bits
        self.clock_mhz = clock_mhz
        self.description = registers(lanes, dac_bits, clock_mhz, settle_us=settle_us)
        self._drive = Drive(self.cells, dac_bits, clock_mhz, neighbours=neighbours)
        super().__init__(
            {
                "csr": In(axi_lite.Signature(addr_width=ADDR_WIDTH)),
                "light_primary": In(lanes),
                "light_backup": In(lanes),
                "rx_signal": In(lanes),
                "link_up": In(1),
                "frame_good": In(1),
                "route_told": In(8),
                "dac_codes": Out(self.cells * dac_bits),
                "cell_states": Out(self.cells),
                "path": Out(2),
                "busy": Out(1),
                "route_freeze": Out(1),
                "route_pause": Out(1),
                "route_save": Out(1),
                "route_load": Out(1),
                "route_index": Out(4),
                "route_tell": Out(8),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the registers and connect the parts."""
        m = Module()
        m.submodules.bank = bank = Bank(self.description, addr_width=ADDR_WIDTH)
        m.submodules.guard = guard = Guard(self.lanes)
        m.submodules.sequence = sequence = PathSequence()
        m.submodules.inband = inband = InBand()
        m.submodules.split = split = TimeSplit()
        m.submodules.drive = drive = self._drive
        wiring.connect(m, wiring.flipped(self.csr), bank.bus)
        field = bank.signal
        seen = self._synchronized(m)
        rx_dark = self._receiver_watch(m, bank, guard, sequence, seen["rx_signal"])

        states = Signal(self.cells)
        m.d.comb += states.eq(self._states(Path.PRIMARY))
        for path in (Path.BACKUP, Path.LOOPBACK):
            with m.If(sequence.path[path]):
                m.d.comb += states.eq(self._states(path))
        self._drive_heaters(m, bank, drive, states, sequence)

        command = field("command.go")
        m.d.comb += [
            guard.light.eq(Cat(seen["light_primary"], seen["light_backup"])),
            guard.mask.eq(
                Cat(field(f"sensor_mask.{name}")[: self.lanes] for name in ("primary", "backup"))
            ),
            guard.active.eq(sequence.path),
            guard.busy.eq(sequence.guard_busy | inband.committed),
            guard.keep.eq(sequence.kept),
            guard.switched.eq(sequence.switched),
            guard.fail.eq(sequence.fail | rx_dark),
            guard.clear.eq(field("control.clear")),
            guard.votes.eq(field("votes.value")),
            guard.down.eq(field("down.clocks")),
            guard.up.eq(field("up.clocks")),
            guard.auto.eq(field("mode.auto")),
            guard.order.eq(field("mode.order")),
            guard.allowed.eq(field("mode.allowed")),
            guard.trust.eq(field("mode.trust")),
            guard.revertive.eq(field("mode.revertive")),
            guard.hold_off.eq(field("hold_off.clocks")),
            guard.restore.eq(field("restore.clocks")),
            guard.flap_count.eq(field("flap_count.count")),
            guard.flap_window.eq(field("flap_window.clocks")),
            sequence.park.eq(field("control.park")),
            sequence.stop.eq(drive.watchdog_expired),
            sequence.command.eq(command),
            sequence.command_path.eq(field("command.path")),
            sequence.command_ask.eq(field("command.ask")),
            sequence.command_force.eq(field("command.force")),
            sequence.agreed.eq(inband.agreed),
            sequence.refused.eq(inband.refused),
            sequence.expired.eq(inband.expired),
            sequence.asking.eq(inband.waiting),
            sequence.follow.eq(inband.follow),
            sequence.follow_path.eq(inband.follow_path),
            sequence.guard_request.eq(guard.request),
            sequence.guard_target.eq(guard.target),
            sequence.settled.eq(drive.settled),
            sequence.link_up.eq(seen["link_up"]),
            sequence.frame_good.eq(seen["frame_good"]),
            sequence.pause_clocks.eq(field("pause.clocks")),
            sequence.settle_limit.eq(field("settle_limit.clocks")),
            sequence.relock_limit.eq(field("relock_limit.clocks")),
            sequence.frame_limit.eq(field("frame_limit.clocks")),
            sequence.save_interval.eq(field("save_interval.clocks")),
            sequence.use_sets.eq(field("mode.use_sets")),
            sequence.rollback.eq(field("mode.rollback")),
            sequence.sets.eq(Cat(field(f"sets.{path.name.lower()}") for path in Path)),
            inband.ask.eq(sequence.ask),
            inband.ask_path.eq(sequence.ask_path),
            inband.cancel.eq(sequence.cancel),
            inband.able.eq(sequence.able),
            inband.accept.eq(field("mode.accept")),
            inband.limit.eq(field("answer_limit.clocks")),
            inband.lead.eq(field("lead.clocks")),
            inband.told.eq(seen["route_told"]),
            self.route_tell.eq(inband.tell),
            self.route_freeze.eq(sequence.freeze),
            self.route_save.eq(sequence.save),
            self.route_load.eq(sequence.load),
            self.route_index.eq(sequence.index),
            self.cell_states.eq(states),
            self.path.eq(Mux(sequence.path[1], 1, Mux(sequence.path[2], 2, 0))),
            self.busy.eq(sequence.busy),
        ]
        m.d.sync += self.route_pause.eq(sequence.pause | inband.pause)
        self._times(m, bank, guard, sequence, inband, split)
        self._status(m, bank, guard, sequence, inband, drive, seen["link_up"], rx_dark)
        return m

    def _states(self, path: Path) -> int:
        name: fabrics.Path = ("primary", "backup", "loopback")[path]
        return sum(state << n for n, state in enumerate(fabrics.route_path(self.lanes, name)))

    def _synchronized(self, m: Module) -> dict[str, Signal]:
        """Inputs in this clock domain; a word of several bits when it stands still."""
        seen: dict[str, Signal] = {}
        names = (
            "light_primary",
            "light_backup",
            "rx_signal",
            "link_up",
            "frame_good",
        )
        for name in names:
            source: Signal = getattr(self, name)
            seen[name] = Signal(len(source), name=f"{name}_seen")
            m.submodules[f"sync_{name}"] = cdc.FFSynchronizer(source, seen[name])
        m.submodules.sync_route_told = told = SteadyWord(8)
        m.d.comb += told.i.eq(self.route_told)
        seen["route_told"] = told.o
        return seen

    def _receiver_watch(
        self, m: Module, bank: Bank, guard: Guard, sequence: PathSequence, light: Signal
    ) -> Signal:
        """Pulse when the receivers stay dark at rest while light comes in."""
        m.submodules.receivers = monitor = LightMonitor(self.lanes)
        # 8 + 2 times: the two sides' sensors need not agree on the clock of a loss.
        least = Signal(DEBOUNCE_BITS + 4)
        count = Signal(DEBOUNCE_BITS + 4)
        fault = Signal()
        down = bank.signal("down.clocks")
        m.d.comb += [
            monitor.light.eq(light),
            monitor.votes.eq(bank.signal("votes.value")),
            monitor.down.eq(down),
            monitor.up.eq(bank.signal("up.clocks")),
            least.eq((down << 3) + (down << 1)),
        ]
        odd = (guard.lit & sequence.path[:2]).any() & ~monitor.lit & sequence.able
        m.d.comb += fault.eq(odd & (count == least))
        with m.If(~odd):
            m.d.sync += count.eq(0)
        with m.Elif(count <= least):
            m.d.sync += count.eq(count + 1)
        return fault

    def _drive_heaters(
        self, m: Module, bank: Bank, drive: Drive, states: Signal, sequence: PathSequence
    ) -> None:
        """States and registers to the drive; a write of the table data is one write."""
        field = bank.signal
        written = Signal()
        m.d.sync += written.eq(bank.signal("table_data.value_swacc"))
        m.d.comb += [
            drive.states.eq(states),
            drive.change.eq(sequence.change),
            drive.parked.eq(sequence.parked),
            drive.table_write.eq(written),
            drive.table_cell.eq(field("table_address.cell")),
            drive.table_field.eq(field("table_address.item")),
            drive.table_data.eq(field("table_data.value")),
            drive.overdrive_factor.eq(field("overdrive.factor")),
            drive.overdrive_ticks.eq(field("overdrive.ticks")),
            drive.thermal_step.eq(field("thermal.step")),
            drive.thermal_inverse.eq(field("thermal.inverse")),
            drive.budget.eq(field("budget.value")),
            drive.slew.eq(field("slew.value")),
            drive.tick_clocks.eq(field("tick.clocks")),
            drive.settle_clocks.eq(field("settle.clocks")),
            drive.watchdog_clocks.eq(field("watchdog.clocks")),
            drive.watchdog_kick.eq(field("control.kick")),
            drive.watchdog_release.eq(field("control.release")),
            self.dac_codes.eq(drive.codes),
            field("power.value").eq(drive.power),
        ]

    def _times(
        self,
        m: Module,
        bank: Bank,
        guard: Guard,
        sequence: PathSequence,
        inband: InBand,
        split: TimeSplit,
    ) -> None:
        """The origin of a change: darkness, or the order, or now."""
        ordered = Signal(32)
        planned = Signal()
        with m.If(bank.signal("command.go") | (~planned & inband.pause)):
            m.d.sync += [ordered.eq(guard.time), planned.eq(1)]
        with m.If(
            sequence.switched | (~sequence.busy & ~inband.waiting & ~bank.signal("command.go"))
        ):
            m.d.sync += planned.eq(0)
        loss = guard.request & (guard.cause == Cause.LOSS)
        m.d.comb += [
            split.time.eq(guard.time),
            split.origin.eq(Mux(planned, ordered, guard.time)),
            split.switched.eq(sequence.switched),
            split.arrived.eq(sequence.arrived),
            split.released.eq(sequence.released),
            split.came_up.eq(sequence.came_up),
            split.framed.eq(sequence.framed),
            split.stop.eq(sequence.failed | bank.signal("control.park")),
        ]
        with m.If(loss):
            m.d.comb += split.origin.eq(
                Mux(sequence.path[1], guard.dark_at[32:], guard.dark_at[:32])
            )
        for n, name in enumerate(STAMPS):
            stamp = split.stamps.word_select(n, 32)
            m.d.comb += bank.signal(f"stamp.{name}.clocks").eq(stamp)
        for n, name in enumerate(PARTS):
            m.d.comb += bank.signal(f"split.{name}.clocks").eq(split.parts.word_select(n, 32))
        m.d.comb += [
            bank.signal("split.total.clocks").eq(split.total),
            bank.signal("now.clocks").eq(guard.time),
        ]

    def _status(
        self,
        m: Module,
        bank: Bank,
        guard: Guard,
        sequence: PathSequence,
        inband: InBand,
        drive: Drive,
        link_up: Signal,
        rx_dark: Signal,
    ) -> None:
        """Status, counters and interrupts."""
        field = bank.signal
        total = Signal(16)
        cause = Signal(Cause)
        flapping, expired = Signal(), Signal()
        m.d.sync += [flapping.eq(guard.flapping), expired.eq(drive.watchdog_expired)]
        m.d.sync += total.eq(total + (sequence.switched & ~total.all()))
        with m.If(guard.request):
            m.d.sync += cause.eq(guard.cause)
        reason = Signal(4)
        dark = Signal()  # RX_DARK, until the sequence says something else
        with m.If(rx_dark):
            m.d.sync += dark.eq(1)
        with m.Elif(sequence.failed | sequence.switched):
            m.d.sync += dark.eq(0)
        m.d.comb += reason.eq(Mux(dark, Reason.RX_DARK, sequence.reason))
        shown: dict[str, Value] = {
            "status.phase": sequence.phase,
            "status.path": self.path,
            "status.parked": sequence.parked,
            "status.settled": drive.settled,
            "status.busy": sequence.busy,
            "status.forced": sequence.forced,
            "status.link_up": link_up,
            "status.holding": guard.holding,
            "status.flapping": guard.flapping,
            "status.lit": guard.lit,
            "status.blocked": guard.blocked,
            "status.tried": guard.tried,
            "status.watchdog": drive.watchdog_expired,
            "status.over_budget": drive.over_budget,
            "status.asking": inband.waiting,
            "status.reason": reason,
            "status.cause": cause,
            "sensors.primary": guard.steady[: self.lanes],
            "sensors.backup": guard.steady[self.lanes :],
            "losses.primary": guard.losses[:16],
            "losses.backup": guard.losses[16:],
            "switches.guard": guard.switches,
            "switches.total": total,
        }
        events: dict[str, Value] = {
            "lost_primary": guard.lost[0],
            "lost_backup": guard.lost[1],
            "switched": sequence.switched,
            "up": sequence.came_up,
            "failed": sequence.failed | rx_dark,
            "flapping": guard.flapping & ~flapping,
            "watchdog": drive.watchdog_expired & ~expired,
        }
        pending = Signal(len(events))
        for name, value in shown.items():
            m.d.comb += field(name).eq(value)
        for n, (name, value) in enumerate(events.items()):
            m.d.comb += field(f"interrupt.{name}").eq(pending[n])
            with m.If(value):
                m.d.sync += pending[n].eq(1)
            with m.Elif(field(f"interrupt_clear.{name}")):
                m.d.sync += pending[n].eq(0)
        m.d.sync += self.interrupt.eq((pending & field("interrupt_mask.value")).any())


def generate(
    lanes: int,
    dac_bits: int,
    clock_mhz: float,
    directory: FilePath,
    *,
    settle_us: float = 60.0,
    neighbours: int = 8,
) -> RtlManifest:
    """Write the controller as `ocstrx_controller.v` with its manifest into `directory`.

    The stages of `latency_cycles`: `debounce`, from a dark pin to the change of path besides the
    register `down`, and `drive`, from there to the codes, at least.

    Raises
    ------
    ValueError
        As `OcstrxController`.
    """
    controller = OcstrxController(
        lanes, dac_bits, clock_mhz, settle_us=settle_us, neighbours=neighbours
    )
    asynchronous = ("light_primary", "light_backup", "rx_signal", "link_up", "frame_good",
                    "route_told")  # fmt: skip
    return verilog.emit(
        controller,
        "ocstrx_controller",
        directory=directory,
        domains=dict.fromkeys(asynchronous, ""),
        parameters={
            "lanes": lanes,
            "dac_bits": dac_bits,
            "clock_mhz": clock_mhz,
            "settle_us": settle_us,
            "neighbours": neighbours,
        },
        registers=controller.description.manifest(),
        latency={"debounce": 4, "drive": controller.cells + depth(dac_bits)},
    )
