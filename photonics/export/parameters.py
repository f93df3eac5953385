"""Parameters of the compact models, from a design, an extracted netlist and the device numbers.

Each parameter's description ends with where its value comes from; the generated files print it.
Names end with their unit. What is not modelled: other resonances than the one at the carrier, light
that runs backwards, two-photon absorption and the heat of the light itself.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from pydantic import Field

from lightloom.photonics.circuit import resonance
from lightloom.photonics.circuit import rings as ring_models
from lightloom.photonics.circuit.guided import amplitude, guide_loss_db
from lightloom.photonics.devices import BANDS, LIGHT_UM_PER_PS, Numbers
from lightloom.photonics.engine import plan as engine_plan
from lightloom.photonics.netlist import Netlist
from lightloom.spec.base import DesignError, Frozen
from lightloom.spec.design import Design

HEATER_SQUARES = 15.0
"""Squares of film of `cells.ring_modulator` beside the arch: its straight legs, the corners, and
leads of 18 um, 3 um wide; the test solves the current in the drawn film."""
HEATER_WIDTH_UM = 2.0
"""Width of its arch."""


def _f(text: str, low: float = 0.0, high: float = math.inf, **more: Any) -> Any:
    bounds = {"ge": low} if high is math.inf else {"ge": low, "le": high}
    return Field(description=text, **bounds, **more)


class RingParameters(Frozen):
    """An all-pass ring with a junction and a heater, at one resonance."""

    wavelength_nm: float = _f(
        "carrier; engine.wavelength_nm, engine.wavelength_spacing_ghz", 1000.0, 2000.0
    )
    radius_um: float = _f("of the centre line; measured in the layout", 1.0)
    gap_um: float = _f("bus to ring; measured in the layout")
    fwhm_pm: float = _f("width of the resonance at half depth; wavelength / engine.ring_q", 0.1)
    depth: float = _f("part of the power that the resonance takes; engine.ring_depth", 0.0, 1.0)
    overcoupled: bool = Field(
        description="whether the bus takes out more than the ring loses: the power does not tell, "
        "the phase does; from the drawn gap"
    )
    detuning_pm: float = _f(
        "resonance less carrier at the bias; engine.ring_detuning_pm", -math.inf
    )
    efficiency_pm_per_v: float = _f(
        "shift of the resonance by reverse voltage, at the bias; engine.ring_efficiency_pm_per_v"
    )
    insertion_loss_db: float = _f("beside the resonance; engine.ring_loss_db")
    bias_v: float = _f(
        "reverse bias that detuning and efficiency hold at: half the driver's largest swing, the "
        "least that keeps the junction off; serdes.tx_swing_v x engine.driver_gain / 2"
    )
    built_in_v: float = _f("built-in voltage of the junction; devices.junction", 0.1)
    capacitance_ff: float = _f(
        "of the junction at 0 V; devices.junction, length of the drawn junction", 1e-3
    )
    resistance_ohm: float = _f(
        "in series with it; devices.junction, length of the drawn junction", 1e-3
    )
    saturation_a: float = _f("of the junction's diode; devices.ring_modulator", 1e-30)
    heater_ohm: float = _f("film; devices.heater, squares of the drawn film", 1e-3)
    heater_pm_per_mw: float = _f("shift of the resonance by heat; devices.ring_modulator")
    heater_tau_us: float = _f("thermal time constant; devices.heater", 1e-6)

    @property
    def coupling(self) -> float:
        """What the bus adds to the decay of the field, twice its share: 1 is critical coupling."""
        root = math.sqrt(1.0 - self.depth)
        return 1.0 + root if self.overcoupled else 1.0 - root

    @property
    def lifetime_ps(self) -> float:
        """Time in which the field of the ring falls to 1/e."""
        width_ghz = LIGHT_UM_PER_PS * 1e3 * self.fwhm_pm * 1e-3 / self.wavelength_nm**2 * 1e3
        return 1e3 / (math.pi * width_ghz)

    @property
    def depletion_pm(self) -> float:
        """Shift per unit of `sqrt(1 + v / built_in_v)`, which the depletion width grows with."""
        return 2.0 * self.built_in_v * self.bias_root * self.efficiency_pm_per_v

    @property
    def bias_root(self) -> float:
        """`sqrt(1 + v / built_in_v)` at the bias."""
        return math.sqrt(1.0 + self.bias_v / self.built_in_v)

    @property
    def gain(self) -> float:
        """Field that passes beside the resonance."""
        return 10 ** (-self.insertion_loss_db / 20.0)


class PhotodiodeParameters(Frozen):
    """A photodiode: a transit pole, a junction, a series resistance."""

    length_um: float = _f("of the germanium; measured in the layout", 0.1)
    width_um: float = _f("of the germanium; measured in the layout", 0.1)
    responsivity_a_per_w: float = _f("receiver.responsivity_a_per_w")
    dark_current_na: float = _f("in reverse; receiver.dark_current_na")
    bandwidth_ghz: float = _f("into a short, all poles; receiver.pd_bandwidth_ghz", 1e-3)
    capacitance_ff: float = _f("of the junction; devices.photodiode, drawn length", 1e-3)
    resistance_ohm: float = _f("in series with it; devices.photodiode", 1e-3)

    @property
    def rc_ghz(self) -> float:
        """Pole of junction and series resistance into a short."""
        return 1e6 / (2.0 * math.pi * self.resistance_ohm * self.capacitance_ff)

    @property
    def transit_ghz(self) -> float:
        """Pole of the carriers' transit: with `rc_ghz` it gives the bandwidth asked for."""
        at = self.bandwidth_ghz
        return at / math.sqrt(2.0 / (1.0 + (at / self.rc_ghz) ** 2) - 1.0)

    @property
    def transit_ps(self) -> float:
        """Time constant of that pole."""
        return 1e3 / (2.0 * math.pi * self.transit_ghz)


