"""Numbers of the demonstration devices in each band, each with its source, and what follows.

`demonstration value` means chosen in the range of published devices, not measured on a process.
*EIM* means computed by the effective-index method for a 220 nm thick silicon strip in oxide, 420 nm
wide in the O-band and 450 nm in the C-band, with the Sellmeier equations of Salzberg and Villa
(1957) and Malitson (1965); the test of this module computes it again. The method overestimates
confinement by some per cent; it is used because it is open and repeatable.

Phases and lengths are for TE light at `Numbers.carrier_nm` unless a wavelength is given. Defaults
of the parts are the O-band's; `C_BAND` states what differs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from lightloom.photonics.tech import WIRE_WIDTH
from lightloom.spec.base import Frozen

LIGHT_UM_PER_PS = 299.792458
"""Speed of light in vacuum."""
DRIVE_HEADROOM = 2.3
"""Full scale of a phase shifter's driver over the power of half a turn: a whole turn is reached."""


class Guide(Frozen):
    """Strip waveguide."""

    index: float = 2.6375
    """Effective index; EIM."""
    group_index: float = 4.177
    """EIM, with the dispersion of both materials."""
    loss_db_per_cm: float = 2.0
    """Demonstration value; 1-3 dB/cm is the class of 220 nm strip waveguides in both bands."""
    width_slope_per_um: float = 1.572
    """Change of the index per um of width; EIM 2 nm to both sides."""
    thickness_slope_per_um: float = 3.071
    """Change of the index per um of thickness; EIM 2 nm to both sides."""


class Coupler(Frozen):
    """Directional coupler: field coupling per length `rate exp(-decay gap)`."""

    rate_per_um: float = 0.33363
    """Fit to EIM supermodes of two strips, gaps 0.15 to 0.40 um, error below 0.7 %."""
    decay_per_um: float = 10.6440
    """Same fit."""
    rate_slope_per_um: float = 2.357
    """Relative change of the rate per um of wavelength; EIM 5 nm to both sides."""
    decay_slope_per_um: float = -14.61
    """Change of the decay per um of wavelength; EIM 5 nm to both sides."""
    width_slope_per_um: float = 1.68
    """Relative change of the rate per um of width, the gap narrowing as much; EIM at 0.2 um gap."""
    thickness_slope_per_um: float = -6.97
    """Relative change of the rate per um of thickness; EIM at 0.2 um gap."""
    pitch_um: float = 40.0
    """Distance of the two pins on a side, centre to centre."""
    bend_length_um: float = 60.0
    """Length of the S-bend from a pin to the parallel part, along the coupler."""
    excess_loss_db: float = 0.05
    """Demonstration value."""


class Crossing(Frozen):
    """Waveguide crossing with widened arms."""

    loss_db: float = 0.05
    """Demonstration value; shaped crossings of 0.02-0.1 dB are published."""
    crosstalk_db: float = -40.0
    """Into each side arm; demonstration value, -37 to -45 dB are published."""


class Heater(Frozen):
    """Thermo-optic phase shifter: TiN film 2 um above the strip."""

    p_pi_mw: float = 25.0
    """Plain TiN heaters: 20-30 mW. Independent of length to first order; in the C-band more by the
    wavelength, for a turn is a wavelength of optical path."""
    p_pi_undercut_mw: float = 3.5
    """Undercut heaters: 2-5 mW. The bands differ as above."""
    tau_us: float = 10.0
    """Plain: 5-20 us."""
    tau_undercut_us: float = 100.0
    """Undercut: 50-200 us."""
    sheet_ohm: float = 10.0
    """100 nm TiN film; demonstration value, the same as `tech.SHEET_OHM`."""
    crosstalk: float = 0.02
    """Share of the phase that appears at `crosstalk_um`; demonstration value."""
    crosstalk_um: float = 40.0
    """Reference distance of `crosstalk`."""
    crosstalk_decay_um: float = 60.0
    """Distance over which it falls to 1/e: the die sinks heat; demonstration value."""
    loss_db: float = 0.02
    """Beside the waveguide's loss; demonstration value."""


class EdgeCoupler(Frozen):
    """Inverse taper to a lensed fibre or a fibre array."""

    loss_db: float = 1.5
    """Per facet, TE; below 1.52 dB over the O-band, Adv. Photon. Nexus 4, 026004 (2025). C-band:
    demonstration value, 1-2 dB is the class."""
    return_loss_db: float = 35.0
    """Of the facet; an inverse taper in oxide against a fibre with index matching, 30-40 dB class.
    Demonstration value."""


