"""The generated ring modulator says what the golden model says, in ngspice and in Verilog-A."""

import numpy as np
import pytest

from lightloom.photonics.export import reference
from lightloom.photonics.export.ring_modulator import spice, verilog_a
from lightloom.spec.optical_model import Ring

BAUD_HZ = 32e9
EDGE_S = 6e-12


def lorentzian(p, detuning_pm, volts=0.0):
    """Power transmission by the words of `spec.optical_model.Ring`."""
    ring = Ring(
        fwhm_pm=p.fwhm_pm,
        depth=p.depth,
        detuning_pm=detuning_pm,
        efficiency_pm_per_v=p.efficiency_pm_per_v,
        bandwidth_ghz=40.0,
        insertion_loss_db=p.insertion_loss_db,
    )
    d = ring.detuning_pm + ring.efficiency_pm_per_v * volts
    power = 1 - ring.depth / (1 + (2 * d / ring.fwhm_pm) ** 2)
    return power * 10 ** (-ring.insertion_loss_db / 10)


def pattern(seed=7, bits=24):
    """Corners of a pulse train of 2 Vpp about 1.2 V reverse, and its function of time."""
    print(f"seed {seed}")
    levels = 0.2 + 2.0 * np.random.default_rng(seed).integers(0, 2, bits)
    t, v = [0.0], [levels[0]]
    for k in range(1, bits):
        t += [k / BAUD_HZ - EDGE_S / 2, k / BAUD_HZ + EDGE_S / 2]
        v += [levels[k - 1], levels[k]]
    t, v = np.array([*t, bits / BAUD_HZ]), np.array([*v, levels[-1]])
    return t, v, lambda at: float(np.interp(at, t, v))