class DrawnRing(NamedTuple):
    """What the drawn gap, bends and implants alone would give a ring."""

    q: float
    """Loaded quality factor."""
    depth: float
    overcoupled: bool


def drawn_ring(numbers: Numbers, radius_um: float, gap_um: float) -> DrawnRing:
    """Return the resonance of a ring as `photonics.rings` models it.

    The design file states quality factor and depth itself, as a process with another coupler or
    other implants would have them; where the two disagree, this says how far the drawing is off.
    """
    length = 2.0 * math.pi * radius_um
    loss_db = ring_models.doped_loss_db(length, length / 2.0, numbers)
    lost = amplitude(loss_db + guide_loss_db(length, numbers))
    stays = math.cos(ring_models.coupling_angle(gap_um, radius_um, 0.0, numbers))
    width_ghz = ring_models.free_spectral_range_ghz(length, numbers)
    width_ghz /= ring_models.finesse(stays * lost)
    carrier_ghz = LIGHT_UM_PER_PS * 1e6 / numbers.carrier_nm
    dark = ((stays - lost) / (1.0 - stays * lost)) ** 2
    return DrawnRing(carrier_ghz / width_ghz, 1.0 - dark, stays < lost)


def ring_modulators(design: Design, engine: Netlist) -> dict[str, RingParameters]:
    """Return the parameters of each ring modulator of an engine by instance, in netlist order."""
    numbers, part = BANDS[design.technology.band], design.engine
    junction = numbers.junction
    found: dict[str, RingParameters] = {}
    for name, instance in engine.instances.items():
        if instance.type != "ring_modulator":
            continue
        radius, gap = (_measured(engine, name, key) for key in ("radius_um", "gap_um"))
        carrier_nm = _wavelength_nm(design, radius)
        length = junction_length_um(radius)
        squares = math.pi * radius / HEATER_WIDTH_UM + HEATER_SQUARES
        found[name] = RingParameters(
            wavelength_nm=carrier_nm,
            radius_um=radius,
            gap_um=gap,
            fwhm_pm=carrier_nm * 1000.0 / part.ring_q,
            depth=part.ring_depth,
            overcoupled=drawn_ring(numbers, radius, gap).overcoupled,
            detuning_pm=part.ring_detuning_pm,
            efficiency_pm_per_v=part.ring_efficiency_pm_per_v,
            insertion_loss_db=part.ring_loss_db,
            bias_v=design.serdes.tx_swing_v * part.driver_gain / 2.0,
            built_in_v=junction.built_in_v,
            capacitance_ff=junction.capacitance_ff_per_um * length,
            resistance_ohm=junction.resistance_ohm_um / length,
            saturation_a=numbers.ring_modulator.saturation_a,
            heater_ohm=numbers.heater.sheet_ohm * squares,
            heater_pm_per_mw=numbers.ring_modulator.heater_pm_per_mw,
            heater_tau_us=numbers.heater.tau_us,
        )
    return found


def _wavelength_nm(design: Design, radius_um: float) -> float:
    """Wavelength of the grid that a ring of this radius belongs to."""
    if design.engine.wavelengths == 1:
        return design.engine.wavelength_nm
    plan = engine_plan.plan(design.engine, design.fibre_lanes, design.technology.band)
    assert plan.modulator_rings is not None  # there is a ring
    radii = [abs(ring.radius_um - radius_um) for ring in plan.modulator_rings.rings]
    return resonance.wavelength_nm(plan.grid_ghz[radii.index(min(radii))])


def junction_length_um(radius_um: float) -> float:
    """Length of the junction that `cells.ring_modulator` draws: the half away from the bus."""
    return math.pi * radius_um


def photodiodes(design: Design, engine: Netlist) -> dict[str, PhotodiodeParameters]:
    """Return the parameters of each photodiode of an engine by instance, in netlist order.

    Raises:
        DesignError: the junction alone is slower than the bandwidth the design asks for.
    """
    part, receiver = BANDS[design.technology.band].photodiode, design.receiver
    found: dict[str, PhotodiodeParameters] = {}
    for name, instance in engine.instances.items():
        if instance.type != "photodiode":
            continue
        length, width = (_measured(engine, name, key) for key in ("length_um", "width_um"))
        one = PhotodiodeParameters(
            length_um=length,
            width_um=width,
            responsivity_a_per_w=receiver.responsivity_a_per_w,
            dark_current_na=receiver.dark_current_na,
            bandwidth_ghz=receiver.pd_bandwidth_ghz,
            capacitance_ff=part.capacitance_ff_per_um * length,
            resistance_ohm=part.resistance_ohm,
        )
        if one.bandwidth_ghz >= one.rc_ghz:
            raise DesignError(
                f"receiver.pd_bandwidth_ghz = {one.bandwidth_ghz:g} with {length:g} um of "
                f"germanium; allowed: below {one.rc_ghz:.4g}, the pole of its junction"
            )
        found[name] = one
    return found


def _measured(netlist: Netlist, name: str, key: str) -> float:
    parameters = netlist.instances[name].parameters
    if key not in parameters:
        raise DesignError(
            f"netlist {netlist.chip}: {name} has no {key}; allowed: an extracted netlist"
        )
    return parameters[key]
