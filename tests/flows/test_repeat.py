"""A failed link run is repeated bit for bit, from the folder of a point of a sweep."""

import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from lightloom.cosim.setup import Digests, Outcome
from lightloom.flows import cli, link, repeat, runs

DESIGN = Path(__file__).parents[2] / "designs" / "xpu_cpo.toml"
"""As it is, so that the build is that of other tests of the link."""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Two points at once that need one build, the first with too little light."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "file.bin").write_bytes(bytes(range(200)))
    code = cli.run(
        ["sweep", str(DESIGN), "--vary", "engine.laser_power_dbm=-8,7", "-q",
         "--set", "run.ber_bits=0",
         "--command", f"link --payload '{folder / 'file.bin'}'", "-j", "2", "-o",
         str(folder / "out")]
    )  # fmt: skip
    found = pq.read_table(folder / "out" / "sweep.parquet").to_pydict()
    places = [folder / "out" / name for name in found["folder"]]
    return SimpleNamespace(code=code, table=found, failed=places[0], passed=places[1])


def test_a_sweep_of_links_says_what_failed(swept):
    assert swept.code == 1
    assert swept.table["status"] == ["failed", "passed"]
    assert swept.table["message"][0].startswith("link came up: A: ")
    assert swept.table["link.up"] == [False, True]
    assert swept.table["link.payload_bytes"] == [200, 200]
    assert swept.table["link.payload_errors"][1] == 0
    hashes = swept.table["cosim.waveform_hash"]
    assert len(hashes[0]) == 32
    assert hashes[0] != hashes[1]


def test_a_failed_run_is_the_same_again(swept, tmp_path, capsys):
    out = tmp_path / "again"
    assert cli.run(["repeat", str(swept.failed / "run.json"), "-q", "-o", str(out)]) == 0
    told = capsys.readouterr().out
    first, second = (json.loads((f / "metrics.json").read_text()) for f in (swept.failed, out))
    assert f"identical: waveform {first['cosim.waveform_hash']}" in told
    assert second["cosim.waveform_hash"] == first["cosim.waveform_hash"]
    assert second["link.up"] is False
    assert second["repeat.identical"] is True
    assert (out / "inputs" / "payload.bin").read_bytes() == bytes(range(200))
    described = json.loads((out / "run.json").read_text())
    assert described["identity"]["waveform"] == first["cosim.waveform_hash"]
    assert {check["name"]: check["passed"] for check in described["checks"]} == {
        "waveform": True,
        "figures": True,
    }
    # what came out can be repeated in turn
    assert repeat.read(out / "run.json").waveform == first["cosim.waveform_hash"]


def test_a_run_is_described_by_its_folder_alone(swept, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(swept.failed, moved)
    found = repeat.read(moved / "run.json")
    assert found.files["payload"] == moved / "inputs" / "payload.bin"
    assert found.design.engine.laser_power_dbm == -8
    assert found.settings == {"run.ber_bits": "0", "engine.laser_power_dbm": "-8"}


def test_another_waveform_and_another_version_are_named(swept, tmp_path, capsys, monkeypatch):
    was = Outcome.read(swept.failed / "cosim" / "outcome.json")
    digests = (was.digests[0], Digests(sent=was.digests[1].sent, received="0" * 16))

    def other(job, *_, **__):
        metrics = json.loads((swept.failed / "metrics.json").read_text())
        job.metrics.update(metrics | {"link.lock_time_us": 5.5, "cosim.cpu_s": 1e9})
        return was.model_copy(update={"digests": digests})

    monkeypatch.setattr(link, "carry_out", other)
    monkeypatch.setattr("lightloom.flows.link_conclude.summary", lambda *_: "")
    real = runs.versions()
    monkeypatch.setattr(repeat, "versions", lambda: real | {"numpy": "1.0"})
    code = cli.run(["repeat", str(swept.failed / "run.json"), "-o", str(tmp_path / "o"), "-q"])
    assert code == 1
    told = capsys.readouterr().out.splitlines()
    assert told[:4] == [
        "repeat    differs",
        "waveform  B to A as received is another",
        "figures   link.lock_time_us: None then, 5.5 now",
        f"changed   numpy: {real['numpy']} then, 1.0 now",
    ]
    metrics = json.loads((tmp_path / "o" / "metrics.json").read_text())
    assert metrics["repeat.identical"] is False


def refused(path, capsys, *more):
    assert cli.run(["repeat", str(path), *more]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_cannot_be_repeated_says_why(swept, tmp_path, capsys):
    assert "none.json: cannot be read: No such" in refused(tmp_path / "none.json", capsys)
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    assert "bad.json: not JSON: " in refused(bad, capsys)
    bad.write_text("[]")
    assert "bad.json: not the description of a run" in refused(bad, capsys)
    bad.write_text('{"command": "layout", "inputs": [], "identity": {}}')
    assert "no run that can be repeated; allowed: run.json of lightloom" in refused(bad, capsys)
    own = refused(swept.failed / "run.json", capsys, "-o", str(swept.failed))
    assert "the folder of the run itself; allowed: another" in own
    moved = tmp_path / "moved"
    shutil.copytree(swept.failed, moved)
    (moved / "inputs" / "payload.bin").write_bytes(b"another")
    digest = hashlib.sha256(b"another").hexdigest()
    message = f"payload.bin: has changed since the run: SHA-256 {digest}"
    assert message in refused(moved / "run.json", capsys)
    text = json.loads((moved / "run.json").read_text())
    text["kept"]["payload"] = "../../outside"
    (moved / "run.json").write_text(json.dumps(text))
    assert "../../outside is not in its folder" in refused(moved / "run.json", capsys)
