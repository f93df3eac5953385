import pytest

from lightloom import spec
from lightloom.cosim.setup import (
    Failover,
    FailoverSide,
    LaneErrors,
    LaneState,
    Outcome,
    Side,
    Switching,
)
from lightloom.flows import link_figures
from lightloom.spec.optical_model import (
    Detector,
    EngineLane,
    Fabric,
    Heater,
    Mzm,
    OpticalModel,
    Route,
)


def side(name="A", *, errors=(), byte_errors=0, latency=(80.0, 90.0), lock=8.0):
    return Side(
        name=name, up=True, state="UP", fail_reason="NONE", errors=tuple(errors), lanes=(),
        counters={}, lock_time_us=lock, frames_sent=1, frames_good=1, frames_errored=0,
        frames_malformed=0, bytes_received=None if byte_errors is None else 100,
        byte_errors=byte_errors, latency_ns_min=latency[0] if latency else None,
        latency_ns_max=latency[1] if latency else None,
    )  # fmt: skip


def outcome(*sides, switching=None):
    return Outcome(
        sides=sides,
        switching=switching,
        changes=(),
        end_us=10.0,
        line_bits=1000,
        cpu_s=0.5,
        up=True,
    )


def model(*, fabric=True):
    heater = Heater(
        name="h0_0", stage=0, row=0, p_pi_mw=20.0, tau_us=5.0, resistance_ohm=500.0, x_um=0, y_um=0
    )
    return OpticalModel(
        wavelength_nm=1310.0,
        frequency_offsets_ghz=(0.0,),
        permutation=(1, 0),
        fabric=Fabric(
            ports=2, lines=2, inputs=("in0", "in1"), outputs=("out0", "out1"),
            ops=(), heaters=(heater,), thermal_crosstalk=((1.0,),), dac_bits=10,
            dac_full_scale_mw=40.0,
        )
        if fabric
        else None,
        routes=tuple(
            Route(input=i, output=1 - i, transfer=((0.7, 0.0),), group_delay_ps=20.0 + i,
                  loss_db=3.0)
            for i in range(2)
        )
        if fabric
        else (),
        crosstalk=(),
        crosstalk_floor_db=-60.0,
        engine=tuple(
            EngineLane(
                lane=i, laser_to_modulator_db=1.0, modulator_to_fibre_db=2.0,
                fibre_to_detector_db=2.0, transmit_delay_ps=10.0, receive_delay_ps=5.0,
            )
            for i in range(2)
        ),
        modulator=Mzm(v_pi=3.0, er_limit_db=25.0, bandwidth_ghz=35.0, insertion_loss_db=4.0),
        detector=Detector(responsivity_a_per_w=0.9, dark_current_na=10.0, bandwidth_ghz=50.0),
        source={},
    )  # fmt: skip


def test_errors_of_unlocked_lanes_do_not_count():
    found = link_figures.errors(
        side(errors=[LaneErrors(lane=0, locked=True, bits=1000, errors=3)]),
        side("B", errors=[LaneErrors(lane=0, locked=False, bits=1000, errors=500)]),
    )
    assert (found.bits, found.errors) == (1000, 3)
    assert found.low < 3e-3 < found.high
    assert found.ratio == pytest.approx(3e-3)


def test_zero_errors_are_an_upper_bound():
    found = link_figures.errors(
        side(errors=[LaneErrors(lane=0, locked=True, bits=10**6, errors=0)])
    )
    assert found.low == 0.0
    assert found.high == pytest.approx(3.69e-6, rel=1e-2)  # -ln(0.025) / N
    assert "zero errors in 1e+06 bits: below 3.7e-06" in found.text()
    assert link_figures.errors(side()).text() == "not measured"


def test_a_payload_that_never_started_is_missing_whole():
    measured = outcome(side(byte_errors=None), side("B", byte_errors=2))
    assert link_figures.payload_errors(measured, 100) == 102


def test_reconfiguration_ends_when_every_route_stays_within_a_decibel():
    switching = Switching(
        states=(1,), codes=(0,), commit_us=10.0, done_us=14.0,
        time_us=(10.0, 11.0, 12.0, 13.0, 14.0),
        loss_db=((30.0, 3.0), (8.0, 3.0), (3.2, 5.0), (3.1, 3.0), (3.0, 3.0)), refused=None,
    )  # fmt: skip
    assert link_figures.reconfiguration_us(outcome(side(), side("B"), switching=switching)) == 3.0
    refused = switching.model_copy(update={"refused": "no"})
    assert link_figures.reconfiguration_us(outcome(side(), side("B"), switching=refused)) is None
    assert link_figures.reconfiguration_us(outcome(side(), side("B"))) is None


