"""What the temperature around a switch does to its cells.

All arms warm alike, so a balanced cell with cold heaters keeps its state. What drifts is

- the phase that a volt makes: silicon turns light more the warmer it is, oxide carries more heat
  away, and the film's resistance rises, so that a voltage drives less power;
- couplers: warm silicon holds light more tightly;
- arms of unequal length, drawn so.

The first is the largest and grows with the phase that a heater makes: cells whose arms differ by
the process need up to a turn. The rate at which the index follows the width hardly depends on the
temperature (1.3e-6 per K relative, by the effective-index method in the O-band), so the process's
phase errors themselves stay. Left out: gradients over the chip, for which no source was found, and
the lasers' own drift.
"""

from __future__ import annotations

import math

from pydantic import Field

from lightloom.photonics.devices import Numbers
from lightloom.spec.base import Frozen


class Ambient(Frozen):
    """Temperature coefficients at 25 C, of the O-band unless given."""

    silicon_rise_per_k: float = Field(default=1.395e-3, ge=-0.01, le=0.01)
    """Relative rise of silicon's dn/dT: `9.48e-5 + 3.47e-7 T - 1.49e-10 T^2` with T in kelvin,
    Cocorullo, Della Corte and Rendina, Appl. Phys. Lett. 74, 3338 (1999), recalled. Its value at
    300 K is the 1.86e-4 per K that is widely used (Sci. Rep. 13, 48836 (2023), table 1)."""
    oxide_conductivity_per_k: float = Field(default=1.45e-3, ge=-0.01, le=0.01)
    """Relative rise of the oxide's thermal conductivity: vitreous silica has 1.30, 1.40 and
    1.50 W/(m K) at 0, 50 and 100 C, CRC Handbook of Chemistry and Physics, *Thermal conductivity of
    glasses*. The heat of a film flows through oxide alone; of an undercut one much of it does."""
    resistance_per_k: float = Field(default=1.0e-3, ge=-0.01, le=0.01)
    """Of the TiN film. Creemer et al., Sens. Actuators A 148, 416 (2008): that of low-stress TiN is
    small and changes its sign, that of high-stress TiN is close to platinum's (thin films: 2e-3 to
    3e-3, recalled). Demonstration value between them."""
    index_per_k: float = Field(default=1.984e-4, ge=-0.01, le=0.01)
    """Of the strip: effective-index method, silicon 1.86e-4 and silica 8.5e-6 per K (Sensors 23,
    6023 (2023))."""
    coupling_per_k: float = Field(default=-4.35e-4, ge=-0.01, le=0.01)
    """Relative change of a coupler's rate at a gap of 0.2 um; same method. A warmer strip is one at
    a shorter wavelength, by its V number: with the slope of `devices.Coupler` over the wavelength
    that gives the same to 3 %, and a spectrum that moves by 82 pm per K. No measurement was found
    of the couplers alone."""

    def efficiency(self, kelvin: float) -> float:
        """Phase of a heater at a voltage, over that at the reference temperature."""
        turn = 1.0 + self.silicon_rise_per_k * kelvin
        heat = 1.0 + self.oxide_conductivity_per_k * kelvin
        return turn / heat / (1.0 + self.resistance_per_k * kelvin)

    def path_rad(self, length_um: float, kelvin: float, numbers: Numbers) -> float:
        """Phase that a waveguide gains."""
        turns = length_um / (numbers.carrier_nm * 1e-3)
        return 2.0 * math.pi * turns * self.index_per_k * kelvin


O_BAND = Ambient()
C_BAND = Ambient(index_per_k=1.905e-4, coupling_per_k=-3.75e-4)
BANDS = {"O": O_BAND, "C": C_BAND}
"""By the name of the band."""
