"""Complete links: one design file in, light in between, the payload out."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from lightloom import spec
from lightloom.flows import cli, link
from lightloom.spec import DesignError

DESIGN = Path(__file__).parents[2] / "designs" / "xpu_cpo.toml"
LIGHTSPHERE = DESIGN.with_name("lightsphere.toml")
KEYS = """link.up link.payload_bytes link.payload_errors link.bits_simulated link.pre_fec_ber
    link.pre_fec_ber_low link.pre_fec_ber_high link.post_fec_ber link.latency_ns link.lock_time_us
    link.energy_pj_per_bit eye.height_mv eye.width_ui ocs.reconfiguration_us cosim.bits_per_s
    cosim.build_s layout.drc_violations layout.lvs_mismatches"""


def run(out, *arguments, design=DESIGN):
    """Run `lightloom link`; returns exit code and metrics."""
    code = cli.run(["link", str(design), "-q", "-o", str(out), *arguments])
    return code, json.loads((out / "metrics.json").read_text())


def settings(**values):
    return [
        part
        for key, value in values.items()
        for part in ("--set", f"{key.replace('__', '.')}={value}")
    ]


@pytest.mark.parametrize("size", [0, 1, 3000])
def test_a_file_arrives_unchanged_and_every_figure_is_there(tmp_path, size):
    payload = tmp_path / "file"
    payload.write_bytes(np.random.default_rng(size).bytes(size))
    out = tmp_path / "out"
    code, metrics = run(out, "--payload", str(payload), *settings(run__ber_bits=400_000))
    assert code == 0
    assert (out / "received.bin").read_bytes() == payload.read_bytes()
    assert set(KEYS.split()) <= set(metrics)
    assert metrics["link.up"] is True
    assert (metrics["link.payload_bytes"], metrics["link.payload_errors"]) == (size, 0)
    assert (metrics["layout.drc_violations"], metrics["layout.lvs_mismatches"]) == (0, 0)
    assert metrics["link.pre_fec_ber"] == 0.0
    assert 0 < metrics["link.pre_fec_ber_high"] < 1e-4
    # 10 m of fibre are 49 ns; the rest is the RTL and the packages
    assert 49 < metrics["link.latency_ns"] < 400
    assert metrics["eye.height_mv"] > 0
    assert 0.2 < metrics["eye.width_ui"] <= 1
    assert 0 < metrics["link.lock_time_us"] < 60
    # plain heaters of 10 us: within 1 dB of the final loss in a few time constants
    assert 1 < metrics["ocs.reconfiguration_us"] < 60
    report = (out / "report.html").read_text()
    assert "<svg" in report
    assert "http://" not in report.replace("http://www.w3.org", "")


@pytest.mark.slow
def test_a_megabyte_arrives_unchanged(tmp_path):
    payload = tmp_path / "file"
    payload.write_bytes(np.random.default_rng(9).bytes(1 << 20))
    out = tmp_path / "out"
    code, metrics = run(out, "--payload", str(payload))
    assert code == 0
    assert (out / "received.bin").read_bytes() == payload.read_bytes()
    assert metrics["link.payload_errors"] == 0


def test_less_light_means_more_errors_as_the_closed_form_says(tmp_path):
    """Steps of 1 dB over three and a half decades; bits enough for an interval of ten per cent."""
    rates = []
    for power, bits in ((2, 24_000_000), (1, 8_000_000), (0, 600_000), (-1, 100_000)):
        _, metrics = run(
            tmp_path / f"{power}", *settings(engine__laser_power_dbm=power, run__ber_bits=bits)
        )
        rates.append(metrics)
    found = [metrics["link.pre_fec_ber"] for metrics in rates]
    print(found, [metrics["link.pre_fec_ber_model"] for metrics in rates])
    assert all(a < b for a, b in itertools.pairwise(found))
    assert 0 < found[0] * 3e3 < found[-1]
    for m in rates[1:]:
        low, high = m["link.pre_fec_ber_low"], m["link.pre_fec_ber_high"]
        assert low <= m["link.pre_fec_ber_model"] <= high


RING = {"serdes__lanes": 2, "switch__ports": 2, "switch__topology": "ocstrx",
        "switch__permutation": "identity"}  # fmt: skip
TWO_LANES = {"serdes__lanes": 2, "switch__ports": 2}
"""Of the flagship's eight; switches of two lanes lose less, so the laser is 1.8 dB weaker."""


