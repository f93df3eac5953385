"""The photodiode as an ngspice subcircuit and as Verilog-A: `reference` in other words."""

from __future__ import annotations

from lightloom.photonics.export import header
from lightloom.photonics.export.parameters import PhotodiodeParameters

NAME = "photodiode"
_PORTS = (
    "Optical port o1 is a pair of nodes, real and imaginary part of the field in root mW (1 V is 1 "
    "root mW). Nodes e1 P and e2 N, as the layout's pins; in reverse the current runs from e2 to "
    "e1. All light is absorbed: nothing comes back.",
    "Responsivity behind the pole of the carriers' transit, which is set so that transit and "
    "junction together have bandwidth_ghz into a short. Shot noise of light and dark current. No "
    "saturation, no dependence of capacitance or transit on the bias.",
)


def spice(p: PhotodiodeParameters, source: str, name: str = NAME) -> str:
    """Return the subcircuit `name` for ngspice 39 and newer; `source` opens its header."""
    top = header.block("*", f"{name}: photodiode for ngspice.", (source, *_PORTS), p)
    given = "".join(f"+ {key}={header.number(value)}\n" for key, value in header.values(p).items())
    return f"""{top}
.subckt {name} o1_re o1_im e1 e2 params:
{given}
.param rc_s = {{resistance_ohm * capacitance_ff * 1e-15}}
.param w = {{6.28318530717959e9 * bandwidth_ghz}}
.param transit_s = {{sqrt(2 / (1 + w * rc_s * w * rc_s) - 1) / w}}

* photocurrent in mA as volts behind the transit pole
Bx 0 x i = {{responsivity_a_per_w}} * (v(o1_re) * v(o1_re) + v(o1_im) * v(o1_im))
Gx x 0 x 0 1
Cx x 0 {{transit_s}}

Rs e1 a {{resistance_ohm}}
Cj a e2 {{capacitance_ff * 1e-15}}
Bph e2 a i = 1e-3 * v(x)
* in reverse the diode gives the dark current and its noise
Dd a e2 dark
.model dark d(is={{max(dark_current_na * 1e-9, 1e-21)}} n=1 tnom=27)

* shot noise of the photocurrent: the noise voltage of q / 2kT = 19.33 ohm at 27 degrees has the
* density 2 q in numbers, and the root of the current weighs it
Rn sn 0 {{1.602176634e-19 / (2 * 1.380649e-23 * 300.15)}} temp=27
Bn e2 a i = v(sn) * sqrt(abs(1e-3 * v(x)) + 1e-18)
.ends {name}
"""


def verilog_a(p: PhotodiodeParameters, source: str, name: str = NAME) -> str:
    """Return the Verilog-A module `name`; `source` opens its header."""
    top = header.block("//", f"{name}: photodiode in Verilog-A.", (source, *_PORTS), p)
    given = "".join(
        f"  parameter real {key} = {header.number(value)};\n"
        for key, value in header.values(p).items()
    )
    return f"""{top}
`include "constants.vams"
`include "disciplines.vams"

module {name}(o1_re, o1_im, e1, e2);
  inout o1_re, o1_im, e1, e2;
  electrical o1_re, o1_im, e1, e2;
  electrical a, x;

{given}
  real rc_s, w, transit_s, light_a, dark_a;

  analog begin
    rc_s = resistance_ohm * capacitance_ff * 1e-15;
    w = 2e9 * `M_PI * bandwidth_ghz;
    transit_s = sqrt(2.0 / (1.0 + w * rc_s * w * rc_s) - 1.0) / w;

    // photocurrent in mA as volts behind the transit pole
    I(x) <+ V(x) - responsivity_a_per_w * (V(o1_re) * V(o1_re) + V(o1_im) * V(o1_im))
      + ddt(transit_s * V(x));

    light_a = 1e-3 * V(x);
    dark_a = dark_current_na * 1e-9 * (limexp(V(a, e2) / $vt) - 1.0);
    I(e1, a) <+ V(e1, a) / resistance_ohm;
    I(e1, a) <+ white_noise(4.0 * `P_K * $temperature / resistance_ohm, "thermal");
    I(a, e2) <+ dark_a - light_a + ddt(capacitance_ff * 1e-15 * V(a, e2));
    I(a, e2) <+ white_noise(2.0 * `P_Q * (abs(light_a) + abs(dark_a)), "shot");
  end
endmodule
"""
