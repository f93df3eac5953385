import json
import math

import numpy as np
import pytest

from lightloom.photonics.switch import calibration
from lightloom.spec.base import DesignError
from lightloom.spec.optical_model import Couple, Fabric, Heater, HeaterOp, PathOp

HALF = math.sqrt(0.5)
SPLIT = ((HALF, 0.0), (0.0, -HALF), (0.0, -HALF), (HALF, 0.0))


def turn(phase):
    return (math.cos(phase), math.sin(phase))


def fabric(lead=0.0, full_scale_mw=60.0, bits=10, crosstalk=0.0):
    """Two separate cells; the heated arm of the second leads by `lead`."""
    ops = []
    for cell, phase in enumerate((0.0, lead)):
        a, b = 2 * cell, 2 * cell + 1
        ops += [
            Couple(a=a, b=b, s=SPLIT, device="in"),
            PathOp(a=a, t=turn(1.0 + phase), delay_ps=1.0, device="arm"),
            HeaterOp(a=a, heater=cell, device="h"),
            PathOp(a=b, t=turn(1.0), delay_ps=1.0, device="arm"),
            Couple(a=a, b=b, s=SPLIT, device="out"),
            PathOp(a=a, t=turn(2.0), delay_ps=1.0, device="behind"),
        ]
    heaters = tuple(
        Heater(
            name=f"h0_{row}", stage=0, row=row, p_pi_mw=25.0, tau_us=10.0, resistance_ohm=1e3,
            x_um=0.0, y_um=0.0,
        )
        for row in range(2)
    )  # fmt: skip
    return Fabric(
        ports=4,
        lines=4,
        inputs=tuple(f"in{i}" for i in range(4)),
        outputs=tuple(f"out{i}" for i in range(4)),
        ops=tuple(ops),
        heaters=heaters,
        thermal_crosstalk=((1.0, crosstalk), (crosstalk, 1.0)),
        dac_bits=bits,
        dac_full_scale_mw=full_scale_mw,
    )


def test_nominal_is_cold_for_cross_and_half_a_turn_for_bar():
    made = fabric(lead=0.4)
    codes = calibration.codes(made, "nominal")
    assert codes["cross"] == [0, 0]
    assert codes["bar"] == [round(math.sqrt(25 / 60) * 1023)] * 2
    assert calibration.phases_rad(made, codes["bar"]) == pytest.approx([math.pi] * 2, abs=5e-3)


@pytest.mark.parametrize("lead", [-3.0, -0.3, -0.05, 0.0, 0.3, 3.0])
def test_measured_takes_the_arms_phase_out(lead):
    made = fabric(lead=lead)
    codes = calibration.codes(made, "measured")
    assert calibration.static_phases(made) == pytest.approx([0.0, lead])
    for state, wanted in (("cross", 0.0), ("bar", math.pi)):
        phases = calibration.phases_rad(made, codes[state])
        left = np.exp(1j * (calibration.static_phases(made) - phases - wanted))
        # What a cold heater cannot take back stays: up to SLACK_RAD.
        limit = 0.06 if -calibration.SLACK_RAD < lead < 0 else 0.01
        assert np.abs(left - 1).max() < limit


def test_powers_go_with_the_square_of_the_code():
    assert calibration.powers_mw(fabric(), [1023, 512]) == pytest.approx(
        [60.0, 60.0 * (512 / 1023) ** 2]
    )


def test_thermal_crosstalk_adds_phase():
    phases = calibration.phases_rad(fabric(crosstalk=0.1), [1023, 0])
    assert phases == pytest.approx([math.pi * 60 / 25, 0.1 * math.pi * 60 / 25])


@pytest.mark.parametrize("codes", [[0], [0, 1024], [-1, 0]])
def test_codes_out_of_range_are_refused(codes):
    with pytest.raises(ValueError, match="allowed: 2 codes of 0 to 1023"):
        calibration.powers_mw(fabric(), codes)


def test_too_small_a_dac_is_an_error():
    with pytest.raises(DesignError, match="heater h0_0 needs 25 mW; allowed: the DAC's full scale"):
        calibration.codes(fabric(full_scale_mw=20.0), "nominal")


def test_codes_from_a_file(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"bar": [1, 2], "cross": [3, 1023]}))
    assert calibration.codes(fabric(), str(path)) == {"bar": [1, 2], "cross": [3, 1023]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "allowed: an object with the keys bar and cross"),
        ('{"bar": [1, 2]}', "allowed: an object with the keys bar and cross"),
        ('{"bar": [1], "cross": [1, 2]}', "bar: 1 codes; allowed: a list of 2 codes"),
        ('{"bar": 7, "cross": [1, 2]}', "bar: int; allowed: a list of 2 codes"),
        ('{"bar": [1, 2], "cross": [1, 1024]}', r"cross\[1\] = 1024; allowed: 0 to 1023"),
        ('{"bar": [1, 2], "cross": [1, 2.5]}', r"cross\[1\] = 2.5; allowed: 0 to 1023"),
        ('{"bar": [1, true], "cross": [1, 2]}', r"bar\[1\] = True; allowed: 0 to 1023"),
    ],
)
def test_bad_file_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(DesignError, match=message) as caught:
        calibration.codes(fabric(), str(path))
    assert str(caught.value).startswith(str(path))


def test_missing_and_oversized_files(tmp_path, monkeypatch):
    with pytest.raises(DesignError, match="cannot be read: No such file"):
        calibration.codes(fabric(), str(tmp_path / "none.json"))
    monkeypatch.setattr(calibration, "MAX_BYTES", 4)
    (tmp_path / "c.json").write_text("[1, 2]")
    with pytest.raises(DesignError, match="too large; allowed: at most 4 bytes"):
        calibration.codes(fabric(), str(tmp_path / "c.json"))