@pytest.mark.slow
def test_rows_of_two_blocks_arrive_whole_at_128_symbols_a_clock(tmp_path):
    payload = tmp_path / "file"
    payload.write_bytes(np.random.default_rng(128).bytes(30_000))
    out = tmp_path / "out"
    code, m = run(
        out, "--payload", str(payload),
        *settings(**TWO_LANES, serdes__symbols_per_clock=128, run__skew_ui="[0,301]",
                  run__ber_bits=400_000),
    )  # fmt: skip
    assert code == 0
    assert (out / "received.bin").read_bytes() == payload.read_bytes()
    assert (m["link.up"], m["link.payload_errors"], m["link.pre_fec_ber"]) == (True, 0, 0.0)
    manifest = json.loads((out / "rtl" / "serdes.manifest.json").read_text())
    assert manifest["parameters"]["word_bytes"] == 2 * 2 * 8


def test_pam4_with_fec_closes_through_two_transceivers(tmp_path):
    payload = tmp_path / "file"
    payload.write_bytes(np.random.default_rng(12).bytes(20_000))
    out = tmp_path / "out"
    code, m = run(
        out, "--payload", str(payload),
        *settings(**TWO_LANES, engine__laser_power_dbm=8.4, run__ber_bits=2_000_000),
        design=LIGHTSPHERE,
    )  # fmt: skip
    assert code == 0
    assert (out / "received.bin").read_bytes() == payload.read_bytes()
    assert (m["link.payload_errors"], m["link.wrong_bytes"]) == (0, 0)
    assert 1e-5 < m["link.pre_fec_ber"] < 2e-4
    assert m["link.pre_fec_ber"] / 2.5 < m["link.pre_fec_ber_model"] < 2.5 * m["link.pre_fec_ber"]
    assert m["fec.codewords"] > 50
    assert m["fec.uncorrectable"] == 0
    assert m["link.post_fec_ber"] == 0.0
    assert 0 < m["link.post_fec_ber_high"] < m["fec.codeword_error_rate_high"]
    assert m["ocs.reconfiguration_us"] is None
    assert "codewords</b> could not be corrected" in (out / "report.html").read_text()


def test_a_cut_fibre_is_left_for_the_backup_and_faster_with_overdrive_and_sets(tmp_path):
    """The whole loop: taps, guard, heaters, SerDes, traffic; nothing wrong, a frame or two lost."""
    found = {}
    for name, more in (
        ("with", {}),
        ("without", {"switch__overdrive": "false", "switch__saved_sets": "false"}),
    ):
        code, m = run(
            tmp_path / name, *settings(**RING, **more, run__cut_us=3, run__ber_bits=20_000)
        )
        assert code == 0, m
        found[name] = m
        outcome = json.loads((tmp_path / name / "cosim" / "outcome.json").read_text())
        for end in outcome["failover"]["sides"]:
            split = dict(end["split_us"])
            assert split.pop("total") == pytest.approx(sum(split.values()))
            # the debounce, and some clocks to see it
            assert 1.0 <= split["command"] < 1.2
            assert end["path"] == "backup"
            # the stream says the same as the registers, to a frame on either side
            assert abs(end["outage_us"] - end["split_us"]["total"]) < 1.5
        assert m["ocs.failover.frames_sent"] > 30
        assert 0 < m["ocs.failover.frames_lost"] < 8
        for key in ("bytes_wrong", "frames_duplicated", "frames_reordered"):
            assert m[f"ocs.failover.{key}"] == 0
        assert m["link.payload_errors"] == 0
        assert "failover" in (tmp_path / name / "report.html").read_text()
    quick, slow = (found[name]["ocs.failover.total_us"] for name in ("with", "without"))
    assert slow > 3 * quick
    # 60 us of waiting for plain heaters; overdrive ends in less than a time constant
    assert found["without"]["ocs.failover.settle_us"] > 60
    assert found["with"]["ocs.failover.settle_us"] < 10