def test_the_latency_budget_follows_the_slowest_route():
    design = spec.parse(
        {"name": "t", "serdes": {"lanes": 2}, "switch": {"ports": 2}, "fibre": {"length_m": 10}},
        "t",
    )
    manifest = spec.RtlManifest(
        top="serdes", verilog="v", sha256="", parameters={}, domains=(), ports=(), registers=(),
        latency_cycles={"framer": 2, "rx_pma": 6},
    )  # fmt: skip
    parts = link_figures.latency(design, model(), manifest)
    by_name = [(p.name, p.ns) for p in parts]
    assert by_name[0] == ("framer", pytest.approx(4.0))
    assert by_name[-1] == ("rx_pma", pytest.approx(12.0))
    assert dict(by_name)["fibre"] == pytest.approx(49.0)
    assert dict(by_name)["switch"] == pytest.approx(0.021)


def transceivers():
    """Model of two lanes through the switches of their transceivers."""
    plain = model()
    names = [f"{name}{lane}" for lane in range(2) for name in ("tx", "p_in", "b_in")]
    chip = plain.fabric.model_copy(
        update={"inputs": tuple(names), "outputs": ("b_out0", "p_out0", "rx0", "b_out1", "p_out1",
                                                    "rx1")}
    )  # fmt: skip
    routes = tuple(
        Route(input=3 * lane + n, output=3 * lane + n + 1, transfer=((0.7, 0.0),),
              group_delay_ps=90.0 + 10 * n + lane, loss_db=4.0 + n + 0.5 * lane)
        for lane in range(2)
        for n in (0, 1)
    )  # fmt: skip
    return plain.model_copy(update={"fabric": chip, "routes": routes, "permutation": ()})


LIGHTSPHERE = {
    "name": "t",
    "serdes": {"lanes": 2, "profile": "100g-kp4", "modulation": "pam4", "baud_gbd": 53.125},
    "switch": {"topology": "ocstrx", "ports": 2},
}


def test_light_of_a_transceiver_passes_two_switches():
    manifest = spec.RtlManifest(
        top="serdes", verilog="v", sha256="", parameters={}, domains=(), ports=(), registers=(),
        latency_cycles={"framer": 2, "rx_pma": 6},
    )  # fmt: skip
    parts = link_figures.latency(spec.parse(LIGHTSPHERE, "t"), transceivers(), manifest)
    by_name = {p.name: p.ns for p in parts}
    assert by_name["switch"] == pytest.approx(1e-3 * (91 + 101))
    assert by_name["framer"] == pytest.approx(2 * 64 / 53.125)


def test_rates_and_energies_are_those_of_the_line_bits():
    design = spec.parse(LIGHTSPHERE | {"engine": {"laser_power_dbm": 9.0}}, "t")
    energy = link_figures.energy(design, transceivers(), heater_mw=64.0)
    assert energy["laser"] == pytest.approx(100.0 / 106.25)
    assert energy["switch heaters"] == pytest.approx(64.0 / (2 * 2 * 106.25))
    assert link_figures.heater_power_mw(transceivers(), (1023,), chips=2) == pytest.approx(80.0)
    made = link_figures.link_figures(
        design, outcome(side(), side("B")), (link_figures.Delay("package", 1.0),), {"laser": 1.0}
    )
    assert made.lane_rate_gbps == 106.25
    # 256/257 and 514/544 of the line, less the markers
    expected = 2 * 106.25 * 256 / 257 * 514 / 544
    assert made.payload_rate_gbps == pytest.approx(expected, rel=2e-3)
    assert made.payload_rate_gbps < expected


def failover(**changes):
    split = {"command": 1.0, "settle": 7.0, "load": 0.25, "relock": 2.0, "frame": 0.5,
             "total": 10.75}  # fmt: skip
    a = FailoverSide(
        name="A", path="backup", reason="NONE", split_us=split, frames_sent=50, frames_good=47,
        frames_errored=1, frames_malformed=0, frames_duplicated=0, frames_reordered=0,
        bytes_wrong=0, outage_us=10.5,
    )  # fmt: skip
    slow = split | {"relock": 4.0, "total": 12.75}
    b = a.model_copy(update={"name": "B", "split_us": slow, "frames_good": 46, "outage_us": 12.0})
    return Failover(cut_us=20.0, failed=None, sides=(a, b)).model_copy(update=changes)


