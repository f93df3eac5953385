"""`lightloom models`: every file is there, and says what the layout says."""

import csv
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import skrf

from lightloom import spec
from lightloom.flows import models
from lightloom.flows.progress import Reporter
from lightloom.spec import DesignError, OpticalModel

DESIGN = Path(__file__).parents[2] / "designs" / "xpu_cpo.toml"
SMALL = {
    "serdes.lanes": "2",
    "switch.ports": "2",
    "engine.modulator": "ring",
    "switch.permutation": "reverse",
}


def run(out, changed, points=11, span=100.0, version=1):
    grid = models.Grid(points, span)
    design = spec.load(DESIGN, changed)
    return models.run(DESIGN, design, changed, grid, version, out, Reporter(-1))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "out"
    assert run(out, SMALL) == 0
    return out


def test_every_file_is_there(made):
    assert {file.name for file in made.iterdir()} == {
        "engine.s6p",
        "engine_routes.csv",
        "switch.s4p",
        "switch_routes.csv",
        "ring_modulator.cir",
        "ring_modulator.va",
        "photodiode.cir",
        "photodiode.va",
        "optical_model.json",
        "metrics.json",
        "run.json",
    }
    described = json.loads((made / "run.json").read_text())
    assert described["command"] == "models"
    assert described["settings"]["engine.modulator"] == "ring"


def test_the_switch_has_the_routes_of_the_optical_model(made):
    model = OpticalModel.read(made / "optical_model.json")
    network = skrf.Network(str(made / "switch.s4p"))
    carrier = 299792458.0 / (model.wavelength_nm * 1e-9)
    assert network.f[5] == pytest.approx(carrier, rel=1e-12)
    for route in model.routes:
        source = network.port_names.index(f"in{route.input}")
        target = network.port_names.index(f"out{route.output}")
        found = 20 * np.log10(np.abs(network.s[5, target, source]))
        assert found == pytest.approx(-route.loss_db, abs=0.2)  # echoes between facets
    assert np.allclose(network.s, np.swapaxes(network.s, 1, 2), atol=1e-12)
    assert np.linalg.svd(network.s, compute_uv=False).max() < 1


def test_the_engines_lanes_have_the_losses_of_the_optical_model(made):
    model = OpticalModel.read(made / "optical_model.json")
    network = skrf.Network(str(made / "engine.s6p"))
    assert set(network.port_names) == {f"{kind}{n}" for kind in ("laser", "tx", "rx") for n in "01"}
    for lane in model.engine:
        source = network.port_names.index(f"laser{lane.lane}")
        target = network.port_names.index(f"tx{lane.lane}")
        other = network.port_names.index(f"tx{1 - lane.lane}")
        power = np.abs(network.s[:, target, source]) ** 2
        assert power.max() > 0.1
        assert power.max() <= 10 ** (-(lane.laser_to_modulator_db - 0.3) / 10)
        assert not network.s[:, other, source].any()


def test_routes_are_those_of_the_permutation(made):
    text = (made / "switch_routes.csv").read_text()
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    assert {(row["from"], row["to"]) for row in rows} == {("in0", "out1"), ("in1", "out0")}
    assert len(rows) == 22
    network = skrf.Network(str(made / "switch.s4p"))
    at = network.port_names.index
    for n, row in enumerate(rows):
        z = complex(float(row["re"]), float(row["im"]))
        assert z == network.s[n % 11, at(row["to"]), at(row["from"])]


def test_headers_name_design_netlist_and_instances(made):
    for file, mark in (
        ("ring_modulator.cir", "*"),
        ("ring_modulator.va", "//"),
        ("photodiode.cir", "*"),
        ("switch.s4p", "!"),
        ("engine_routes.csv", "#"),
    ):
        lines = (made / file).read_text().splitlines()
        said = " ".join(line[len(mark) :].strip() for line in lines if line.startswith(mark))
        assert "design xpu_cpo" in said
        assert "SHA-256" in said
        assert ("Instances: " in said) == (file.endswith((".cir", ".va")))


def test_metrics(made):
    metrics = json.loads((made / "metrics.json").read_text())
    assert metrics["layout.drc_violations"] == metrics["layout.lvs_mismatches"] == 0
    assert metrics["models.ring_modulators"] == metrics["models.photodiodes"] == 1
    assert metrics["models.switch_ports"] == 4
    assert metrics["models.engine_ports"] == 6
    assert 0 < metrics["models.switch_largest_singular_value"] < 1
    assert metrics["models.ring_bandwidth_ghz"] > 1


def test_without_switch_and_rings_there_are_no_such_files(tmp_path):
    out = tmp_path / "out"
    changed = {"serdes.lanes": "1", "switch.topology": "none"}
    assert run(out, changed, version=2) == 0
    names = {file.name for file in out.iterdir()}
    assert "photodiode.va" in names
    assert not {name for name in names if name.startswith(("switch", "ring"))}
    text = next(out.glob("engine.s*p")).read_text()
    assert "[Version] 2.0" in text


def test_an_engine_of_many_wavelengths_has_a_model_for_each_ring(tmp_path):
    out = tmp_path / "out"
    changed = {
        "serdes.lanes": "2",
        "switch.topology": "none",
        "engine.modulator": "ring",
        "engine.lanes": "1",
        "engine.wavelengths": "2",
        "engine.receiver": "drop-filter",
    }
    assert run(out, changed) == 0
    assert not (out / "optical_model.json").exists()
    for file, mark in (("ring_modulator.cir", ".subckt "), ("ring_modulator.va", "module ")):
        text = (out / file).read_text()
        assert f"{mark}ring_modulator" in text
        assert f"{mark}ring_modulator_1" in text
    assert (out / "ring_modulator.cir").read_text().count("wavelength_nm=") == 2
    assert (out / "photodiode.cir").read_text().count(".subckt ") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": 1}, "--points 1; allowed: 2 to 20000"),
        ({"points": 30000}, "--points 30000; allowed"),
        ({"span": 0.0}, "--span 0; allowed: 0.001 to 20000"),
        ({"version": 3}, "--touchstone 3; allowed: 1, 2"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, change, message):
    with pytest.raises(DesignError, match=message):
        run(tmp_path / "out", SMALL, **change)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ngspice_loads_what_was_written(made, tmp_path):
    program = shutil.which("ngspice")
    if program is None:
        pytest.skip("ngspice is not installed (Debian, Ubuntu: apt-get install ngspice)")
    (tmp_path / "link.cir").write_text(
        "* a ring modulator before a photodiode\n"
        f".include {made / 'ring_modulator.cir'}\n.include {made / 'photodiode.cir'}\n"
        "Vi i 0 1\nVd n 0 1\nXr i 0 r m 0 n 0 0 ring_modulator\n"
        "Vb b 0 2\nXp r m 0 b photodiode\n"
        ".control\nop\nwrdata out.txt i(vb)\nquit 0\n.endc\n.end\n"
    )
    subprocess.run([program, "-n", "-b", "link.cir"], cwd=tmp_path, check=True, timeout=60)
    current = -np.loadtxt(tmp_path / "out.txt")[1]
    design = spec.load(DESIGN, SMALL)
    engine, receiver = design.engine, design.receiver
    fwhm = engine.wavelength_nm * 1e3 / engine.ring_q
    power = 1 - engine.ring_depth / (1 + (2 * engine.ring_detuning_pm / fwhm) ** 2)
    power *= 10 ** (-engine.ring_loss_db / 10)
    golden = 1e-3 * receiver.responsivity_a_per_w * power + 1e-9 * receiver.dark_current_na
    assert current == pytest.approx(golden, rel=1e-3)