@pytest.mark.slow
def test_the_flagship_survives_a_cut_fibre(tmp_path):
    cut = settings(run__cut_us=5, run__ber_bits=400_000)
    code, m = run(tmp_path / "out", *cut, design=LIGHTSPHERE)
    assert code == 0
    assert m["ocs.failover.total_us"] < 80
    assert (m["ocs.failover.bytes_wrong"], m["link.payload_errors"]) == (0, 0)


def test_what_cannot_be_corrected_is_never_delivered_as_good(tmp_path):
    """Every codeword at a BER of 1e-2, some of them at 2e-3: said, lost, and no wrong byte."""
    payload = tmp_path / "file"
    payload.write_bytes(np.random.default_rng(13).bytes(20_000))
    common = TWO_LANES | {"run__ber_bits": 400_000}
    for power, low, high in ((5.7, 6e-3, 2e-2), (6.9, 1e-3, 4e-3)):
        out = tmp_path / str(power)
        code, m = run(
            out, "--payload", str(payload), *settings(**common, engine__laser_power_dbm=power),
            design=LIGHTSPHERE,
        )  # fmt: skip
        print(power, m)
        assert code == 1
        assert low < m["link.pre_fec_ber"] < high
        assert m["fec.uncorrectable"] > 0
        assert m["link.wrong_bytes"] == 0
        assert m["link.payload_errors"] > 0
    assert m["link.up"] is True
    # codewords by the hundred: failed as often as the errors of the test pattern say, or half
    assert 0.5 < m["fec.codeword_error_rate"] / m["fec.codeword_error_rate_model"] < 1.5


@pytest.mark.slow
def test_the_flagship_closes_and_fails_as_it_says(tmp_path):
    payload = tmp_path / "file"
    payload.write_bytes(np.random.default_rng(14).bytes(100_000))
    code, m = run(tmp_path / "good", "--payload", str(payload), design=LIGHTSPHERE)
    assert code == 0
    assert (tmp_path / "good" / "received.bin").read_bytes() == payload.read_bytes()
    assert 1e-5 < m["link.pre_fec_ber"] < 2e-4
    assert m["fec.uncorrectable"] == 0
    code, m = run(
        tmp_path / "bad", "--payload", str(payload), *settings(engine__laser_power_dbm=7.4),
        design=LIGHTSPHERE,
    )  # fmt: skip
    assert code == 1
    assert 7e-3 < m["link.pre_fec_ber"] < 1.5e-2
    assert m["fec.uncorrectable"] > 0
    assert m["link.wrong_bytes"] == 0


def test_below_sensitivity_the_link_says_so_in_time(tmp_path):
    code, metrics = run(
        tmp_path / "out", *settings(engine__laser_power_dbm=-8, run__ber_bits=100_000)
    )
    assert code == 1
    assert metrics["link.up"] is False
    outcome = json.loads((tmp_path / "out" / "cosim" / "outcome.json").read_text())
    assert {side["fail_reason"] for side in outcome["sides"]} != {"NONE"}
    design = spec.load(DESIGN)
    assert outcome["end_us"] < 3 * design.serdes.bring_up_timeout_us + design.switch.settle_us + 20


