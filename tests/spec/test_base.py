import pytest

from lightloom import spec
from lightloom.spec.base import DesignError


def test_a_value_round_trips_through_its_file(tmp_path):
    manifest = spec.RtlManifest(
        top="t",
        verilog="t.v",
        sha256="0",
        parameters={"lanes": 8},
        domains=("sync",),
        ports=(),
        registers=(),
        latency_cycles={"framer": 2},
    )
    manifest.write(tmp_path / "m.json")
    assert spec.RtlManifest.read(tmp_path / "m.json") == manifest
    with pytest.raises(KeyError):
        manifest.register("none")


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "m.json"
    path.write_text("{}")
    with pytest.raises(DesignError, match=r"m\.json: not a readable RtlManifest"):
        spec.RtlManifest.read(path)
