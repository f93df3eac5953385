"""A sensitivity run: crossings of a curve, the worst lane, metrics, files and refusals."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from lightloom.cosim.measure.bathtub import Curve
from lightloom.cosim.rates import Interval
from lightloom.flows import cli, sensitivity, sensitivity_data, sensitivity_plots
from lightloom.flows.sensitivity_data import crossing
from lightloom.spec import Design

SMALL = """
name = "small"
[serdes]
lanes = 2
[engine]
laser_power_dbm = -1.0
[switch]
topology = "none"
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sensitivity")
    (folder / "small.toml").write_text(SMALL)
    patch = pytest.MonkeyPatch()
    patch.setattr(sensitivity_data, "FINE_DB", 1.0)
    patch.setattr(sensitivity_data, "PHASES", 9)
    patch.setattr(sensitivity_data, "MOST_COUNTED", 200_000)
    with patch.context():
        assert cli.run(["sensitivity", str(folder / "small.toml"), "-o", str(folder / "out")]) == 0
    patch.undo()
    return folder / "out"


def test_figures_are_there_and_go_together(out: Path) -> None:
    m = json.loads((out / "metrics.json").read_text())
    assert m["rx.allowed_ber"] == pytest.approx(1e-12)
    assert m["rx.sensitivity_dbm"] == pytest.approx(m["rx.power_dbm"] - m["rx.margin_db"])
    assert m["rx.sensitivity_oma_dbm"] - m["rx.sensitivity_dbm"] == pytest.approx(
        m["rx.oma_dbm"] - m["rx.power_dbm"]
    )
    # outer OMA of a modulator with much extinction is near twice the mean
    assert 1.0 < m["rx.oma_dbm"] - m["rx.power_dbm"] < 3.0
    assert 0 < m["rx.margin_db"] < 8
    assert m["rx.ber"] < 1e-12
    assert 0.2 < m["rx.bathtub_width_ui"] < 0.9
    assert m["rx.eye_height_mv"] > 0
    assert m["rx.lane"] in (0, 1)
    assert m["rx.points_counted"] >= 2
    assert m["rx.points_disagreeing"] == 0


def test_the_table_holds_every_point_by_all_methods(out: Path) -> None:
    with (out / "sensitivity.csv").open() as file:
        rows = list(csv.DictReader(file))
    m = json.loads((out / "metrics.json").read_text())
    assert len(rows) == m["rx.points"] >= 6
    light = np.array([float(row["average_dbm"]) for row in rows])
    rate = np.array([float(row["eye"]) for row in rows])
    assert np.all(np.diff(light) < 0)
    assert np.all(np.diff(rate) > 0)
    assert rate.min() < 1e-12
    assert rate.max() > 1e-3
    for row in rows:
        drawn = float(row["importance"])
        assert drawn == pytest.approx(float(row["eye"]), rel=0.3)
        assert float(row["importance_effective"]) > 100
    assert any(row["counted"] for row in rows)
    # the sensitivity lies between the points around the rate allowed
    below = light[rate < 1e-12].min()
    above = light[rate > 1e-12].max()
    assert above <= m["rx.sensitivity_dbm"] <= below


def test_the_page_is_whole_and_says_what_it_is(out: Path) -> None:
    page = (out / "sensitivity.html").read_text()
    assert "Receiver sensitivity of 2 lanes of 32 Gb/s at a bit error rate of 1.0e-12" in page
    assert page.count("data:image/svg+xml;base64,") == 3
    assert "http://" not in page
    assert "https://" not in page
    for name in ("curve.svg", "bathtub.svg", "eye.svg"):
        assert (out / name).read_text().startswith("<?xml")
    described = json.loads((out / "run.json").read_text())
    assert described["command"] == "sensitivity"
    assert [c["name"] for c in described["checks"]] == [
        "more light than the sensitivity", "the methods agree",
    ]  # fmt: skip


