"""A process by its deviations, and chips of one layout drawn from it.

Width and thickness of the silicon vary smoothly over the chip; with them the index, so the phase of
every waveguide, and the coupling of every coupler. On top come roughness, by which phase walks at
random along each waveguide, and what each coupler, crossing and heater has of its own.

A chip is a function of the seed and its number alone. Left out: what varies along one waveguide of
several millimetres counts at its middle; facets, gratings and losses of waveguides do not vary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lightloom.photonics.circuit.elements import Program
from lightloom.photonics.circuit.passives import crossing_of
from lightloom.photonics.circuit.scatter import numbers_of, wavelength_nm
from lightloom.photonics.circuit.wafer import Map
from lightloom.photonics.devices import LIGHT_UM_PER_PS, Numbers
from lightloom.photonics.netlist import Netlist
from lightloom.spec.base import DesignError, Frozen

Values = NDArray[np.float64]


class Process(Frozen):
    """Standard deviations of a process; demonstration values unless said."""

    width_sigma_nm: float = Field(default=2.5, ge=0.0, le=50.0)
    """Within a wafer; 193 nm lithography is of the class of 2-4 nm."""
    thickness_sigma_nm: float = Field(default=1.0, ge=0.0, le=20.0)
    """Of the silicon film within a wafer; 0.5-2 nm class."""
    correlation_um: float = Field(default=4500.0, ge=1.0, le=1e6)
    """Of both over distance: millimetres, as Opt. Express 28, 7799 (2020) measures it."""
    coherence_um: float = Field(default=4170.0, ge=1.0, le=1e9)
    """Strip length over which the mean field of many copies falls to 1/e, so that the phase has a
    variance of 2 length / coherence; 4.17 mm measured on 220 nm strips, Opt. Express 23, 16890
    (2015)."""
    coherence_rib_um: float = Field(default=1610.0, ge=1.0, le=1e9)
    """The same for ribs (diodes); 1.61 mm, same source."""
    coupler_sigma: float = Field(default=0.01, ge=0.0, le=0.5)
    """Relative, of each coupler's rate on its own."""
    crossing_sigma_db: float = Field(default=0.01, ge=0.0, le=1.0)
    """Of each crossing's loss on its own, which is never below zero."""
    heater_sigma: float = Field(default=0.02, ge=0.0, le=0.3)
    """Relative, of each heater's phase for a power."""

    def scaled(self, factor: float) -> Process:
        """Every deviation times a factor."""
        return Process(
            width_sigma_nm=self.width_sigma_nm * factor,
            thickness_sigma_nm=self.thickness_sigma_nm * factor,
            correlation_um=self.correlation_um,
            coherence_um=self.coherence_um / factor**2,
            coherence_rib_um=self.coherence_rib_um / factor**2,
            coupler_sigma=self.coupler_sigma * factor,
            crossing_sigma_db=self.crossing_sigma_db * factor,
            heater_sigma=self.heater_sigma * factor,
        )


@dataclass(frozen=True)
class Chips:
    """What some chips deviate by; one row an element of the program, one column a chip."""

    phase_rad: Values
    """Extra phase of each element; of a 2x2 that of its line `a`, where light comes in."""
    second_rad: Values
    """Extra phase of line `b` of a 2x2."""
    rate: Values
    """Relative change of the coupling rate; of couplers only."""
    loss_db: Values
    """Extra loss; of crossings only."""
    heater: Values
    """Relative change of what a heater does, `[heater, chip]`."""


class Wafer:
    """Draws chips of one layout."""

    def __init__(self, program: Program, netlist: Netlist, process: Process) -> None:
        """Prepare draws.

        Raises:
            DesignError: the netlist has no places, or the process no correlation on this chip.
        """
        self.program, self.netlist, self.process = program, netlist, process
        self.numbers: Numbers = numbers_of(netlist)
        places: list[tuple[float, float]] = []
        kinds: list[str] = []
        for element in program.elements:
            one = netlist.instances.get(element.device) or netlist.nets[element.device]
            if one.x_um is None or one.y_um is None:
                raise DesignError(
                    f"netlist {netlist.chip}: {element.device} has no place; allowed: an "
                    "extracted netlist"
                )
            places.append((one.x_um, one.y_um))
            kinds.append(getattr(one, "type", "wire"))
        self.kinds = np.array(kinds)
        self.map = Map(np.array(places), process.correlation_um)
        delays = np.array([element.scatter.delay_ps for element in program.elements])
        self.length_um = delays * LIGHT_UM_PER_PS / self.numbers.guide.group_index

    def draw(self, seed: int, first: int, count: int, frequency_hz: float) -> Chips:
        """Return chips `first` to `first + count - 1`."""
        elements, process = len(self.program.elements), self.process
        width, thickness = np.empty((elements, count)), np.empty((elements, count))
        own = np.empty((4, elements, count))
        heater = np.empty((len(self.program.heaters), count))
        for k in range(count):
            key = [seed % (1 << 64), first + k]
            normal = np.random.Generator(np.random.Philox(key=key)).standard_normal
            width[:, k] = self.map.draw(normal(self.map.shape))
            thickness[:, k] = self.map.draw(normal(self.map.shape))
            own[:, :, k] = normal((4, elements))
            heater[:, k] = normal(heater.shape[0])
        width *= process.width_sigma_nm * 1e-3
        thickness *= process.thickness_sigma_nm * 1e-3
        guide, coupler = self.numbers.guide, self.numbers.coupler
        index = guide.width_slope_per_um * width + guide.thickness_slope_per_um * thickness
        turns = self.length_um[:, None] / (wavelength_nm(frequency_hz) * 1e-3)
        coherence = np.where(
            self.kinds == "pin_waveguide", process.coherence_rib_um, process.coherence_um
        )
        walk = np.sqrt(2.0 * self.length_um / coherence)[:, None]
        smooth = 2.0 * math.pi * turns * index
        rate = (
            coupler.width_slope_per_um * width
            + coupler.thickness_slope_per_um * thickness
            + process.coupler_sigma * own[2]
        )
        least = -crossing_of(self.numbers)[1]
        loss = np.maximum(process.crossing_sigma_db * own[3], least)
        return Chips(
            phase_rad=smooth + walk * own[0],
            second_rad=smooth + walk * own[1],
            rate=rate * (self.kinds == "coupler2x2")[:, None],
            loss_db=loss * (self.kinds == "crossing")[:, None],
            heater=process.heater_sigma * heater,
        )
