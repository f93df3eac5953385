import dataclasses
import json

import pytest

from lightloom.photonics import layout, netlist
from lightloom.photonics.checks import drc, lvs
from lightloom.spec.base import DesignError
from lightloom.spec.design import Design, Engine, Serdes, Switch

SMALL = Design(name="small", serdes=Serdes(lanes=2), switch=Switch(ports=2))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, store):
    monkeypatch.setenv("LIGHTLOOM_CACHE", str(store))


@pytest.mark.parametrize("kind", layout.KINDS)
def test_files_verdicts_and_counts(tmp_path, kind):
    made = layout.run(kind, SMALL, tmp_path / "deep" / kind)
    names = {path.name for path in (tmp_path / "deep" / kind).iterdir()}
    assert names == {
        f"{kind}.gds",
        f"{kind}.oas",
        f"{kind}.lyp",
        f"{kind}.netlist.yml",
        f"{kind}.extracted.yml",
        "drc.lyrdb",
        "lvs.lyrdb",
        "preview.png",
        "floorplan.svg",
        "bumps.csv",
        *(["bumps_eic.csv"] if kind == "engine" else []),
    }
    assert made.drc == drc.check(made.gds)
    assert made.lvs == lvs.check(made.gds, made.netlist)
    assert made.drc.clean
    assert made.lvs.clean
    assert lvs.check(made.oas, made.netlist).clean
    assert made.preview.read_bytes().startswith(b"\x89PNG")
    assert made.extracted == netlist.read(tmp_path / "deep" / kind / f"{kind}.extracted.yml")
    assert made.cells == {"switch": 1, "engine": 2, "ocstrx": 8}[kind]
    assert made.figures
    assert "DRC clean, LVS clean" in made.caption


def test_bumps_name_every_pad_and_its_net(tmp_path):
    for kind in layout.KINDS:
        made = layout.run(kind, SMALL, tmp_path / kind)
        head, *rows = made.bumps.read_text().splitlines()
        assert head == "name,x_um,y_um,net"
        pads = {
            pad: name
            for name, net in netlist.read(made.netlist).electrical.items()
            for pad in net.pads
        }
        assert {row.split(",")[0]: row.split(",")[3] for row in rows} == pads


def test_second_run_is_a_copy(tmp_path):
    first = layout.run("switch", SMALL, tmp_path / "a")
    again = layout.run("switch", SMALL, tmp_path / "b")
    assert again.cached
    assert again.drc == first.drc
    assert again.extracted == first.extracted
    for path in first.directory.iterdir():
        assert (again.directory / path.name).read_bytes() == path.read_bytes()


def test_findings_survive_the_cache(tmp_path, monkeypatch, store):
    # A verdict with findings comes back as it was: break a rule in the entry's own facts.
    made = layout.run("switch", SMALL, tmp_path / "a")
    entry = next(
        path
        for path in (store / "layout").glob("*/facts.json")
        if made.extracted.chip in path.read_text()
    )
    facts = json.loads(entry.read_text())
    finding = {"rule": "X", "message": "m", "x_um": 1.0, "y_um": 2.0, "polygon": [[0, 0], [1, 1]]}
    entry.write_text(json.dumps({**facts, "drc": {**facts["drc"], "findings": [finding]}}))
    again = layout.run("switch", SMALL, tmp_path / "b")
    entry.write_text(json.dumps(facts))
    assert [str(f) for f in again.drc.findings] == ["X at (1.000, 2.000) um: m"]
    assert again.drc.findings[0].polygon == ((0, 0), (1, 1))
    assert "DRC 1, LVS clean" in again.caption


@pytest.mark.parametrize(
    ("kind", "part", "changed", "same"),
    [
        ("switch", "switch", {"coupler_gap_um": 0.21}, False),
        ("switch", "switch", {"phase_shifter": "undercut"}, False),
        ("switch", "switch", {"settle_us": 70.0, "dac_bits": 8, "permutation": "identity"}, True),
        ("engine", "engine", {"modulator": "ring"}, False),
        ("engine", "engine", {"mzm_v_pi_v": 4.0}, False),
        ("engine", "engine", {"laser_power_dbm": -3.0, "ring_q": 6000.0}, True),
        ("engine", "serdes", {"lanes": 1}, False),
    ],
)
def test_only_what_shapes_the_chip_makes_a_new_one(kind, part, changed, same):
    other = SMALL.model_copy(update={part: getattr(SMALL, part).model_copy(update=changed)})
    assert (layout._key(kind, other) == layout._key(kind, SMALL)) is same


def test_keys_that_do_not_count_exist():
    for kind, part in (("switch", Switch), ("engine", Engine)):
        assert any(layout._ELSEWHERE[kind].fullmatch(name) for name in part.model_fields)
    assert {f.name for f in dataclasses.fields(layout.LayoutResult)} >= {"drc", "lvs", "preview"}


def test_what_cannot_be_laid_out(tmp_path):
    with pytest.raises(DesignError, match="layout bridge; allowed: switch, engine, ocstrx"):
        layout.run("bridge", SMALL, tmp_path)
    none = SMALL.model_copy(update={"switch": Switch(topology="none")})
    with pytest.raises(DesignError, match=r"switch\.topology = none; allowed: a topology"):
        layout.run("switch", none, tmp_path)
    assert not list(tmp_path.iterdir())
