"""What an engine is made of, resolved from the design: numbers only, nothing drawn.

Architecture
    A laser fibre carries every wavelength of the grid and is split to its lanes by a tree of
    splitters. Rings modulate in series on the lane's bus, each its own wavelength. Mach-Zehnder and
    electro-absorption modulators act on all light alike: with more than one wavelength a ring
    filter takes each off the lane's bus, it is modulated, and a second ring filter puts it on the
    bus to the fibre. A receiver with filters drops each wavelength on a photodiode of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lightloom.photonics.circuit import resonance
from lightloom.photonics.devices import BANDS, Numbers
from lightloom.photonics.engine import wdm
from lightloom.photonics.engine.integration import INTEGRATIONS, Integration, pitch_um
from lightloom.photonics.engine.wdm import Bank
from lightloom.spec.base import DesignError
from lightloom.spec.design import Engine

LANES_MAX = 16
FIBRE_UM = 127.0
"""Pitch of the fibre array; V-groove arrays."""
RING_GAP_UM = 0.2
"""Gap of ring modulators."""
LOAD_OHM = 50.0
"""Termination of a Mach-Zehnder modulator's signal line."""
BIAS_UM = (100.0, 2.0)
"""Length and width of the film of a Mach-Zehnder modulator's bias heater, as `cells.mzm`."""
SMALL_MA = 2.0
"""Charging of a ring's junction, photocurrent of a photodiode: below 2 mA at any power and rate
that a design file allows."""
ABSORBED_MA = 6.0
"""Photocurrent of an electro-absorption modulator at 7 dBm."""

Modulator = Literal["ring", "mzm", "eam"]
DEVICE: Mapping[Modulator, str] = {"ring": "ring_modulator", "mzm": "mzm", "eam": "eam"}


@dataclass(frozen=True)
class EnginePlan:
    """An engine as it will be drawn; equal plans make equal chips."""

    band: Literal["O", "C"]
    lanes: int
    wavelengths: int
    laser_inputs: int
    modulator: Modulator
    filtered: bool
    """Drop filters before the photodiodes."""
    monitors: bool
    integration_name: Literal["obo", "npo", "cpo", "3d"]
    pitch_um: float
    """Of bumps or pads."""
    mzm_um: float
    """Length of the junctions of a Mach-Zehnder modulator, 0 for others."""
    mzm_ma: float
    """Current of its signal line."""
    spacing_ghz: float
    grid_ghz: tuple[float, ...]
    modulator_rings: Bank | None
    filter_rings: Bank | None

    @property
    def numbers(self) -> Numbers:
        """Of the band."""
        return BANDS[self.band]

    @property
    def integration(self) -> Integration:
        """How it is joined to the electrical die."""
        return INTEGRATIONS[self.integration_name]

    @property
    def split(self) -> int:
        """Lanes that a laser input feeds."""
        return self.lanes // self.laser_inputs

    @property
    def muxed(self) -> bool:
        """Wavelengths are taken apart for the modulators and put together again."""
        return self.modulator != "ring" and self.wavelengths > 1

    @property
    def fibres(self) -> int:
        """Edge couplers: a transmit and a receive fibre for each lane, and the lasers."""
        return 2 * self.lanes + self.laser_inputs

    @property
    def channels(self) -> int:
        """Lanes times wavelengths, each way."""
        return self.lanes * self.wavelengths

    def counts(self) -> dict[str, int]:
        """Number of devices of each type."""
        taps = (self.channels + self.laser_inputs) * self.monitors
        filters = self.channels * (self.filtered + 2 * self.muxed)
        # Each filter has one unused port, each of its buses one unused end, each tap one port.
        ends = filters + self.lanes * (self.filtered + 2 * self.muxed) + taps
        every = {
            DEVICE[self.modulator]: self.channels,
            "photodiode": self.channels + taps,
            "ring_filter": filters,
            "splitter1x2": self.lanes - self.laser_inputs,
            "coupler2x2": taps,
            "terminator": ends,
            "edge_coupler": self.fibres,
        }
        return {kind: count for kind, count in every.items() if count}

    def signals(self) -> int:
        """Electrical nets without ground: modulators, heaters, photodiodes."""
        modulator = {"ring": 3, "mzm": 4, "eam": 2}[self.modulator]
        counts = self.counts()
        return self.channels * modulator + 2 * counts["photodiode"] + counts.get("ring_filter", 0)

    def heater_ma(self, kind: Literal["ring", "filter", "bias"]) -> float:
        """Largest current of a heater: a whole step of the grid, or a whole turn of an arm."""
        numbers = self.numbers
        if kind == "bias":
            ohm = numbers.heater_ohm(*BIAS_UM)
            return 1e3 * math.sqrt(2.0 * numbers.heater_p_pi_mw(False) * 1e-3 / ohm)
        bank = self.modulator_rings if kind == "ring" else self.filter_rings
        assert bank is not None
        ring = max(bank.rings, key=lambda one: one.cold_ghz)
        pm = resonance.shift_pm(self.grid_ghz[-1], self.spacing_ghz + ring.cold_ghz)
        power = pm / numbers.ring_modulator.heater_pm_per_mw
        return 1e3 * math.sqrt(power * 1e-3 / self.heater_ohm(kind))

    def heater_ohm(self, kind: Literal["ring", "filter"]) -> float:
        """Resistance of a ring's heater: half the ring, 2 um wide, and two leads."""
        bank = self.modulator_rings if kind == "ring" else self.filter_rings
        assert bank is not None
        ring = bank.rings[0]
        half = (math.pi * ring.radius_um + ring.straight_um) / 2.0
        # Leads from the cells: 2 x (4.5 um of 2 um and 19 um of 3 um), or 2 x 7 um of 2 um.
        leads = 2 * (4.5 / 2.0 + 19.0 / 3.0) if kind == "ring" else 2 * 7.0 / 2.0
        return self.numbers.heater.sheet_ohm * (half + leads)