def test_a_crossing_is_linear_in_the_q_scale() -> None:
    from scipy import special

    db = np.arange(0.0, 10.0)
    rate = special.ndtr(-(9.0 - 0.8 * db))
    exact = (9.0 - 7.0344838) / 0.8
    assert crossing(db, rate, 1e-12) == pytest.approx(exact, abs=1e-4)
    assert crossing(db[::-1], rate[::-1], 1e-12) == pytest.approx(exact, abs=1e-4)
    # never good, and still good at the last point
    assert crossing(db[4:], rate[4:], 1e-12) is None
    assert crossing(db[:2], rate[:2], 1e-12) is None


def test_overload_at_the_bright_end_is_not_the_sensitivity() -> None:
    rate = np.array([1e-6, 1e-13, 1e-14, 1e-9, 1e-4])
    found = crossing(np.arange(5.0), rate, 1e-12)
    assert found is not None
    assert 2 < found < 3
    bright = crossing(np.arange(5.0), rate, 1e-12, bright=True)
    assert bright is not None
    assert 0 < bright < 1
    assert crossing(np.arange(4.0), rate[1:], 1e-12, bright=True) is None


def measured(agree: bool, needed: float | None) -> sensitivity_data.Sensitivity:
    point = sensitivity_data.Point(
        attenuation_db=1.0,
        average_dbm=-10.0,
        oma_dbm=-8.0,
        eye=Interval(1e-5, 9e-6, 1.1e-5),
        importance=Interval(1.1e-5, 1e-5, 1.2e-5, 900.0),
        counted=None,
        codeword_error_rate=1e-30,
        agree=agree,
    )
    phase, level = np.linspace(-0.5, 0.5, 5), np.linspace(-0.1, 0.1, 21)
    rate = np.broadcast_to(10 ** (-1 - 100 * (0.1 - np.abs(level)))[None, :, None], (1, 21, 5))
    return sensitivity_data.Sensitivity(
        allowed=2e-4,
        lanes=(sensitivity_data.Lane(0, 3, (0.0, 1.0), (1e-6, 1e-5), -9.0, needed),),
        direction=0,
        lane=3,
        points=(point,),
        sensitivity_db=needed,
        overload_db=None,
        codewords=Curve(np.array([-11.0, -10.0]), np.array([1e-20, 1e-30])),
        average_dbm=-9.0,
        oma_dbm=-7.0,
        rate=1e-6,
        bathtubs={"as designed": Curve(phase, np.array([0.1, 1e-3, 1e-6, 1e-3, 0.1]))},
        eye=sensitivity_data.StatisticalEye(phase, level, np.array(rate)),
        thresholds_v=(0.0,),
    )


@pytest.mark.parametrize(
    ("agree", "needed", "failing"),
    [(True, 1.0, None), (False, 1.0, "not at -10.00 dBm"), (True, -0.5, "-0.50 dB"),
     (True, None, "the rate allowed is not met at any power")],
)  # fmt: skip
def test_checks_fail_for_what_is_wrong(agree, needed, failing) -> None:
    checks = sensitivity._checks(measured(agree, needed))
    assert [c.detail for c in checks if not c.passed] == ([failing] if failing else [])


def test_a_receiver_that_never_gets_there_has_no_sensitivity() -> None:
    design = Design.model_validate({"name": "none"})
    found = measured(True, None)
    m = sensitivity.metrics(design, found)
    assert m["rx.sensitivity_dbm"] is None
    assert m["rx.margin_db"] is None
    assert m["rx.best_ber"] == 1e-5
    for draw in (sensitivity_plots.curve, sensitivity_plots.bathtubs, sensitivity_plots.eye):
        assert draw(found).startswith(b"<?xml")


def test_designs_that_cannot_be_used_are_refused(tmp_path: Path, capsys) -> None:
    good = tmp_path / "good.toml"
    good.write_text(SMALL)
    assert cli.run(["sensitivity", str(good), str(tmp_path / "none.toml")]) == 2
    assert "none.toml" in capsys.readouterr().err
    assert cli.run(["sensitivity", str(good), str(good)]) == 2
    assert "designs named small, small; allowed: names that differ" in capsys.readouterr().err
    assert cli.run(["sensitivity"]) == 2
