"""The switch's S-matrix: passive, routed, and the same as the optical model at the carrier."""

import json
from pathlib import Path

import numpy as np
import pytest

from lightloom.flows import cli, sparams, sparams_plots
from lightloom.photonics.switch import calibration, fabric_model
from lightloom.spec import Design

BAND = np.linspace(1300, 1320, 41).tolist()


@pytest.fixture(scope="module")
def chip() -> sparams.Chip:
    return sparams.chip(
        Design.model_validate(
            {"name": "two", "serdes": {"lanes": 2}, "switch": {"ports": 2, "permutation": [1, 0]}}
        )
    )


@pytest.fixture(scope="module")
def matrix(chip: sparams.Chip) -> sparams.Matrix:
    return sparams.compute(chip, BAND)


def test_no_light_is_made(matrix: sparams.Matrix) -> None:
    assert np.linalg.svd(matrix.s, compute_uv=False).max() < 1.0


def test_light_goes_where_it_was_sent(matrix: sparams.Matrix) -> None:
    assert matrix.targets == (1, 0)
    for source, target in enumerate(matrix.targets):
        assert (np.argmax(matrix.power_db[:, :, source], axis=1) == target).all()
    assert (matrix.routed_db > -6).all()


def test_the_carrier_agrees_with_the_optical_model(
    chip: sparams.Chip, matrix: sparams.Matrix
) -> None:
    codes = [chip.table["cross" if s else "bar"][c] for c, s in enumerate(chip.states)]
    expected = fabric_model.transfer(chip.fabric, calibration.phases_rad(chip.fabric, codes))
    carrier = int(np.argmin(np.abs(matrix.wavelength_nm - 1310.0)))
    assert matrix.wavelength_nm[carrier] == 1310.0
    np.testing.assert_allclose(matrix.s[carrier], expected, atol=1e-9)


def test_both_solvers_agree_up_to_reflections(chip: sparams.Chip, matrix: sparams.Matrix) -> None:
    whole = sparams.compute(chip, BAND, "sparse")
    assert (whole.solver, matrix.solver) == ("sparse", "forward")
    # Two facets at 35 dB, twice through the loss of both tapers, make a ripple below 1e-3.
    assert 1e-9 < np.abs(whole.s - matrix.s).max() < 1e-3


@pytest.mark.parametrize(
    ("topology", "ports"), [("piloss", 3), ("switch-and-select", 4), ("odd-even", 3), ("ocstrx", 2)]
)
def test_every_topology_has_a_matrix_in_the_order_of_its_ports(topology: str, ports: int) -> None:
    permutation = [*range(1, ports), 0]
    chip = sparams.chip(
        Design.model_validate(
            {
                "name": "any",
                "switch": {"topology": topology, "ports": ports, "permutation": permutation},
            }
        )
    )
    found = sparams.compute(chip, [1310.0])
    if topology != "ocstrx":
        assert found.inputs == tuple(f"in{i}" for i in range(ports))
        assert found.outputs == tuple(f"out{i}" for i in range(ports))
        assert list(found.targets) == permutation
    else:
        # Light for the backup fibre is not selected on the primary path.
        assert {found.inputs[source] for source in found.lit} == {"tx0", "tx1", "p_in0", "p_in1"}
    loudest = np.argmax(found.power_db[0][:, found.lit], axis=0)
    assert loudest.tolist() == [found.targets[source] for source in found.lit]
    assert found.crosstalk_db.max() < -20


def test_crosstalk_is_foreign_over_routed_power() -> None:
    s = np.zeros((1, 4, 4), dtype=complex)
    s[0, [1, 2, 0], [0, 1, 2]] = 0.5  # routed, -6.02 dB
    s[0, 0, 0] = 0.005  # leaks into output 0, 40 dB below what is routed there
    s[0, 0, 3] = s[0, 3, 0] = 0.4  # a dark input, and an output that nothing is routed to
    ports = tuple("abcd")
    found = sparams.Matrix(np.array([1310.0]), s, ports, ports, (1, 2, 0, -1)).crosstalk_db
    assert found.max() == pytest.approx(-40.0)
    # Outputs in the order of the inputs routed to them: output 0 is that of the third.
    assert np.unravel_index(int(np.argmax(found)), found.shape) == (0, 2, 0)
    assert np.isneginf(found[0, range(3), range(3)]).all()


def write(folder: Path, *lines: str) -> Path:
    design = folder / "d.toml"
    design.write_text("\n".join(("[serdes]", "lanes = 2", *lines, "")))
    return design


