"""`lightloom ocs`: what it writes, when it fails, what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from lightloom import spec
from lightloom.cosim.chip import ramp as ramps
from lightloom.flows import cli, ocs
from lightloom.photonics.switch.sample import Two

DESIGN = Path(__file__).parents[2] / "designs" / "xpu_cpo.toml"
SET = ["--set", "switch.monitors=cell", "--set", "switch.dac_bits=14", "--set", "switch.ports=4"]


def made_up(on, off, fresh=0.0):
    """A ramp that ends at these dB from the extinction of exact phases."""

    def run(_sample, ports, targets, *, kelvin, **_):
        course = np.linspace(0.0, 1.0, 50)[:, None] * np.ones(ports)
        exact = 30.0 + fresh * course
        return ramps.Ramp(
            targets, kelvin * course[:, 0], exact + on * course, exact + 1.5 * on * course, exact,
            exact + off * course, np.full(ports, 30.0), 0.1, 0.05, 2, 1,
        )  # fmt: skip

    return run


def figures(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("on", "off", "code"), [(-0.9, -5.0, 0), (-1.1, -5.0, 1), (-0.2, -0.9, 1), (-1.1, -0.5, 1)]
)
def test_the_exit_code_is_what_was_claimed(tmp_path, monkeypatch, on, off, code):
    monkeypatch.setattr(ramps, "run", made_up(on, off, fresh=-3.0))
    assert cli.run(["ocs", "ramp", str(DESIGN), *SET, "-o", str(tmp_path)]) == code
    found = figures(tmp_path)
    assert found["ocs.ramp.on_worst_db"] == pytest.approx(on)
    assert found["ocs.ramp.on_moment_worst_db"] == pytest.approx(1.5 * on)
    assert found["ocs.ramp.off_worst_db"] == pytest.approx(off)
    assert found["ocs.ramp.fresh_start_db"] == pytest.approx(-3.0)
    assert found["ocs.ramp.on_start_db"] == pytest.approx(on - 3.0)
    assert found["ocs.ramp.routes"] == 16
    assert found["ocs.ramp.off_routes_below"] == (16 if off < -1 else 0)
    assert (found["ocs.lock.lost"], found["ocs.lock.limited"]) == (8, 4)
    assert (tmp_path / "ramp.png").read_bytes().startswith(b"\x89PNG")
    with np.load(tmp_path / "ramp.npz") as kept:
        assert kept["targets"].tolist() == [[(i + k) % 4 for i in range(4)] for k in range(4)]
        assert kept["on_db_3"].shape == (50, 4)


def test_couplers_that_stay_are_those_of_the_chip_and_nothing_else(tmp_path, monkeypatch):
    seen = []

    def run(sample, *arguments, **settings):
        seen.append({isinstance(s, Two) for s in sample.steps if s.per_k == 0.0})
        return made_up(-0.2, -5.0)(sample, *arguments, **settings)

    monkeypatch.setattr(ramps, "run", run)
    options = [*SET, "--fixed-couplers", "--permutations", "1", "-o", str(tmp_path)]
    assert cli.run(["ocs", "ramp", str(DESIGN), *options]) == 0
    assert seen == [{True}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--permutations", "5"], "--permutations 5; allowed: 1 to 4"),
        (["--kelvin", "90"], "--kelvin 90; allowed: -60 to 60"),
        (["--seconds", "0"], "--seconds 0; allowed: 0.1 to 1000"),
        (["--set", "switch.monitors=none"], "switch.monitors = 'none'; allowed: cell"),
        (["--set", "switch.topology=none"], "switch.topology = 'none'; allowed: permutations"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path, capsys, options, message):
    assert cli.run(["ocs", "ramp", str(DESIGN), *SET, *options, "-o", str(tmp_path)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert message in said


def test_carriers_have_no_lock():
    design = spec.load(DESIGN, {"switch.monitors": "cell", "switch.phase_shifter": "pin"})
    with pytest.raises(spec.DesignError, match=r"switch\.phase_shifter = 'pin'; allowed: heater"):
        ocs.sample(DESIGN, design, 0)


def test_a_chip_of_two_ports_is_calibrated(tmp_path):
    options = [*SET[:4], "--set", "switch.ports=2", "--permutations", "2", "-o", str(tmp_path)]
    assert cli.run(["ocs", "calibrate", str(DESIGN), *options]) == 0
    found = figures(tmp_path)
    assert found["ocs.calibrate.cells"] == 1
    assert found["ocs.calibrate.error_worst_rad"] < 0.03
    assert found["ocs.calibrate.crosstalk_worst_db"] < found["ocs.calibrate.exact_worst_db"] + 1.0
    table = json.loads((tmp_path / "calibration.json").read_text())
    assert {name: len(codes) for name, codes in table.items()} == {"bar": 1, "cross": 1}
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_refused_permutations_of_a_calibration(tmp_path, capsys):
    options = [*SET, "--permutations", "0", "-o", str(tmp_path)]
    assert cli.run(["ocs", "calibrate", str(DESIGN), *options]) == 2
    assert "--permutations 0; allowed: 1 to 10000" in " ".join(capsys.readouterr().err.split())