def test_a_wrong_calibration_takes_the_link_down(tmp_path):
    good = tmp_path / "good"
    code, _ = run(good, *settings(run__ber_bits=100_000))
    assert code == 0
    setup = json.loads((good / "cosim" / "setup.json").read_text())
    wrong = {"bar": setup["cross"], "cross": setup["bar"]}
    table = tmp_path / "swapped.json"
    table.write_text(json.dumps(wrong))
    code, metrics = run(
        tmp_path / "bad",
        *settings(switch__calibration=json.dumps(str(table)), run__ber_bits=100_000,
                  switch__permutation="[0,2,1,3,4,5,7,6]"),
    )  # fmt: skip
    assert code == 1
    assert metrics["link.up"] is False
    outcome = json.loads((tmp_path / "bad" / "cosim" / "outcome.json").read_text())
    assert "hears lane" in outcome["misrouted"]
    # codes halfway between bar and cross split the light: nothing comes up at all
    half = [code // 2 for code in wrong["cross"]]
    table.write_text(json.dumps({"bar": half, "cross": half}))
    code, metrics = run(
        tmp_path / "half",
        *settings(switch__calibration=json.dumps(str(table)), run__ber_bits=100_000),
    )
    assert code == 1
    assert metrics["link.up"] is False


def test_the_layout_reaches_the_bit_error_rate(tmp_path):
    """5 nm of a coupler gap, or 12 nm between two arms, as drawn: crosstalk, loss, errors."""
    common = {"engine__laser_power_dbm": 1, "run__ber_bits": 1_000_000}
    leaks, losses, rates = [], [], []
    for name, more in (
        ("drawn as meant", {}),
        ("gap", {"switch__coupler_gap_um": 0.205}),
        ("imbalance", {"switch__arm_imbalance_um": 0.012}),
    ):
        _, metrics = run(tmp_path / name, *settings(**common, **more))
        model = spec.OpticalModel.read(tmp_path / name / "optical_model.json")
        leaks.append(max(leak.power_db for leak in model.crosstalk))
        losses.append(max(route.loss_db for route in model.routes))
        rates.append(metrics["link.pre_fec_ber"])
    print(leaks, losses, rates)
    assert min(leaks[1:]) > leaks[0] + 6
    assert min(losses[1:]) > losses[0]
    assert min(rates[1:]) > 5 * rates[0] > 0


def test_a_channel_file_replaces_the_analytic_trace(tmp_path, capfd):
    frequency = np.linspace(0.0, 60e9, 601)
    loss = 10 ** (-(0.4 * np.sqrt(frequency / 1e9) + 0.05 * frequency / 1e9) / 20)
    through = loss * np.exp(-2j * np.pi * frequency * 50e-12)

    def touchstone(name, gain):
        lines = ["# Hz S RI R 50"]
        for f, s in zip(frequency, gain * through, strict=True):
            lines.append(f"{f} 0.01 0 {s.real} {s.imag} {s.real} {s.imag} 0.01 0")
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return json.dumps(str(tmp_path / name))

    out = tmp_path / "out"
    passive = settings(package__touchstone=touchstone("a.s2p", 0.95), run__ber_bits=100_000)
    code, metrics = run(out, *passive)
    assert code == 0
    assert metrics["link.payload_errors"] == 0
    described = json.loads((out / "run.json").read_text())
    assert {item["role"] for item in described["inputs"]} == {"design", "touchstone", "payload"}
    active = settings(package__touchstone=touchstone("b.s2p", 1.3))
    before = (out / "metrics.json").read_bytes()
    assert cli.run(["link", str(DESIGN), "-q", "-o", str(out), *active]) == 2
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert "b.s2p: not passive" in error
    assert (out / "metrics.json").read_bytes() == before


def test_the_built_in_payload_is_the_same_every_time(tmp_path):
    design = spec.parse({"name": "t"}, "t")
    first = link.payload_file(design, None, tmp_path).read_bytes()
    assert len(first) == link.BUILT_IN_PAYLOAD_BYTES
    assert link.payload_file(design, None, tmp_path).read_bytes() == first


def test_a_payload_that_cannot_be_carried_is_named(tmp_path, monkeypatch):
    design = spec.parse({"name": "t"}, "t")
    with pytest.raises(DesignError, match=r"absent: cannot be read: No such file"):
        link.payload_file(design, tmp_path / "absent", tmp_path)
    with pytest.raises(DesignError, match="not a file"):
        link.payload_file(design, tmp_path, tmp_path)
    monkeypatch.setattr(link, "PAYLOAD_LIMIT", 3)
    (tmp_path / "big").write_bytes(b"1234")
    with pytest.raises(DesignError, match=r"4 bytes; allowed: 0 to 3"):
        link.payload_file(design, tmp_path / "big", tmp_path)
