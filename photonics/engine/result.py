"""A laid-out engine and its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gdsfactory as gf

from lightloom.photonics.engine import bumps as bump_maps
from lightloom.photonics.engine import model as engine_model
from lightloom.photonics.engine.bumps import Bump
from lightloom.photonics.engine.plan import FIBRE_UM, EnginePlan, Modulator
from lightloom.photonics.netlist import Netlist


@dataclass(frozen=True)
class EngineChip:
    """A laid-out engine: the layout, the intended netlist, the bump map, and figures of it."""

    component: gf.Component
    netlist: Netlist
    bumps: tuple[Bump, ...]
    plan: EnginePlan
    size_um: tuple[float, float]
    fibre_edge_um: float
    """Length of the west edge: that of the fibre array, or of the die where that is more."""
    line_ohm: Mapping[str, float]
    """Resistance from each bump, by name, to its device pin; from a ground bump to its rail."""
    line_ma: Mapping[str, float]
    """Largest current through each bump."""
    longest_um: float
    """Longest line from a pin to a bump or a rail."""
    return_ohm: float
    """Largest resistance from a heater's return to the ground bumps together."""
    gbps: float = 0.0
    """Rate of a wavelength, for figures; 0 until one is given."""

    @property
    def lanes(self) -> int:
        """Lanes each way."""
        return self.plan.lanes

    @property
    def modulator(self) -> Modulator:
        """Type of the modulators."""
        return self.plan.modulator

    @property
    def cells(self) -> int:
        """Lanes times wavelengths each way."""
        return self.plan.channels

    @property
    def crossings(self) -> int:
        """Waveguide crossings."""
        return sum(one.type == "crossing" for one in self.netlist.instances.values())

    def eic_bumps(self) -> tuple[Bump, ...]:
        """The bump map of the electrical die, `bumps.mirrored`."""
        return bump_maps.mirrored(self.bumps, self.size_um[0])

    def figures(self) -> dict[str, float]:
        """Figures of the chip by names with units, all of one direction unless they say so."""
        plan = self.plan
        width, height = (side / 1000.0 for side in self.size_um)
        tbps = plan.channels * self.gbps / 1000.0
        rings = [
            ring
            for bank, copies in (
                (plan.modulator_rings, 1),
                (plan.filter_rings, plan.filtered + 2 * plan.muxed),
            )
            if bank is not None
            for ring in bank.rings * copies
        ]
        return {
            "lanes": plan.lanes,
            "wavelengths": plan.wavelengths,
            "channels": plan.channels,
            "tbps_each_way": round(tbps, 6),
            "fibres": plan.fibres,
            "fibres_per_mm": round(1000.0 / FIBRE_UM, 3),
            "crossings": self.crossings,
            "shoreline_mm": round(self.fibre_edge_um / 1000.0, 3),
            "shoreline_tbps_per_mm": round(tbps / self.fibre_edge_um * 1000.0, 6),
            "area_mm2": round(width * height, 4),
            "area_tbps_per_mm2": round(tbps / (width * height), 6),
            "bumps": len(self.bumps),
            "bump_pitch_um": plan.pitch_um,
            "line_um_max": round(self.longest_um, 1),
            "line_ohm_max": round(max(self.line_ohm.values()), 3),
            "return_ohm_max": round(self.return_ohm, 3),
            "line_ma_max": round(max(self.line_ma.values()), 3),
            "copper_mm": plan.integration.copper_mm,
            "tune_mw": round(plan.lanes * sum(ring.tune_mw for ring in rings), 3),
            **self._light(),
        }

    def _light(self) -> dict[str, float]:
        """Worst losses of lane 0, and of the drop filters what they let through."""
        plan = self.plan
        first = engine_model.channels(plan, self.netlist, lanes=1)
        found = {
            name: round(max(getattr(channel, name) for channel in first), 3)
            for name in (
                "laser_to_modulator_db",
                "modulator_to_fibre_db",
                "fibre_to_detector_db",
            )
        }
        if plan.filtered and plan.wavelengths > 1:
            found["channel_crosstalk_db"] = round(engine_model.crosstalk_db(plan), 3)
        for name, bank in (("modulator", plan.modulator_rings), ("filter", plan.filter_rings)):
            if bank is not None:
                found[f"{name}_fsr_ghz"] = round(bank.fsr_ghz, 1)
        return found

    def write_bumps(self, path: Path) -> None:
        """Write the bump map as CSV, in um, looking at the face of the die."""
        path.write_text(bump_maps.csv(self.bumps))