def test_the_command_writes_matrix_plot_and_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = write(tmp_path, "[switch]", "ports = 2", "permutation = [0, 1]")
    out = tmp_path / "out"
    arguments = ["--points", "11", "--band", "1305", "1315", "-o", str(out)]
    more = ["--permutations", "5", "--variation", "40", "--seed", "3"]
    assert cli.run(["sparams", "--design", str(design), *arguments, *more]) == 0
    with np.load(out / "sparams.npz") as saved:
        assert saved["s"].shape == (11, 2, 2)
        assert saved["targets"].tolist() == [0, 1]
        assert saved["inputs"].tolist() == ["in0", "in1"]
        worst = -20 * np.log10(np.abs(saved["s"][:, [0, 1], [0, 1]]).min())
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["sparams.worst_loss_db"] == pytest.approx(worst)
    assert metrics["sparams.worst_crosstalk_db"] >= metrics["sparams.carrier_crosstalk_db"]
    assert metrics["sparams.seconds"] > metrics["sparams.solver_seconds"] > 0
    assert metrics["sparams.solver"] == "forward"
    assert 50 < metrics["sparams.peak_rss_mb"] < 4000
    text = capsys.readouterr().out
    assert "1305 to 1315 nm" in text

    assert metrics["sparams.permutations.count"] == metrics["sparams.permutations.total"] == 2
    assert metrics["sparams.permutations.exact"] is True
    assert metrics["sparams.permutations.paths"] == 4
    assert metrics["sparams.permutations.worst_path_cells"] == 1
    with np.load(out / "permutations.npz") as saved:
        assert saved["settings"].tolist() == ["0 1", "1 0"]
        assert metrics["sparams.permutations.worst_loss_db"] == saved["loss_db"].max()
        # The design's own setting at the carrier is one of them.
        own = saved["loss_db"][0].max()
        assert metrics["sparams.carrier_loss_db"] == pytest.approx(own, abs=1e-9)
    assert "all 2 permutations: loss" in text

    assert metrics["sparams.variation.chips"] == 40
    with np.load(out / "variation.npz") as saved:
        assert saved["loss_after_db"].shape == (40, 2)
        median = np.median(saved["crosstalk_after_db"])
        assert metrics["sparams.variation.crosstalk_after_p50_db"] == pytest.approx(median)
        sigma = metrics["sparams.variation.phase_error_sigma_rad"]
        assert sigma == pytest.approx(saved["phase_error_rad"].std())
    after, before = (
        metrics[f"sparams.variation.crosstalk_{when}_p50_db"] for when in ("after", "before")
    )
    assert after < before
    assert "40 chips after calibration: loss" in text
    for picture in ("sparams.png", "permutations.png", "variation.png"):
        assert (out / picture).read_bytes().startswith(b"\x89PNG")


def test_the_band_is_that_of_the_technology(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = write(tmp_path, "[switch]", "ports = 2", "[technology]", 'band = "C"')
    out = tmp_path / "out"
    assert cli.run(["sparams", "--design", str(design), "--points", "8", "-o", str(out)]) == 0
    with np.load(out / "sparams.npz") as saved:
        assert saved["wavelength_nm"][[0, -1]].tolist() == [1530.0, 1565.0]
    assert "1530 to 1565 nm" in capsys.readouterr().out
    assert not (out / "variation.npz").exists()


def test_many_paths_are_drawn_as_their_range() -> None:
    rng = np.random.default_rng(1)
    s = rng.uniform(0, 0.1, (5, 20, 20)) + 0j
    s[:, range(20), range(20)] = 0.8
    names = tuple(f"p{k}" for k in range(20))
    wide = sparams.Matrix(np.linspace(1300, 1310, 5), s, names, names, tuple(range(20)))
    assert sparams_plots.matrix(wide).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--points", "0"), "--points 0; allowed: 1 to 20000"),
        (("--band", "1320", "1300"), "--band 1320 1300; allowed: 1000 to 2000, rising"),
        (("--set", "switch.topology=none"), "switch.topology = 'none'; allowed: a switch"),
        (("--variation", "-1"), "--variation -1; allowed: 0 to 100000"),
        (("--permutations", "100001"), "--permutations 100001; allowed: 0 to 100000"),
        (("--solver", "magic"), "'magic' is not one of 'auto', 'forward', 'sparse'"),
    ],
)
def test_what_has_no_matrix_is_refused(
    arguments: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = tmp_path / "d.toml"
    design.write_text("")
    out = ["-o", str(tmp_path / "out")]
    assert cli.run(["sparams", "--design", str(design), *arguments, *out]) == 2
    assert message in capsys.readouterr().err