class GratingCoupler(Frozen):
    """Shallow-etched grating under a single-mode fibre."""

    loss_db: float = 3.5
    """At the carrier; uniform gratings on 220 nm silicon without a mirror: 3-5 dB class."""
    bandwidth_nm: float = 35.0
    """Full width at 1 dB more loss; 30-45 nm is the class of the same gratings."""
    period_um: float = 0.5
    """For light some degrees off the vertical; demonstration value."""
    return_loss_db: float = 25.0
    """Back into the waveguide; 15-30 dB class. Demonstration value."""


class Terminator(Frozen):
    """Doped taper at the end of an unused waveguide."""

    return_loss_db: float = 40.0
    """Demonstration value."""


class Tap(Frozen):
    """Power tap: a coupler whose bends alone couple."""

    gap_um: float = 0.3
    """1.1 % of the power crosses in the O-band; `coupling_angle` says how much at any gap."""


class Splitter(Frozen):
    """1x2 multimode interference splitter, fully etched."""

    width_um: float = 2.5
    """Of the body: the narrowest that two accesses fit on with a gap that can be drawn."""
    length_um: float = 7.9
    """Of the body: the shortest with two images, by the slab modes of EIM; the test of the cell
    computes it again."""
    access_um: float = 1.1
    """Width of the waveguides where they meet the body."""
    image_um: float = 0.675
    """From the axis to the middle of each image."""
    loss_db: float = 0.2
    """Beside the halving. EIM says 0.02 dB; 0.28 dB is published for a Y-junction made with 193 nm
    lithography, Opt. Express 21, 1310 (2013). Demonstration value."""
    imbalance_db: float = 0.1
    """`o2` over `o3`: the body is symmetrical, what is left is how it is made. Demonstration value;
    a worst case over a tree of splitters takes it at each."""


class RingFilter(Frozen):
    """Add-drop ring that takes one wavelength off a bus, or puts it on."""

    gap_um: float = 0.15
    """Between ring and buses: the least that can be drawn, so that rings are small."""
    fill: float = 0.25
    """Full width of the resonance over the spacing of the wavelengths: a neighbour is 18 dB down.
    Demonstration value."""
    width_max_ghz: float = 100.0
    """Widest resonance: passes the fastest lane, 64 GBd, whatever the spacing."""
    turn_loss_db: float = 0.02
    """Of a round trip, beside the waveguide's: bends of 5 um and the mode's way into them.
    Demonstration value."""


class Pin(Frozen):
    """Electro-optic phase shifter: a lateral PIN diode in a rib, driven forward."""

    p_pi_mw: float = 3.0
    """For half a turn; 2-4 mW is the class of published 250-400 um long diodes."""
    tau_us: float = 0.003
    """Carriers; switching in 3.2 and 2.5 ns is published, Opt. Express 24, 9295 (2016)."""
    voltage_v: float = 0.95
    """Forward voltage at half a turn; demonstration value, a silicon junction at some mA."""
    electrons_index: tuple[float, float] = (6.2e-22, 1.0)
    """Index change `-a N^b` of N electrons per cm3; Soref and Bennett, IEEE J. Quantum Electron.
    23, 123 (1987), at 1.3 um."""
    holes_index: tuple[float, float] = (6.0e-18, 0.8)
    """The same for holes."""
    absorption_cm2: tuple[float, float] = (6.0e-18, 4.0e-18)
    """Absorption per cm of an electron and a hole per cm3; same source."""
    confinement: float = 0.8
    """Part of the mode in the silicon that carriers fill; demonstration value."""
    loss_db: float = 0.1
    """Undriven, beside the waveguide's loss: the tapers and the doped silicon beside the mode."""

    def carriers_cm3(self, phase_rad: float, length_um: float, wavelength_nm: float) -> float:
        """Electron-hole pairs per cm3 that turn the phase in a diode of this length."""
        wanted = phase_rad * wavelength_nm * 1e-3 / (2.0 * math.pi * length_um * self.confinement)
        low, high = 0.0, 1e21
        for _ in range(200):
            middle = (low + high) / 2.0
            change = sum(a * middle**b for a, b in (self.electrons_index, self.holes_index))
            low, high = (middle, high) if change < wanted else (low, middle)
        return high

    def driven_loss_db(self, phase_rad: float, length_um: float, wavelength_nm: float) -> float:
        """Absorption by the carriers that turn the phase: what switching costs in light."""
        carriers = self.carriers_cm3(abs(phase_rad), length_um, wavelength_nm)
        per_cm = carriers * sum(self.absorption_cm2) * self.confinement
        return 10.0 * math.log10(math.e) * per_cm * length_um * 1e-4


