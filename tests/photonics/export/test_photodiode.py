"""The generated photodiode says what the golden model says, in ngspice and in Verilog-A."""

import numpy as np
import pytest

from lightloom.photonics.export import reference
from lightloom.photonics.export.photodiode import spice, verilog_a

BOLTZMANN = 1.380649e-23


@pytest.mark.slow
def test_ngspice_current_follows_power(photodiode, ngspice):
    circuit = """.options reltol=1e-7 abstol=1e-16
Vr r 0 0
Vm m 0 0.5
Vb b 0 1
X1 r m 0 b photodiode"""
    fields, (current,) = ngspice(
        spice(photodiode, "Test."), circuit, "dc vr 0 1.5 0.1\nwrdata out.txt i(vb)"
    )
    golden = [reference.photocurrent_a(photodiode, r**2 + 0.25) for r in fields]
    assert -current == pytest.approx(np.array(golden), rel=1e-6, abs=0)


@pytest.mark.slow
def test_ngspice_is_dark_without_light(photodiode, ngspice):
    circuit = ".options abstol=1e-16\nVb b 0 2\nX1 0 0 0 b photodiode"
    _, out = ngspice(spice(photodiode, "Test."), circuit, "op\nwrdata out.txt i(vb)")
    # the simulator adds its least conductance, 1 pS, across every junction
    assert -out[0, 0] == pytest.approx(12e-9, abs=4e-12)


@pytest.mark.slow
@pytest.mark.parametrize("load_ohm", [0.0, 50.0, 400.0])
def test_ngspice_bandwidth_is_that_of_transit_and_rc(photodiode, ngspice, load_ohm):
    circuit = f"""Vr r 0 dc 0.8 ac 1
Vb b 0 2
Rl b n {load_ohm + 1e-6}
X1 r 0 0 n photodiode"""
    frequencies, (re, im) = ngspice(
        spice(photodiode, "Test."), circuit, "ac dec 200 1e7 1e12\nwrdata out.txt vr(vb#branch) "
        "vi(vb#branch)"
    )  # fmt: skip
    per_field = 2 * 0.8 * 1e-3  # mW to W, slope of the square
    golden = -per_field * reference.photodiode_response(photodiode, frequencies, load_ohm)
    assert re + 1j * im == pytest.approx(golden, abs=1e-6 * np.abs(golden).max())
    half = np.flatnonzero(np.hypot(re, im) < np.hypot(re[0], im[0]) / np.sqrt(2))[0]
    f3db = reference.bandwidth_hz(lambda f: reference.photodiode_response(photodiode, f, load_ohm))
    assert frequencies[half - 1] <= f3db <= frequencies[half]
    if load_ohm == 0:
        assert f3db == pytest.approx(45e9, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("field", [0.0, 0.1, 1.0, 2.0])
def test_ngspice_shot_noise_density(photodiode, ngspice, field):
    circuit = f"""Vr r 0 dc {field} ac 1
Vb b 0 6
Rl b n 1000 noisy=0
X1 r 0 0 n photodiode"""
    _, (root_v,) = ngspice(
        spice(photodiode, "Test."),
        circuit,
        "noise v(n) vr dec 5 1e5 1e6\nsetplot noise1\nwrdata out.txt onoise_spectrum",
    )
    density = (root_v / 1000.0) ** 2
    golden = reference.shot_noise_a2_per_hz(photodiode, field**2)
    assert density == pytest.approx(np.full(density.size, golden), rel=1e-3, abs=0)


@pytest.mark.slow
def test_ngspice_pulse_rises_with_both_poles(photodiode, ngspice):
    circuit = """.options reltol=1e-6 abstol=1e-12 vntol=1e-9
Vr r 0 pwl(0 0 1p 0 1.001p 1)
Vb b 0 2
Rl b n 200
X1 r 0 0 n photodiode"""
    control = "tran 0.02p 30p 0 0.02p\nlinearize i(vb)\nwrdata out.txt i(vb)"
    times, (current,) = ngspice(spice(photodiode, "Test."), circuit, control)
    p = photodiode
    a, b = p.transit_ps * 1e-12, 235.0 * p.capacitance_ff * 1e-15
    t = np.maximum(times - 1.0005e-12, 0)
    rise = 1 - (a * np.exp(-t / a) - b * np.exp(-t / b)) / (a - b)
    golden = 1e-3 * p.responsivity_a_per_w * rise + 12e-9
    assert -current == pytest.approx(golden, abs=2e-3 * golden.max())


def test_verilog_a_current_follows_power(photodiode, compiled):
    module = compiled(verilog_a(photodiode, "Test."))
    assert module.terminals == ["o1_re", "o1_im", "e1", "e2"]
    for field in (0.0, 0.3, 1.4):
        rest = module.solve({"o1_re": field, "o1_im": 0.5, "e1": 0.0, "e2": 1.0})
        f, _, _, _ = module.at(rest)
        current = f[module.nodes.index("e1")], f[module.nodes.index("e2")]
        golden = reference.photocurrent_a(photodiode, field**2 + 0.25)
        assert current == pytest.approx((-golden, golden), rel=1e-9, abs=0)


@pytest.mark.parametrize("load_ohm", [0.0, 120.0])
def test_verilog_a_response_is_that_of_transit_and_rc(photodiode, compiled, load_ohm):
    module = compiled(verilog_a(photodiode, "Test."))
    held = {"o1_re": 0.8, "o1_im": 0.0, "e1": 0.0, "e2": 2.0}
    # a load at e1 is the same circuit as a larger series resistance with the same transit time
    p = photodiode
    given = {"resistance_ohm": p.resistance_ohm + load_ohm}
    rest = module.solve(held, **given)
    frequencies = np.geomspace(1e8, 1e12, 50)
    driven = {**dict.fromkeys(held, 0.0), "o1_re": 1.0}
    small = module.small(rest, driven, frequencies, **given)
    changed = p.model_copy(update=given)
    golden = 1.6e-3 * reference.photodiode_response(changed, frequencies)
    current = -small[:, module.nodes.index("a")] / given["resistance_ohm"]
    assert -current == pytest.approx(golden, abs=1e-6 * np.abs(golden).max())


def test_the_compiler_lists_shot_and_thermal_noise(photodiode, compiled):
    module = compiled(verilog_a(photodiode, "Test.")).module
    sources = module.get_osdi_descriptor()["noise_sources"]
    assert sorted(source["name"] for source in sources) == ["shot", "thermal"]


@pytest.mark.parametrize(("make", "mark"), [(spice, "*"), (verilog_a, "//")])
def test_the_header_gives_every_parameter_with_its_source(photodiode, make, mark):
    text = make(photodiode, "Made from here.")
    comments = " ".join(
        line.removeprefix(mark).strip() for line in text.splitlines() if line.startswith(mark)
    )
    for name, field in type(photodiode).model_fields.items():
        assert f"{name} = " in comments
        assert field.description in comments
