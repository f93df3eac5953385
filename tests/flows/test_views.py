"""View files of waves: every signal in them is in the FST file, by side and lane."""

import re
import subprocess
from pathlib import Path

import pytest

from lightloom import spec
from lightloom.cosim.verilator import build
from lightloom.flows import cli, views
from lightloom.rtl import library

LANES = 2
SHAPES = {
    "nrz": {"serdes": {"lanes": LANES, "symbols_per_clock": 16}, "switch": {"ports": 2}},
    "pam4": {
        "serdes": {"lanes": LANES, "profile": "100g-kp4", "modulation": "pam4", "baud_gbd": 53.125},
        "switch": {"ports": 2, "topology": "ocstrx"},
    },
    "none": {"serdes": {"lanes": LANES}, "switch": {"topology": "none"}},
}


@pytest.fixture(scope="module", params=SHAPES)
def made(request):
    design = spec.parse({"name": "t", **SHAPES[request.param]}, "t")
    verilog, manifest = library.serdes(design)
    modules = views.modules(verilog.read_text())
    return design, verilog, manifest, modules


def test_ports_are_those_of_the_manifest(made):
    _, _, manifest, modules = made
    assert modules["serdes"].ports == {port.name: port.width for port in manifest.ports}


def test_every_lane_of_both_sides_has_its_groups(made):
    design, _, _, modules = made
    found = {group.title: group for group in views.groups(design, modules)}
    for side in "AB":
        for lane in range(LANES):
            received = {
                s.path.rpartition(".")[2]
                for s in found[f"xPU {side}, lane {lane} receives"].signals
            }
            assert {"phase", "cdr_locked", "frequency", "prbs_errors", "timing"} <= received
            assert found[f"xPU {side}, lane {lane} sends"].signals
        assert len(found[f"xPU {side}, bring-up"].signals) == 16
    switches = {t for t in found if t.startswith("switch")}
    kinds = {"benes": {"switch"}, "ocstrx": {"switch of xPU A", "switch of xPU B"}, "none": set()}
    assert switches == kinds[design.switch.topology]
    paths = [signal.path for group in found.values() for signal in group.signals]
    assert len(paths) == len(set(paths))


def gtkwave(text):
    """Signals and their bits, and the groups' titles, of a GTKWave save file."""
    rows = re.findall(r"^(top\.[\w.]+)(?:\[(\d+):0\])?$", text, re.MULTILINE)
    begun = re.findall(r"^@[8c]00200\n-(.+)$", text, re.MULTILINE)
    ended = re.findall(r"^@(?:1000200|1401200)\n-(.+)$", text, re.MULTILINE)
    assert begun == ended
    return {path: int(high or 0) + 1 for path, high in rows}, begun


def surfer(text):
    commands = [line.split(" ", 1) for line in text.splitlines()]
    assert {words[0] for words in commands} == {"divider_add", "variable_add", "zoom_fit"}
    return [[w[1] for w in commands if w[0] == kind] for kind in ("variable_add", "divider_add")]


def test_both_files_name_the_same_signals(made, tmp_path):
    design, verilog, _, modules = made
    views.write(design, verilog, tmp_path)
    found = views.groups(design, modules)
    expected = {s.path: s.width for group in found for s in group.signals}
    named, titles = gtkwave((tmp_path / "waves.gtkw").read_text())
    assert named == expected
    assert titles == [group.title for group in found]
    assert surfer((tmp_path / "waves.sucl").read_text()) == [list(expected), titles]
    assert '[dumpfile] "waves.fst"' in (tmp_path / "waves.gtkw").read_text()


def test_missing_libraries_are_named(monkeypatch):
    done = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(spec.DesignError, match=r"lz4.h, zlib.h: not found; .* liblz4-dev"):
        build.executable([], {}, kernel=Path("k"), stands="", jobs=1, waves="")


def can_write_fst():
    try:
        build.check_waves()
    except spec.DesignError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.skipif(not can_write_fst(), reason="no lz4.h, zlib.h")
@pytest.mark.parametrize("topology", ["none", "benes", "ocstrx"])
def test_every_signal_named_is_in_the_waves_and_they_change_nothing(tmp_path, topology):
    """Read by the library that Surfer reads it with."""
    from pywellen import Waveform

    design = tmp_path / "tiny.toml"
    design.write_text(
        "name = 'tiny'\n[serdes]\nlanes = 2\nbring_up_timeout_us = 40\n"
        f"[switch]\nports = 2\ntopology = '{topology}'\n"
        "[engine]\nlaser_power_dbm = 2\n[run]\nber_bits = 0\n"
    )
    payload = tmp_path / "file"
    payload.write_bytes(bytes(200))
    out = tmp_path / "out"
    command = ["link", str(design), "--payload", str(payload), "-q", "-o"]
    assert cli.run([*command, str(out), "--waves"]) == 0
    widths = {v.full_name: v.bitwidth for v in Waveform(str(out / "waves.fst")).all_vars()}
    named, _ = gtkwave((out / "waves.gtkw").read_text())
    assert {path: widths.get(path) for path in named} == named
    assert len(widths) < 20 * len(named)
    assert cli.run(["repeat", str(out / "run.json"), "-q", "-o", str(tmp_path / "again")]) == 0