class Junction(Frozen):
    """Lateral PN junction in a rib."""

    v_pi_l_v_cm: float = 0.825
    """Photonics Research 10, 1127 (2022). C-band: demonstration value, the same; the longer
    wavelength asks for more index change, and the plasma effect grows with its square."""
    doping_per_cm3: float = 5e17
    """Both sides; demonstration value, depletion modulators have 2e17 to 2e18."""
    built_in_v: float = 0.917
    """`kT/q ln(N^2 / ni^2)` at 300 K, ni = 1e10 per cm3; the test computes it again."""
    capacitance_ff_per_um: float = 0.331
    """At 0 V: abrupt junction of two equal dopings across the 220 nm core. Fringing fields come on
    top; they cost about 20 % of the bandwidth (IEEE Photon. J. 5, 2200211 (2013))."""
    resistance_ohm_um: float = 11730.0
    """From one contact implant to the other in `tech.PN`, with the mobilities of Arora, Hauser and
    Roulston, IEEE Trans. Electron Devices 29, 292 (1982), at 300 K."""


class RingModulator(Frozen):
    """What a ring modulator has beside its waveguide and its junction."""

    heater_pm_per_mw: float = 100.0
    """TiN heater on a ring: 0.1 nm/mW, Photonics Research 10, 1127 (2022)."""
    saturation_a: float = 1e-15
    """Of the junction diode; demonstration value: far below any current of the model."""


class Eam(Frozen):
    """Germanium-silicon absorption modulator."""

    loss_db_per_um: float = 0.1
    """Without voltage: with the tapers 4.5 dB at 40 um; 4-5 dB is published for GeSi devices."""
    taper_loss_db: float = 0.25
    """Into the germanium and out of it, each; demonstration value."""


class Photodiode(Frozen):
    """Germanium photodiode."""

    capacitance_ff_per_um: float = 0.5
    """Per length of the germanium, depleted; demonstration value: 10 fF at 20 um, the class of
    waveguide photodiodes beyond 50 GHz."""
    resistance_ohm: float = 30.0
    """Contacts and silicon; demonstration value, tens of ohm are the class."""
    absorption_db_per_um: float = 0.7
    """Of the mode on silicon under germanium: 20 um absorb 96 %. Demonstration value."""
    return_loss_db: float = 30.0
    """Where the germanium begins; demonstration value."""


