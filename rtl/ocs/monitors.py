"""What taps and detectors of a chip are for: lock, sweeps, light at the ports, protection."""

from __future__ import annotations

from typing import Any

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.csr.rdl import Description, identifier
from lightloom.rtl.ocs.lock.locks import Locks
from lightloom.rtl.ocs.lock.probe import TAPS
from lightloom.rtl.ocs.protect.light import PortLight
from lightloom.rtl.ocs.protect.protection import Protection
from lightloom.rtl.ocs.registers import (
    LOCK_FIELDS,
    LOCK_STATUS,
    MONITORS,
    PROTECT_FIELDS,
    PROTECT_STATE,
)

__all__ = ["DITHER", "EVENTS", "MOVE", "PINS", "TRIM_WRITE", "Monitors"]

EVENTS = (
    "light_lost",
    "sweep_done",
    "protect_switched",
    "protect_failed",
    "protect_disagree",
    "protect_flapping",
)
"""Events of the controller that come from here."""
MOVE = ("move", "move_input", "move_from", "move_to", "move_output")
"""Members that go to the request table."""
TRIM_WRITE = ("trim_write", "trim_cell", "trim_value")
DITHER = ("dither_on", "dither_cell", "dither_value")
"""Members that go to the drive."""
PINS = ("light", "light_out", *TAPS)
"""Members that go to the pins of the controller."""
_DRIVE = (*DITHER, *TRIM_WRITE)
_MAP = ("map_destinations", "map_valid", "change", "parked", "busy", "applied")


