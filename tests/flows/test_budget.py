"""The power budget against a model whose losses are known by hand."""

import math

import pytest

from lightloom.flows import budget
from lightloom.spec import Design, OpticalModel
from lightloom.spec.optical_model import (
    Detector,
    Eam,
    EngineLane,
    Fabric,
    Mzm,
    Ring,
    Route,
)

MZM = Mzm(v_pi=3, er_limit_db=25, bandwidth_ghz=35, insertion_loss_db=4)


def model(switched: bool = True) -> OpticalModel:
    fabric = Fabric(
        ports=2,
        lines=2,
        inputs=("in0", "in1"),
        outputs=("out0", "out1"),
        ops=(),
        heaters=(),
        thermal_crosstalk=(),
        dac_bits=10,
        dac_full_scale_mw=60,
    )
    return OpticalModel(
        wavelength_nm=1310,
        frequency_offsets_ghz=(0,),
        permutation=(1, 0),
        fabric=fabric if switched else None,
        routes=(
            Route(input=0, output=1, transfer=((1, 0),), group_delay_ps=1, loss_db=5.0),
            Route(input=1, output=0, transfer=((1, 0),), group_delay_ps=1, loss_db=6.0),
        )
        if switched
        else (),
        crosstalk=(),
        crosstalk_floor_db=-60,
        engine=tuple(
            EngineLane(
                lane=lane,
                laser_to_modulator_db=0.3,
                modulator_to_fibre_db=1.5 + lane,
                fibre_to_detector_db=2.0 + 0.1 * lane,
                transmit_delay_ps=1,
                receive_delay_ps=1,
            )
            for lane in range(2)
        ),
        modulator=MZM,
        detector=Detector(responsivity_a_per_w=0.9, dark_current_na=10, bandwidth_ghz=50),
        source={},
    )


def design(**switch: object) -> Design:
    return Design.model_validate(
        {
            "name": "d",
            "serdes": {"lanes": 2},
            "engine": {"laser_power_dbm": 10.0},
            "switch": {"ports": 2, "permutation": [1, 0], "circulator_loss_db": 0.8, **switch},
            "fibre": {"length_m": 500.0, "loss_db_per_km": 0.4, "connectors": 4,
                      "connector_loss_db": 0.25},
        }
    )  # fmt: skip


def test_losses_add_up_along_each_lanes_own_route() -> None:
    stages = budget.stages(design(), model())
    last = [s for s in stages if s.level_dbm is not None][-1]
    bias = -10 * math.log10(0.5 * (1 + 10**-2.5))
    common = 10 - 4 - bias - 1.0 - 0.2 - 1.6
    lane_0 = common - 1.5 - 5.0 - 2.1  # leaves at output 1, so engine B's port 1
    lane_1 = common - 2.5 - 6.0 - 2.0
    assert last.low_dbm == pytest.approx(lane_1)
    assert last.high_dbm == pytest.approx(lane_0)
    mean = 10 * math.log10((10 ** (lane_0 / 10) + 10 ** (lane_1 / 10)) / 2)
    assert last.level_dbm == pytest.approx(mean)


def test_a_link_without_a_switch_has_no_switch_stages() -> None:
    stages = budget.stages(design(topology="none"), model(switched=False))
    assert [s for s in stages if s.place == "switch"] == []
    assert budget.link(design(topology="none"), model(switched=False)).permutation is None


def test_transceivers_have_their_switches_inside_and_no_circulators() -> None:
    chip = Fabric(
        ports=2, lines=6, inputs=("tx0", "p_in0", "b_in0", "tx1", "p_in1", "b_in1"),
        outputs=("b_out0", "p_out0", "rx0", "b_out1", "p_out1", "rx1"),
        ops=(), heaters=(), thermal_crosstalk=(), dac_bits=10, dac_full_scale_mw=60
    )  # fmt: skip
    routes = tuple(
        Route(input=3 * lane + n, output=3 * lane + n + 1, transfer=((1, 0),), group_delay_ps=1,
              loss_db=4.0 + n + lane)
        for lane in range(2)
        for n in (0, 1)
    )  # fmt: skip
    built = model().model_copy(update={"fabric": chip, "routes": routes, "permutation": ()})
    made = design(topology="ocstrx", permutation="identity")
    stages = budget.stages(made, built)
    inside = [s for s in stages if s.name == "switch, primary"]
    assert [(s.place, s.loss_db) for s in inside] == [("engine_a", 4.5), ("engine_b", 5.5)]
    assert not [s for s in stages if s.name == "circulator" or s.place == "switch"]
    bias = -10 * math.log10(0.5 * (1 + 10**-2.5))
    last = [s for s in stages if s.level_dbm is not None][-1]
    common = 10 - 4 - bias - 1.0 - 0.2
    assert last.high_dbm == pytest.approx(common - 1.5 - 4.0 - 5.0 - 2.0)
    assert last.low_dbm == pytest.approx(common - 2.5 - 5.0 - 6.0 - 2.1)
    drawn = budget.link(made, built)
    assert (drawn.permutation, drawn.switch_name) == (None, "switches in the transceivers")


def test_the_electrical_channel_frames_the_path() -> None:
    stages = budget.stages(design(), model())
    assert (stages[0].place, stages[-1].place) == ("package_a", "package_b")
    assert stages[0].loss_db == design().package.loss_db
    assert budget.link(design(), model()).package_note == "3 dB at 16 GHz"


@pytest.mark.parametrize(
    ("modulator", "loss"),
    [
        (Mzm(v_pi=3, er_limit_db=60, bandwidth_ghz=1, insertion_loss_db=0), 3.0103),
        (
            Ring(fwhm_pm=100, depth=0.9, detuning_pm=50, efficiency_pm_per_v=1, bandwidth_ghz=1,
                 insertion_loss_db=0),
            -10 * math.log10(0.55),
        ),
        (Eam(slope_db_per_v=5, bias_v=0.8, bandwidth_ghz=1, insertion_loss_db=0), 4.0),
    ],
)  # fmt: skip
def test_bias_loss_is_the_transmission_at_zero_drive(
    modulator: Ring | Mzm | Eam, loss: float
) -> None:
    assert budget.bias_loss_db(modulator) == pytest.approx(loss, abs=1e-4)