class Numbers(Frozen):
    """The numbers of one band: waveguide, wavelength, and every kind of device."""

    band: Literal["O", "C"] = "O"
    carrier_nm: float = 1310.0
    """Wavelength that the numbers hold at."""
    wire_width_um: float = WIRE_WIDTH
    """Width of the strip waveguide, an even number of grid steps."""
    guide: Guide = Guide()
    coupler: Coupler = Coupler()
    crossing: Crossing = Crossing()
    heater: Heater = Heater()
    edge_coupler: EdgeCoupler = EdgeCoupler()
    grating_coupler: GratingCoupler = GratingCoupler()
    terminator: Terminator = Terminator()
    tap: Tap = Tap()
    splitter: Splitter = Splitter()
    ring_filter: RingFilter = RingFilter()
    pin: Pin = Pin()
    junction: Junction = Junction()
    ring_modulator: RingModulator = RingModulator()
    eam: Eam = Eam()
    photodiode: Photodiode = Photodiode()

    def __hash__(self) -> int:
        """Quick, for the caches of what follows from the numbers."""
        return hash((self.band, self.carrier_nm, self.wire_width_um))

    def coupling_rate(self, gap_um: float, wavelength_nm: float | None = None) -> float:
        """Field coupling per um of two parallel strips, `gap_um` apart.

        `wavelength_nm` is the carrier when absent.
        """
        part = self.coupler
        step_um = 0.0 if wavelength_nm is None else (wavelength_nm - self.carrier_nm) / 1000.0
        rate = part.rate_per_um * math.exp(part.rate_slope_per_um * step_um)
        return rate * math.exp(-(part.decay_per_um + part.decay_slope_per_um * step_um) * gap_um)

    def bend_offset(self, gap_um: float) -> float:
        """Sideways offset in um of each S-bend of a coupler."""
        return (self.coupler.pitch_um - gap_um - self.wire_width_um) / 2.0

    def coupling_angle(
        self, gap_um: float, length_um: float, wavelength_nm: float | None = None
    ) -> float:
        """Coupling angle in rad of a `coupler2x2`: its parallel part and the S-bends at both ends.

        The cross power is the sine squared of this angle. In the bends the rate follows the local
        gap.

        Args:
            gap_um: gap of the parallel part in um.
            length_um: length of the parallel part in um.
            wavelength_nm: wavelength in nm, the carrier when absent.
        """
        length, offset, steps = self.coupler.bend_length_um, self.bend_offset(gap_um), 400
        total = 0.0
        # Simpson's rule over one bend: the gap opens slowly at first, then the rate has died away.
        for i in range(steps + 1):
            weight = 1 if i in (0, steps) else 4 if i % 2 else 2
            height = sine_bend(length * i / steps, length, offset)
            total += weight * self.coupling_rate(gap_um + 2.0 * height, wavelength_nm)
        bends = 2.0 * total * length / steps / 3.0
        return self.coupling_rate(gap_um, wavelength_nm) * length_um + bends

    def half_length(self, gap_um: float) -> float:
        """Length in um of the parallel part that splits the power in halves, on the 1 nm grid.

        Raises:
            ValueError: when the bends alone couple more than half.
        """
        length = (math.pi / 4.0 - self.coupling_angle(gap_um, 0.0)) / self.coupling_rate(gap_um)
        if length < 0.0:
            raise ValueError(f"gap_um = {gap_um}; its bends alone couple more than half the power")
        return round(length, 3)

    def thermal_crosstalk(self, distance_um: float) -> float:
        """Phase at a waveguide `distance_um` from a heater, relative to the heated waveguide's."""
        part = self.heater
        far = math.exp(-(distance_um - part.crosstalk_um) / part.crosstalk_decay_um)
        return min(1.0, part.crosstalk * far)

    def heater_ohm(self, length_um: float, width_um: float) -> float:
        """Resistance in ohm of a heater film."""
        return self.heater.sheet_ohm * length_um / width_um

    def heater_p_pi_mw(self, undercut: bool) -> float:
        """Power in mW for half a turn."""
        return self.heater.p_pi_undercut_mw if undercut else self.heater.p_pi_mw

    def heater_tau_us(self, undercut: bool) -> float:
        """Thermal time constant in us."""
        return self.heater.tau_undercut_us if undercut else self.heater.tau_us


O_BAND = Numbers()
C_BAND = Numbers(
    band="C",
    carrier_nm=1550.0,
    wire_width_um=0.45,  # the usual one: a single TE mode at 1550 nm
    guide=Guide(  # EIM
        index=2.4187, group_index=4.065, width_slope_per_um=1.704, thickness_slope_per_um=3.388
    ),
    coupler=Coupler(
        rate_per_um=0.45102,  # as in the O-band, error below 0.7 %
        decay_per_um=7.9793,
        rate_slope_per_um=1.812,
        decay_slope_per_um=-10.40,
        width_slope_per_um=-0.04,
        thickness_slope_per_um=-6.91,
        # The mode reaches further out: 60 um would couple half the power at a gap of 0.2 um.
        bend_length_um=40.0,
    ),
    heater=Heater(p_pi_mw=29.6, p_pi_undercut_mw=4.1),
    grating_coupler=GratingCoupler(period_um=0.62),
    tap=Tap(gap_um=0.4),
    splitter=Splitter(length_um=6.4),  # EIM; 0.01 dB
    pin=Pin(  # Soref and Bennett at 1.55 um
        electrons_index=(8.8e-22, 1.0),
        holes_index=(8.5e-18, 0.8),
        absorption_cm2=(8.5e-18, 6.0e-18),
    ),
    edge_coupler=EdgeCoupler(loss_db=1.5),
    junction=Junction(v_pi_l_v_cm=0.825),
)
BANDS: Mapping[str, Numbers] = MappingProxyType({"O": O_BAND, "C": C_BAND})
"""Numbers by the name of the band in a design, a netlist and a layout."""


def of_width(width_um: float) -> Numbers:
    """Return the numbers of the band whose strip has this width.

    Raises:
        ValueError: when no band has.
    """
    for numbers in BANDS.values():
        if math.isclose(numbers.wire_width_um, width_um, abs_tol=1e-6):
            return numbers
    allowed = ", ".join(f"{n.wire_width_um:g} ({n.band}-band)" for n in BANDS.values())
    raise ValueError(f"width = {width_um:g} um; allowed: {allowed}")


def sine_bend(x: float, length: float, offset: float) -> float:
    """Height at `x` of an S-bend with neither slope nor curvature at its ends."""
    t = x / length
    return offset * (t - math.sin(2.0 * math.pi * t) / (2.0 * math.pi))