def plan(engine: Engine, lanes: int, band: Literal["O", "C"] = "O") -> EnginePlan:
    """Resolve an engine.

    Args:
        engine: of the design.
        lanes: fibre lanes each way, 1 to 16.
        band: of the process.

    Raises:
        DesignError: keys that do not go together, or what cannot be drawn.
    """
    if not 1 <= lanes <= LANES_MAX:
        raise DesignError(f"engine.lanes = {lanes}; allowed: 1 to {LANES_MAX}")
    inputs = engine.laser_inputs or lanes
    split = lanes // inputs
    if lanes % inputs or split & (split - 1):
        allowed = ", ".join(str(lanes // k) for k in (16, 8, 4, 2, 1) if lanes % k == 0)
        raise DesignError(
            f"engine.laser_inputs = {inputs} with {lanes} lanes; allowed: 0, {allowed}: each input "
            "is split to a power of two of lanes"
        )
    count = engine.wavelengths
    if count > 1 and engine.receiver == "direct":
        raise DesignError(
            f"engine.receiver = 'direct' with engine.wavelengths = {count}; allowed: 'drop-filter'"
        )
    numbers = BANDS[band]
    spacing = engine.wavelength_spacing_ghz
    grid = wdm.grid_ghz(engine.wavelength_nm, spacing, count, band)
    ring = engine.modulator == "ring"
    filtered = engine.receiver == "drop-filter"
    muxed = not ring and count > 1
    length = 0.0
    if engine.modulator == "mzm":
        # V_pi L is a property of the junction: the drive the design asks for sets the length.
        length = round(numbers.junction.v_pi_l_v_cm * 1e4 / engine.mzm_v_pi_v, 1)
    integration = INTEGRATIONS[engine.integration]
    return EnginePlan(
        band=band,
        lanes=lanes,
        wavelengths=count,
        laser_inputs=inputs,
        modulator=engine.modulator,
        filtered=filtered,
        monitors=engine.monitors,
        integration_name=integration.name,
        pitch_um=pitch_um(integration, engine.bump_pitch_um),
        mzm_um=length,
        # Driven over half its half-wave voltage either way, as a square wave.
        mzm_ma=1e3 * engine.mzm_v_pi_v / 2.0 / LOAD_OHM if length else 0.0,
        spacing_ghz=spacing,
        grid_ghz=grid,
        modulator_rings=wdm.modulators(numbers, grid, spacing, RING_GAP_UM) if ring else None,
        filter_rings=wdm.filters(numbers, grid, spacing) if filtered or muxed else None,
    )