class Monitors(wiring.Component):
    """`Locks`, `PortLight` and `Protection` of a chip, with the registers that are about them.

    Outputs are not judged, and nothing is switched, while a sweep runs.

    Latency, throughput, reset: those of the parts.

    Parameters
    ----------
    topology, ports
        See `Locks`.
    groups : int
        See `Protection`.
    description : Description
        Registers of the controller.

    Members
    -------
    <register>_<field>, <register>_<field>_swacc
        Those of the bank with addresses in `MONITORS`, the other way round.
    light, light_out, sample_valid, sample_channel, sample_value, channel, pilot_on, pilot_source,
    pilot_level
        As of the controller.
    settled, change, states, map_destinations, map_valid, parked, busy, applied, accepted : In
        As of `Drive` and `Commit`.
    free : In(1)
        A commit in this clock would be accepted, and nobody else asks for one.
    commit, hold, destinations, valid : Out
        Those of `Protection`.
    move, move_input, move_from, move_to, move_output, moved
        Those of `Requests`.
    dither_on, dither_cell, dither_value, trim_write, trim_cell, trim_value : Out
        To the drive.
    light_lost, sweep_done, protect_switched, protect_failed, protect_disagree,
    protect_flapping : Out(1)
        Events.

    Raises
    ------
    ValueError
        When a parameter is out of range.
    """

    def __init__(self, topology: str, ports: int, groups: int, description: Description) -> None:
        """Make the parts and the ports."""
        self.ports = ports
        self.locks = Locks(topology, ports)
        self._protection = Protection(groups, ports)
        lock = dict(self.locks.signature.members)
        part = dict(self._protection.signature.members)
        members: dict[str, Any] = {}
        for register in description.registers:
            for field in register.fields if register.address in MONITORS else ():
                name = identifier(f"{register.name}.{field.name}")
                members[name] = In(field.width) if field.hardware == "r" else Out(field.width)
                if field.access_strobe:
                    members[f"{name}_swacc"] = In(1)
        members |= {"light": In(ports), "light_out": In(ports)}
        members |= {name: lock[name] for name in (*TAPS, "settled", "states", *_DRIVE)}
        members |= {name: part[name] for name in (*_MAP, "accepted", "commit", "hold")}
        members |= {name: part[name] for name in ("destinations", "valid", *MOVE, "moved")}
        members |= {"free": In(1)} | dict.fromkeys(EVENTS, Out(1))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Connect the parts."""
        m = Module()
        m.submodules.port_light = light = PortLight(self.ports)
        self._lock(m, light)
        self._protect(m, light)
        field = self._field
        m.d.comb += [
            light.light.eq(self._member("light")),
            light.light_out.eq(self._member("light_out")),
            light.down.eq(field("light_debounce.down")),
            light.up.eq(field("light_debounce.up")),
            light.busy.eq(self._member("busy") | self._member("parked") | self.locks.sweep_busy),
            light.map_valid.eq(self._member("map_valid")),
            self._member("light_lost").eq(light.lost),
        ]
        for word in range(-(-self.ports // 32)):
            here = slice(32 * word, 32 * word + 32)
            m.d.comb += [
                field(f"light[{word}].lit").eq(light.lit[here]),
                field(f"light_out[{word}].lit").eq(light.out_lit[here]),
            ]
        return m

    def _member(self, name: str) -> Signal:
        return getattr(self, name)

    def _field(self, path: str) -> Signal:
        return self._member(identifier(path))

    def _lock(self, m: Module, light: PortLight) -> None:
        m.submodules.locks = locks = self.locks
        lock: dict[str, Signal] = {name: getattr(locks, name) for name in locks.signature.members}
        field = self._field
        m.d.comb += [lock[name].eq(field(path)) for name, path in LOCK_FIELDS.items()]
        m.d.comb += [field(path).eq(lock[name]) for path, name in LOCK_STATUS.items()]
        m.d.comb += [
            lock["light"].eq(light.lit),
            self._member("sweep_done").eq(lock["sweep_done"]),
        ]
        for name in (*TAPS, "settled", "states", "change", *_DRIVE):
            mine, member = self._member(name), locks.signature.members[name]
            m.d.comb += lock[name].eq(mine) if member.flow is In else mine.eq(lock[name])
        rounds = Signal(16)
        m.d.sync += rounds.eq(rounds + lock["round"])
        m.d.comb += field("lock_status.rounds").eq(rounds)
        for name in ("error", "held", "limited", "cell"):
            last = Signal(len(field(f"lock_cell.{name}")), name=f"last_{name}")
            with m.If(lock["visited"]):
                m.d.sync += last.eq(lock["visited_cell" if name == "cell" else name])
            m.d.comb += field(f"lock_cell.{name}").eq(last)

    def _protect(self, m: Module, light: PortLight) -> None:
        m.submodules.protection = part = self._protection
        field = self._field
        inputs: dict[str, Value] = {name: field(path) for name, path in PROTECT_FIELDS.items()}
        inputs |= {name: getattr(light, name) for name in ("lit", "out_lit", "calm")}
        inputs |= {name: self._member(name) for name in (*_MAP, "accepted", "moved")}
        words = range(-(-self.ports // 32))
        inputs["sensors"] = Cat(field(f"out_sensors[{word}].there") for word in words)
        inputs["ready"] = self._member("free") & ~self.locks.sweep_busy
        m.d.comb += [getattr(part, name).eq(value) for name, value in inputs.items()]
        for name in ("commit", "hold", "destinations", "valid", *MOVE):
            m.d.comb += self._member(name).eq(getattr(part, name))

        m.d.sync += [
            part.entry_write.eq(field("protect_candidate.input_port_swacc")),
            part.mode_write.eq(field("protect_mode.enable_swacc")),
        ]
        ports = {"input": "input_port", "output": "output_port"}
        for name in ("input", "output", "valid", "loopback"):
            at = ports.get(name, name)
            m.d.comb += [
                part.entry[name].eq(field(f"protect_candidate.{at}")),
                field(f"protect_shown.{at}").eq(part.shown_entry[name]),
            ]
        for name in ("enable", "revertive", "way"):
            m.d.comb += [
                part.mode[name].eq(field(f"protect_mode.{name}")),
                field(f"protect_shown.{name}").eq(part.shown_mode[name]),
            ]
        shown: dict[str, Value] = {
            f"{register}.{name}": part.shown_state[name]
            for register, names in PROTECT_STATE.items()
            for name in names
        }
        for name in ("lost_at", "switched_at"):
            shown[f"protect_{name}.value"] = part.shown_state[name]
        shown["protect_time.value"] = part.time
        m.d.comb += [field(path).eq(value) for path, value in shown.items()]
        m.d.comb += [
            self._member("protect_switched").eq(part.switched),
            self._member("protect_failed").eq(part.failed),
            self._member("protect_disagree").eq(part.disagreed),
            self._member("protect_flapping").eq(part.flapped),
        ]