def test_a_failover_takes_as_long_as_its_slower_end():
    made = outcome(side(), side("B")).model_copy(update={"failover": failover()})
    found = link_figures.failover_metrics(made)
    assert found["ocs.failover.total_us"] == 12.75
    assert found["ocs.failover.relock_us"] == 4.25
    assert found["ocs.failover.outage_us"] == 12.0
    assert (found["ocs.failover.frames_sent"], found["ocs.failover.frames_lost"]) == (100, 7)
    assert link_figures.reconfiguration_us(made) == 12.25
    lost = made.model_copy(update={"failover": failover(failed="no light")})
    assert link_figures.failover_metrics(lost)["ocs.failover.total_us"] is None
    assert link_figures.failover_metrics(outcome(side(), side("B"))) == {}


def test_receivers_of_pam4_come_from_the_registers():
    lanes = (
        LaneState(lane=1, lane_id=0, skew=0, phase=0, frequency=0, level=60, dfe=0,
                  taps=(3, -6, 0, 0), levels=(-60, -21, 22, 60)),
    )  # fmt: skip
    sides = [side(name).model_copy(update={"lanes": lanes}) for name in "AB"]
    found = link_figures.equalizers(spec.parse(LIGHTSPHERE, "t"), outcome(*sides))
    assert sorted(found) == [(0, 1), (1, 1)]
    assert found[0, 1].taps == (3 / 64, 1.0, -6 / 64)
    assert found[0, 1].thresholds == pytest.approx((-10.375, -0.125, 10.125))
    nrz = spec.parse({"name": "t", "serdes": {"lanes": 2}}, "t")
    assert link_figures.equalizers(nrz, outcome(*sides)) is None


def test_energy_counts_the_laser_by_its_wall_plug_efficiency():
    design = spec.parse(
        {"name": "t", "serdes": {"lanes": 2}, "switch": {"ports": 2},
         "engine": {"laser_power_dbm": 9.0, "laser_wall_plug_percent": 10.0}}, "t"
    )  # fmt: skip
    energy = link_figures.energy(design, model(), heater_mw=64.0)
    # 9 dBm + 1 dB to the modulator is 10 mW of light, 100 mW of electricity for 32 Gb/s
    assert energy["laser"] == pytest.approx(100.0 / 32.0)
    assert energy["switch heaters"] == pytest.approx(64.0 / (2 * 2 * 32.0))
    assert "switch heaters" not in link_figures.energy(design, model(fabric=False), 0.0)


def test_heater_power_goes_with_the_square_of_the_code():
    assert link_figures.heater_power_mw(model(), (1023,)) == pytest.approx(40.0)
    assert link_figures.heater_power_mw(model(), (512,)) == pytest.approx(10.0, rel=1e-2)
    assert link_figures.heater_power_mw(model(fabric=False), ()) == 0.0


def test_metrics_hold_every_key_of_the_contract():
    design = spec.parse({"name": "t", "serdes": {"lanes": 2}, "switch": {"ports": 2}}, "t")
    found = link_figures.metrics(
        design, outcome(side(), side("B")), payload_bytes=100, energies={"laser": 1.0, "rx": 2.0},
        eye_height_mv=50.0, eye_width_ui=0.4, build_s=1.0, drc=0, lvs=0,
    )  # fmt: skip
    keys = [
        "link.up",
        "link.payload_bytes",
        "link.payload_errors",
        "link.bits_simulated",
        "link.pre_fec_ber",
        "link.pre_fec_ber_low",
        "link.pre_fec_ber_high",
        "link.post_fec_ber",
        "link.latency_ns",
        "link.lock_time_us",
        "link.energy_pj_per_bit",
        "eye.height_mv",
        "eye.width_ui",
        "ocs.reconfiguration_us",
        "cosim.bits_per_s",
        "cosim.build_s",
        "layout.drc_violations",
        "layout.lvs_mismatches",
    ]
    assert set(keys) <= set(found)
    assert found["link.energy_pj_per_bit"] == 3.0
    assert found["cosim.bits_per_s"] == 2000.0


def test_figures_exist_only_for_a_link_that_came_up():
    design = spec.parse({"name": "t", "serdes": {"lanes": 2}, "switch": {"ports": 2}}, "t")
    budget = (link_figures.Delay("package", 1.0), link_figures.Delay("package", 2.0))
    made = link_figures.link_figures(design, outcome(side(), side("B")), budget, {"laser": 1.0})
    assert made is not None
    assert made.latency_budget_ns == {"package": 3.0}
    down = outcome(side(latency=None), side("B", lock=None))
    assert link_figures.link_figures(design, down, budget, {}) is None