@pytest.mark.slow
def test_ngspice_transmits_the_lorentzian_over_detuning(ring, ngspice):
    detunings = np.linspace(-700, 700, 71)
    circuit = "Vi i 0 0.8\nVb e2 0 1.2\n" + "".join(
        f"X{n} i 0 r{n} m{n} 0 e2 0 0 ring_modulator detuning_pm={d}\n"
        for n, d in enumerate(detunings)
    )
    names = " ".join(f"v(r{n}) v(m{n})" for n in range(detunings.size))
    _, out = ngspice(spice(ring, "Test."), circuit, f"op\nwrdata out.txt {names}")
    power = (out.reshape(-1, 2) ** 2).sum(axis=1) / 0.64
    golden = [lorentzian(ring, float(detuning)) for detuning in detunings]
    assert power == pytest.approx(np.array(golden), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("overcoupled", [False, True])
def test_ngspice_field_over_voltage_and_heat(ring, ngspice, overcoupled):
    p = ring.model_copy(update={"overcoupled": overcoupled})
    circuit = """.options reltol=1e-7 vntol=1e-10
Vi i 0 0.6
Vq q 0 0.8
Vd e2 0 0
Vh h 0 0.5
X1 i q r m 0 e2 h 0 ring_modulator"""
    control = "dc vd -0.4 6 0.2\nwrdata out.txt v(r) v(m)"
    volts, (re, im) = ngspice(spice(p, "Test."), circuit, control)
    heat_mw = 0.25 / p.heater_ohm * 1e3
    # forward current at -0.4 V over the series resistance is nanovolts
    golden = [(0.6 + 0.8j) * reference.transmission(p, v, heat_mw) for v in volts]
    assert re + 1j * im == pytest.approx(np.array(golden), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("detuning_pm", "bias_v", "ohm"), [(70, 1.2, 0), (-90, 3, 50), (10, 0, 9)])
def test_ngspice_bandwidth_is_that_of_lifetime_and_rc(ring, ngspice, detuning_pm, bias_v, ohm):
    p = ring.model_copy(update={"detuning_pm": float(detuning_pm)})
    circuit = f"""Vi i 0 1
Vd d 0 dc {bias_v} ac 1
Rd d e2 {ohm + 1e-6}
X1 i 0 r m 0 e2 0 0 ring_modulator
Bp p 0 v = v(r) * v(r) + v(m) * v(m)"""
    control = "ac dec 200 1e7 1e12\nwrdata out.txt vr(p) vi(p)"
    frequencies, (re, im) = ngspice(spice(p, "Test."), circuit, control)
    golden = reference.small_signal(p, frequencies, bias_v, ohm)
    assert re + 1j * im == pytest.approx(golden, abs=1e-5 * np.abs(golden).max())
    half = np.flatnonzero(np.hypot(re, im) < np.hypot(re[0], im[0]) / np.sqrt(2))[0]
    f3db = reference.bandwidth_hz(lambda f: reference.small_signal(p, f, bias_v, ohm))
    assert frequencies[half - 1] <= f3db <= frequencies[half]


@pytest.mark.slow
def test_ngspice_bit_pattern_is_that_of_the_reference(ring, ngspice):
    t, v, drive = pattern()
    corners = " ".join(f"{a:.9g} {b:.9g}" for a, b in zip(t, v, strict=True))
    circuit = f""".options reltol=1e-5 abstol=1e-9 vntol=1e-8
Vi i 0 1
Vd d 0 pwl({corners})
Rd d e2 50
X1 i 0 r m 0 e2 0 0 ring_modulator"""
    control = f"tran 0.1p {t[-1]:.9g} 0 0.1p\nlinearize v(r) v(m)\nwrdata out.txt v(r) v(m)"
    times, (re, im) = ngspice(spice(ring, "Test."), circuit, control)
    golden = reference.ring_transient(ring, times, drive, source_ohm=50.0, step_s=1e-12)
    assert np.ptp(np.abs(golden) ** 2) > 0.2  # an eye, not a line
    assert re + 1j * im == pytest.approx(golden, abs=1e-4)


@pytest.mark.slow
def test_ngspice_heater_follows_its_time_constant(ring, ngspice):
    circuit = """Vi i 0 1
Vh h 0 pwl(0 0 1n 0.9)
Vb e2 0 1.2
X1 i 0 r m 0 e2 h 0 ring_modulator"""
    control = "tran 50n 30u 0 20n\nlinearize v(r) v(m)\nwrdata out.txt v(r) v(m)"
    times, (re, im) = ngspice(spice(ring, "Test."), circuit, control)
    full_mw = 0.81 / ring.heater_ohm * 1e3
    heat = full_mw * -np.expm1(-times / (ring.heater_tau_us * 1e-6))
    golden = np.array([reference.transmission(ring, 1.2, mw) for mw in heat])
    assert re + 1j * im == pytest.approx(golden, abs=2e-3)


def test_verilog_a_transmits_the_lorentzian_over_detuning(ring, compiled):
    module = compiled(verilog_a(ring, "Test."))
    assert module.terminals == ["o1_re", "o1_im", "o2_re", "o2_im", "e1", "e2", "e3", "e4"]
    held = {"o1_re": 0.6, "o1_im": 0.8, "e1": 0.0, "e2": 1.2, "e3": 0.0, "e4": 0.0}
    for detuning in np.linspace(-700, 700, 29):
        rest = module.solve(held, detuning_pm=float(detuning))
        power = rest["o2_re"] ** 2 + rest["o2_im"] ** 2
        assert power == pytest.approx(lorentzian(ring, detuning), abs=1e-9)


@pytest.mark.parametrize("overcoupled", [0.0, 1.0])
def test_verilog_a_field_over_voltage_and_heat(ring, compiled, overcoupled):
    module = compiled(verilog_a(ring, "Test."))
    p = ring.model_copy(update={"overcoupled": bool(overcoupled)})
    for volts in (-0.4, 0.0, 0.7, 5.0):
        held = {"o1_re": 0.6, "o1_im": 0.8, "e1": -volts, "e2": 0.0, "e3": 0.5, "e4": 0.0}
        rest = module.solve(held, overcoupled=overcoupled)
        golden = (0.6 + 0.8j) * reference.transmission(p, volts, 0.25 / p.heater_ohm * 1e3)
        assert complex(rest["o2_re"], rest["o2_im"]) == pytest.approx(golden, abs=1e-6)


@pytest.mark.parametrize("volts", [0.0, 1.2, 4.0])
def test_verilog_a_small_signal_is_that_of_lifetime_and_rc(ring, compiled, volts):
    module = compiled(verilog_a(ring, "Test."))
    held = {"o1_re": 1.0, "o1_im": 0.0, "e1": 0.0, "e2": volts, "e3": 0.0, "e4": 0.0}
    rest = module.solve(held)
    frequencies = np.geomspace(1e8, 1e12, 60)
    driven = {**dict.fromkeys(held, 0.0), "e2": 1.0}
    small = module.small(rest, driven, frequencies)
    re, im = (small[:, module.nodes.index(name)] for name in ("o2_re", "o2_im"))
    power = 2 * (rest["o2_re"] * re + rest["o2_im"] * im)
    golden = reference.small_signal(ring, frequencies, volts)
    assert power == pytest.approx(golden, abs=1e-6 * np.abs(golden).max())


@pytest.mark.parametrize("volts", [-0.9, -0.5, -0.3, 0.0, 2.0])
def test_verilog_a_charge_has_the_references_capacitance(ring, compiled, volts):
    module = compiled(verilog_a(ring, "Test."))
    at = module.nodes.index("a")

    def charge(v):
        return module.at({"a": -v})[1][at]

    slope = -(charge(volts + 1e-6) - charge(volts - 1e-6)) / 2e-6
    assert slope == pytest.approx(reference.capacitance_ff(ring, volts) * 1e-15, rel=1e-5, abs=0)
    assert module.at({"a": -volts})[3][at, at] == pytest.approx(slope, rel=1e-5, abs=0)


def test_the_compiler_lists_the_noise_of_the_series_resistance(ring, compiled):
    (noise,) = compiled(verilog_a(ring, "Test.")).module.get_osdi_descriptor()["noise_sources"]
    assert noise["name"] == "thermal"


@pytest.mark.parametrize(("make", "mark"), [(spice, "*"), (verilog_a, "//")])
def test_the_header_gives_every_parameter_with_its_source(ring, make, mark):
    text = make(ring, "Made from here.")
    comments = [line for line in text.splitlines() if line.startswith(mark)]
    assert f"{mark} Made from here." in comments
    for name, field in type(ring).model_fields.items():
        (line,) = [n for n, one in enumerate(comments) if one.startswith(f"{mark} {name} = ")]
        said = " ".join(one.removeprefix(mark).strip() for one in comments[line : line + 4])
        assert field.description in said
    assert max(map(len, text.splitlines())) <= 120


def test_the_numbers_of_the_subcircuit_read_back_exactly(ring):
    awkward = ring.model_copy(update={"fwhm_pm": 1 / 3e3, "saturation_a": 1.1e-19})
    given = dict(
        line[2:].split("=")
        for line in spice(awkward, "Test.").splitlines()
        if line.startswith("+ ") and line.count("=") == 1 and " " not in line[2:]
    )
    assert {key: float(value) for key, value in given.items()} == {
        key: float(value) for key, value in awkward.model_dump().items()
    }
