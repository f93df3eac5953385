"""Light through an engine, channel by channel, from the netlist of its layout.

Channel `k` of the SerDes is wavelength `k mod W` on lane `k div W`. Its light is followed backwards
from the fibre to its modulator and on to the laser, where no device leaves a choice: a splitter is
met at an output, a filter whose ring has the channel's radius is met at the end that it drops to.
Every ring is tuned to its own wavelength.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lightloom.photonics.circuit import resonance, scatter
from lightloom.photonics.circuit.elements import NPort
from lightloom.photonics.devices import Numbers
from lightloom.photonics.engine import plan as engine_plan
from lightloom.photonics.engine.plan import EnginePlan
from lightloom.photonics.engine.wdm import Bank
from lightloom.photonics.netlist import Netlist, Pin
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design
from lightloom.spec.optical_model import EngineLane

MODULATORS = ("ring_modulator", "mzm", "eam")
SAME_UM = 0.0015
"""Radii that differ less are of one wavelength."""


class Way(NamedTuple):
    """What light meets between two places."""

    loss_db: float
    delay_ps: float
    device: str
    """Where it ends."""


def lanes(design: Design, netlist: Netlist) -> tuple[EngineLane, ...]:
    """Return losses and delays of the channels that the SerDes uses.

    Raises:
        DesignError: the netlist is not of this design, or the engine has too few channels.
    """
    plan = engine_plan.plan(design.engine, design.fibre_lanes, design.technology.band)
    if plan.channels < design.serdes.lanes:
        raise DesignError(
            f"engine of {plan.lanes} lanes x {plan.wavelengths} wavelengths with serdes.lanes = "
            f"{design.serdes.lanes}; allowed: at least as many channels as SerDes lanes"
        )
    return channels(plan, netlist)[: design.serdes.lanes]


def channels(
    plan: EnginePlan, netlist: Netlist, lanes: int | None = None
) -> tuple[EngineLane, ...]:
    """Return losses and delays of every channel.

    Args:
        plan: of the engine.
        netlist: intended or extracted.
        lanes: number of lanes to look at, all when absent.

    Raises:
        DesignError: the netlist is not of this plan.
    """
    engine = _Engine(plan, netlist)
    labels = [f"laser{k}" for k in range(plan.laser_inputs)]
    labels += [f"{kind}{k}" for k in range(plan.lanes) for kind in ("tx", "rx")]
    for label in labels:
        if label not in netlist.ports:
            raise engine.error(f"has no optical port {label}")
    found: list[EngineLane] = []
    for channel in range((plan.lanes if lanes is None else lanes) * plan.wavelengths):
        fibre, wavelength = divmod(channel, plan.wavelengths)
        sent = engine.follow(f"tx{fibre}", wavelength, MODULATORS)
        source = f"laser{fibre // plan.split}"
        light = engine.to_laser(sent.device, wavelength, source)
        received = engine.follow(f"rx{fibre}", wavelength, ("photodiode",))
        part = engine.part(sent.device)
        found.append(
            EngineLane(
                lane=channel,
                fibre=fibre,
                wavelength=wavelength,
                laser_to_modulator_db=light.loss_db,
                modulator_to_fibre_db=sent.loss_db,
                fibre_to_detector_db=received.loss_db,
                transmit_delay_ps=sent.delay_ps + part.delay_ps,
                receive_delay_ps=received.delay_ps,
            )
        )
    return tuple(found)


def crosstalk_db(plan: EnginePlan) -> float:
    """Power of all other wavelengths on the worst photodiode, relative to its own; -inf if none."""
    if plan.filter_rings is None or plan.wavelengths == 1 or not plan.filtered:
        return -math.inf
    frequencies = np.array(plan.grid_ghz) * 1e9
    passed = np.ones(len(frequencies))
    worst = 0.0
    for k, ring in enumerate(plan.filter_rings.rings):
        parameters = {
            "radius_um": ring.radius_um,
            "straight_um": ring.straight_um,
            "gap_um": ring.gap_um,
            "drop_gap_um": ring.gap_um,
            "path_um": 0.0,
        }
        length = resonance.round_trip_um(ring.radius_um, ring.straight_um)
        turn = tuning_rad(length, plan.grid_ghz[k], plan.numbers)
        s = scatter.device("ring_filter", parameters, plan.numbers).matrix(
            frequencies, np.full(frequencies.shape, turn)
        )
        dropped = passed * np.abs(s[:, 2, 0]) ** 2
        worst = max(worst, (dropped.sum() - dropped[k]) / dropped[k])
        passed = passed * np.abs(s[:, 1, 0]) ** 2
    return 10.0 * math.log10(worst)


def tuning_rad(length_um: float, frequency_ghz: float, numbers: Numbers) -> float:
    """Phase that a heater adds to a round trip so that it resonates at a lower frequency."""
    waves = resonance.waves(length_um, frequency_ghz, numbers)
    short = math.ceil(waves - 1e-9) - waves
    return 2.0 * math.pi * max(0.0, short)


@dataclass
class _Engine:
    plan: EnginePlan
    netlist: Netlist
    peers: dict[Pin, tuple[Pin, float]] = field(default_factory=dict)
    parts: dict[str, NPort] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for wire in self.netlist.nets.values():
            if len(wire.pins) == 2 and wire.length_um is not None:
                first, second = wire.pins
                self.peers[first] = second, wire.length_um
                self.peers[second] = first, wire.length_um

    def part(self, name: str) -> NPort:
        """Scattering of a device."""
        if name not in self.parts:
            one = self.netlist.instances[name]
            self.parts[name] = scatter.device(one.type, one.parameters, self.plan.numbers)
        return self.parts[name]

    def follow(self, port: str, wavelength: int, ends: tuple[str, ...]) -> Way:
        """Follow a channel from a fibre to its device of a type in `ends`."""
        return self._walk(self.netlist.ports[port], port, wavelength, ends)

    def to_laser(self, modulator: str, wavelength: int, port: str) -> Way:
        """Follow a channel from its modulator to the laser's fibre."""
        peer = self.peers.get((modulator, "o1"))
        if peer is None:
            raise self.error(f"has no waveguide at {modulator},o1")
        way = self._walk(peer[0], f"{modulator},o1", wavelength, (), port)
        loss_db, delay_ps = self._wire(peer[1])
        return Way(way.loss_db + loss_db, way.delay_ps + delay_ps, way.device)

    def _walk(
        self, pin: Pin, start: str, wavelength: int, ends: tuple[str, ...], port: str = ""
    ) -> Way:
        """Walk from where light meets a device to a device in `ends`, or out of a chip port."""
        loss_db = delay_ps = 0.0
        last = self.netlist.ports.get(port)
        for _ in range(len(self.netlist.instances) + 1):
            name, enters = pin
            one = self.netlist.instances[name]
            if one.type in ends and self._is_own(one.type, one.parameters, wavelength):
                return Way(loss_db, delay_ps, name)
            leaves = self._next(one.type, one.parameters, enters, wavelength)
            if leaves is None:
                break
            part = self.part(name)
            loss_db += self._loss_db(part, one.type, one.parameters, enters, leaves, wavelength)
            delay_ps += part.delay_ps
            if last == (name, leaves):
                return Way(loss_db, delay_ps, name)
            peer = self.peers.get((name, leaves))
            if peer is None:
                break
            pin = peer[0]
            wire_db, wire_ps = self._wire(peer[1])
            loss_db, delay_ps = loss_db + wire_db, delay_ps + wire_ps
        raise self.error(f"{start} does not lead to {port or ' or '.join(ends)}")

    def _wire(self, length_um: float) -> tuple[float, float]:
        numbers = self.plan.numbers
        return scatter.guide_loss_db(length_um, numbers), scatter.delay_ps(length_um, numbers)

    def _bank(self, kind: str) -> Bank | None:
        plan = self.plan
        return {"ring_modulator": plan.modulator_rings, "ring_filter": plan.filter_rings}.get(kind)

    def _channel(self, kind: str, parameters: Mapping[str, float]) -> int | None:
        """Wavelength that a ring belongs to."""
        bank = self._bank(kind)
        if bank is None:
            return None
        off = [abs(ring.radius_um - parameters["radius_um"]) for ring in bank.rings]
        if min(off) > SAME_UM:
            raise self.error(
                f"has a {kind} with radius_um = {parameters['radius_um']:.4f}; allowed: those of "
                "the design's wavelengths"
            )
        return off.index(min(off))

    def _is_own(self, kind: str, parameters: Mapping[str, float], wavelength: int) -> bool:
        channel = self._channel(kind, parameters)
        return channel is None or channel == wavelength

    def _next(
        self, kind: str, parameters: Mapping[str, float], enters: str, wavelength: int
    ) -> str | None:
        """Port that a channel goes on at."""
        if kind == "ring_filter":
            own = self._channel(kind, parameters) == wavelength
            ways = {"o1": "o3", "o3": "o1", "o2": "o4", "o4": "o2"}
            passed = {"o1": "o2", "o2": "o1", "o3": "o4", "o4": "o3"}
            return (ways if own else passed)[enters]
        if kind == "coupler2x2":
            return {"o1": "o4", "o4": "o1", "o2": "o3", "o3": "o2"}[enters]
        if kind == "splitter1x2":
            return {"o2": "o1", "o3": "o1"}.get(enters)
        if kind in ("edge_coupler", "grating_coupler", "heater_waveguide", *MODULATORS):
            return {"o1": "o2", "o2": "o1"}[enters]
        return None

    def _loss_db(
        self,
        part: NPort,
        kind: str,
        parameters: Mapping[str, float],
        enters: str,
        leaves: str,
        wavelength: int,
    ) -> float:
        frequency = np.array([self.plan.grid_ghz[wavelength] * 1e9])
        turn = None
        channel = self._channel(kind, parameters)
        if channel is not None:
            length = resonance.round_trip_um(
                parameters["radius_um"], parameters.get("straight_um", 0.0)
            )
            own = self.plan.grid_ghz[channel]
            turn = np.array([tuning_rad(length, own, self.plan.numbers)])
        s = part.matrix(frequency, turn)[0]
        field = s[part.ports.index(leaves), part.ports.index(enters)]
        return -20.0 * math.log10(abs(field))

    def error(self, text: str) -> DesignError:
        """A message about the netlist."""
        return DesignError(f"netlist {self.netlist.chip} {text}")
