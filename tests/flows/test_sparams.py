"""The switch's S-matrix: passive, routed, and the same as the optical model at the carrier."""

import json
from pathlib import Path

import numpy as np
import pytest

from lightloom.flows import cli, sparams
from lightloom.photonics import calibration, fabric_model, layout
from lightloom.photonics.checks import extract
from lightloom.spec import Design, benes


@pytest.fixture(scope="module")
def design() -> Design:
    return Design.model_validate(
        {"name": "two", "serdes": {"lanes": 2}, "switch": {"ports": 2, "permutation": [1, 0]}}
    )


@pytest.fixture(scope="module")
def matrix(design: Design) -> sparams.Matrix:
    return sparams.compute(design, (1, 0), np.linspace(1300, 1320, 41).tolist())


def test_no_light_is_made(matrix: sparams.Matrix) -> None:
    assert np.linalg.svd(matrix.s, compute_uv=False).max() < 1.0


def test_light_goes_where_it_was_sent(matrix: sparams.Matrix) -> None:
    for source, target in enumerate(matrix.permutation):
        assert (np.argmax(matrix.power_db[:, :, source], axis=1) == target).all()
    assert (matrix.routed_db > -6).all()


def test_the_carrier_agrees_with_the_fabric_model(
    design: Design, matrix: sparams.Matrix, tmp_path: Path
) -> None:
    chip = layout.run("switch", design, tmp_path)
    model = fabric_model.fabric(design, extract.extract(chip.gds))
    table = calibration.codes(model, "nominal")
    codes = [table["cross" if s else "bar"][c] for c, s in enumerate(benes.route((1, 0)))]
    expected = fabric_model.transfer(model, calibration.phases_rad(model, codes))
    carrier = int(np.argmin(np.abs(matrix.wavelength_nm - 1310.0)))
    assert matrix.wavelength_nm[carrier] == 1310.0
    np.testing.assert_allclose(matrix.s[carrier], expected, atol=1e-9)


def test_crosstalk_is_foreign_over_routed_power() -> None:
    s = np.zeros((1, 3, 3), dtype=complex)
    s[0, [1, 2, 0], [0, 1, 2]] = 0.5  # routed, -6.02 dB
    s[0, 0, 0] = 0.005  # leaks into output 0, 40 dB below what is routed there
    found = sparams.Matrix(np.array([1310.0]), s, (1, 2, 0)).crosstalk_db
    assert found.max() == pytest.approx(-40.0)
    assert np.unravel_index(int(np.argmax(found)), found.shape) == (0, 0, 0)
    assert np.isneginf(found[0, [1, 2, 0], [0, 1, 2]]).all()


def test_the_command_writes_matrix_plot_and_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = tmp_path / "d.toml"
    design.write_text("[serdes]\nlanes = 2\n[switch]\nports = 2\npermutation = [0, 1]\n")
    out = tmp_path / "out"
    arguments = ["--points", "11", "--band", "1305", "1315", "-o", str(out)]
    assert cli.run(["sparams", "--design", str(design), *arguments]) == 0
    with np.load(out / "sparams.npz") as saved:
        assert saved["s"].shape == (11, 2, 2)
        assert saved["permutation"].tolist() == [0, 1]
        worst = -20 * np.log10(np.abs(saved["s"][:, [0, 1], [0, 1]]).min())
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["sparams.worst_loss_db"] == pytest.approx(worst)
    assert metrics["sparams.worst_crosstalk_db"] >= metrics["sparams.carrier_crosstalk_db"]
    assert metrics["sparams.seconds"] > 0
    assert 50 < metrics["sparams.peak_rss_mb"] < 4000
    assert (out / "sparams.png").read_bytes().startswith(b"\x89PNG")
    assert "1305 to 1315 nm" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--points", "0"), "--points 0; allowed: 1 to 20000"),
        (("--band", "1320", "1300"), "--band 1320 1300; allowed: 1000 to 2000, rising"),
        (("--set", "switch.topology=none"), "switch.topology = 'none'; allowed: a switch"),
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
