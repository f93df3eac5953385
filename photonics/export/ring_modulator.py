"""The ring modulator as an ngspice subcircuit and as Verilog-A: `reference` in other words."""

from __future__ import annotations

from lightloom.photonics.export import header
from lightloom.photonics.export.parameters import RingParameters
from lightloom.photonics.export.reference import FLOOR, FORWARD

NAME = "ring_modulator"
_PORTS = (
    "Optical ports are pairs of nodes, real and imaginary part of the field at the carrier in root "
    "mW (1 V is 1 root mW; the power in mW is the sum of the squares), convention exp(+j w t). "
    "Light runs from o1 to o2; nothing is reflected. Nodes e1 P and e2 N of the junction, e3 and "
    "e4 of the heater; the numbers are those of the layout's pins.",
    "Coupled-mode theory of one resonance (Little et al., J. Lightwave Technol. 15, 998 (1997)), "
    "abrupt junction behind a resistance, heater behind a thermal pole. Holds while the resonance "
    "moves by a small part of the free spectral range. No two-photon absorption, no heat of the "
    "light, no other resonances; the delay of the bus waveguide is in the S-parameters instead.",
)


def spice(p: RingParameters, source: str, name: str = NAME) -> str:
    """Return the subcircuit `name` for ngspice 39 and newer; `source` opens its header."""
    top = header.block("*", f"{name}: ring modulator for ngspice.", (source, *_PORTS), p)
    given = "".join(f"+ {key}={header.number(value)}\n" for key, value in header.values(p).items())
    return f"""{top}
.subckt {name} o1_re o1_im o2_re o2_im e1 e2 e3 e4 params:
{given}
* the resonance is c fwhm / wavelength^2 wide in Hz; the field decays to 1/e in 1 / (pi width)
.param tau_s = {{wavelength_nm * wavelength_nm * 1e-6 / (3.14159265358979 * 299792458 * fwhm_pm)}}
.param k = {{1 + (2 * overcoupled - 1) * sqrt(1 - depth)}}
.param gain = {{exp(-insertion_loss_db * 2.30258509299405 / 20)}}
.param bias_root = {{sqrt(1 + bias_v / built_in_v)}}
.param depletion_pm = {{2 * built_in_v * bias_root * efficiency_pm_per_v}}

* junction: series resistance, then the diode with its depletion capacitance
Rs e1 a {{resistance_ohm}}
Dj a e2 junction
.model junction d(is={{saturation_a}} n=1 cjo={{capacitance_ff * 1e-15}} vj={{built_in_v}} m=0.5
+ fc={FORWARD} tt=0 tnom=27)

* heater: its power in mW as volts behind the thermal pole
Rh e3 e4 {{heater_ohm}}
Bp 0 th i = v(e3, e4) * v(e3, e4) * {{1e3 / heater_ohm}}
Gth th 0 th 0 1
Cth th 0 {{heater_tau_us * 1e-6}}

* resonance less carrier in half widths
Bu u 0 v = {{2 / fwhm_pm}} * ({{detuning_pm - depletion_pm * bias_root}}
+ + {{depletion_pm}} * sqrt(max(1 + v(e2, a) / {{built_in_v}}, {FLOOR}))
+ + {{heater_pm_per_mw}} * v(th))

* field that the ring sends back into the bus: tau db/dt = -(1 + j u) b - k s
Cre b_re 0 {{tau_s}}
Gre b_re 0 b_re 0 1
Bre 0 b_re i = v(u) * v(b_im) - {{k}} * v(o1_re)
Cim b_im 0 {{tau_s}}
Gim b_im 0 b_im 0 1
Bim 0 b_im i = -v(u) * v(b_re) - {{k}} * v(o1_im)

Bo_re o2_re 0 v = {{gain}} * (v(o1_re) + v(b_re))
Bo_im o2_im 0 v = {{gain}} * (v(o1_im) + v(b_im))
.ends {name}
"""


def verilog_a(p: RingParameters, source: str, name: str = NAME) -> str:
    """Return the Verilog-A module `name`; `source` opens its header."""
    top = header.block("//", f"{name}: ring modulator in Verilog-A.", (source, *_PORTS), p)
    given = "".join(
        f"  parameter real {key} = {header.number(value)};\n"
        for key, value in header.values(p).items()
    )
    return f"""{top}
`include "constants.vams"
`include "disciplines.vams"

module {name}(o1_re, o1_im, o2_re, o2_im, e1, e2, e3, e4);
  inout o1_re, o1_im, o2_re, o2_im, e1, e2, e3, e4;
  electrical o1_re, o1_im, o2_re, o2_im, e1, e2, e3, e4;
  electrical a, th, b_re, b_im;

{given}
  real tau_s, k, gain, bias_root, depletion_pm, detuned_pm, u, cjo, x, charge;

  analog begin
    // the resonance is c fwhm / wavelength^2 wide in Hz; the field decays in 1 / (pi width)
    tau_s = wavelength_nm * wavelength_nm * 1e-6 / (`M_PI * `P_C * fwhm_pm);
    k = 1.0 + (2.0 * overcoupled - 1.0) * sqrt(1.0 - depth);
    gain = pow(10.0, -insertion_loss_db / 20.0);
    bias_root = sqrt(1.0 + bias_v / built_in_v);
    depletion_pm = 2.0 * built_in_v * bias_root * efficiency_pm_per_v;

    // junction: series resistance, then the diode with its depletion charge
    I(e1, a) <+ V(e1, a) / resistance_ohm;
    I(e1, a) <+ white_noise(4.0 * `P_K * $temperature / resistance_ohm, "thermal");
    cjo = capacitance_ff * 1e-15;
    x = V(a, e2) / built_in_v;
    if (x < {FORWARD})
      charge = 2.0 * cjo * built_in_v * (1.0 - sqrt(1.0 - x));
    else
      charge = cjo * built_in_v * (2.0 * (1.0 - sqrt(1.0 - {FORWARD}))
        + ((1.0 - 1.5 * {FORWARD}) * (x - {FORWARD})
        + 0.25 * (x * x - {FORWARD} * {FORWARD})) / pow(1.0 - {FORWARD}, 1.5));
    I(a, e2) <+ saturation_a * (limexp(V(a, e2) / $vt) - 1.0) + ddt(charge);

    // heater: its power in mW as volts behind the thermal pole
    I(e3, e4) <+ V(e3, e4) / heater_ohm;
    I(th) <+ V(th) - 1e3 * V(e3, e4) * V(e3, e4) / heater_ohm + ddt(heater_tau_us * 1e-6 * V(th));

    // resonance less carrier in half widths
    detuned_pm = detuning_pm + heater_pm_per_mw * V(th)
      + depletion_pm * (sqrt(max(1.0 - x, {FLOOR})) - bias_root);
    u = 2.0 * detuned_pm / fwhm_pm;

    // field that the ring sends back into the bus: tau db/dt = -(1 + j u) b - k s
    I(b_re) <+ V(b_re) - u * V(b_im) + k * V(o1_re) + ddt(tau_s * V(b_re));
    I(b_im) <+ V(b_im) + u * V(b_re) + k * V(o1_im) + ddt(tau_s * V(b_im));
    V(o2_re) <+ gain * (V(o1_re) + V(b_re));
    V(o2_im) <+ gain * (V(o1_im) + V(b_im));
  end
endmodule
"""
