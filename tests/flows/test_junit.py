"""JUnit files: every check a test case, whatever its words, and a case for what could not run."""

import io
import json
import xml.etree.ElementTree as ET

import pytest

from lightloom.flows import cli
from lightloom.flows.junit import reported
from lightloom.flows.progress import Reporter
from lightloom.flows.runs import Check, Run
from lightloom.spec import DesignError

DESIGN = "name = 'small'\n[serdes]\nlanes = 2\n[switch]\nports = 2\n"


@pytest.fixture
def log():
    return Reporter(-1, io.StringIO(), io.StringIO())


def test_checks_become_cases(tmp_path, log):
    file = tmp_path / "deep" / "link.xml"
    hostile = 'a <b> & "c" ]]> \x00\x1b[31m\ud800 \N{MICRO SIGN}s'
    with (
        reported(file, "link", "tiny", tmp_path / "out"),
        Run(tmp_path / "out", "link", log) as run,
    ):
        run.checks += [Check("up", True, "in 3 us"), Check("intact", False, hostile)]
        run.checks.append(Check("quiet", True))
        run.metrics["link.up"] = True
        run.failed = True
    suite = ET.parse(file).getroot().find("testsuite")
    assert suite is not None
    assert suite.get("name") == "lightloom link tiny"
    assert [suite.get(k) for k in ("tests", "failures", "errors", "skipped")] == [
        "3",
        "1",
        "0",
        "0",
    ]
    described = json.loads((tmp_path / "out" / "run.json").read_text())
    assert suite.get("timestamp") == described["started_utc"]
    assert float(suite.get("time")) == described["total_seconds"]
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["up", "intact", "quiet"]
    assert {case.get("classname") for case in cases} == {"lightloom.link.tiny"}
    assert [[child.tag for child in case] for case in cases] == [["system-out"], ["failure"], []]
    message = cases[1][0].get("message")
    assert message == 'a <b> & "c" ]]> \ufffd\ufffd[31m\ufffd \N{MICRO SIGN}s'
    assert [(p.get("name"), p.get("value")) for p in suite.iter("property")] == [
        ("link.up", "true")
    ]


def test_what_could_not_run_is_an_error(tmp_path):
    file = tmp_path / "link.xml"

    def broken():
        with reported(file, "link", "tiny", tmp_path / "out"):
            raise DesignError("g++: not found")

    with pytest.raises(DesignError, match="not found"):
        broken()
    suite = ET.parse(file).getroot()[0]
    assert [suite.get(k) for k in ("tests", "failures", "errors")] == ["1", "0", "1"]
    assert suite[0][0].tag == "error"
    assert suite[0][0].get("message") == "g++: not found"


def test_a_command_writes_it_and_a_place_that_cannot_be_is_named(tmp_path, capsys):
    design = tmp_path / "small.toml"
    design.write_text(DESIGN)
    file = tmp_path / "layout.xml"
    command = ["layout", "switch", "--design", str(design), "-q", "-o", str(tmp_path / "out")]
    assert cli.run([*command, "--junit", str(file)]) == 0
    cases = ET.parse(file).getroot()[0].findall("testcase")
    assert [(case.get("name"), case[0].text) for case in cases] == [
        ("DRC", "clean"),
        ("LVS", "clean"),
    ]
    assert cases[0].get("classname") == "lightloom.layout.switch.small"
    capsys.readouterr()
    assert cli.run([*command, "--junit", str(design / "x.xml")]) == 2
    assert "small.toml/x.xml: cannot be written: " in capsys.readouterr().err


def test_points_of_a_sweep_are_cases(tmp_path):
    design = tmp_path / "small.toml"
    design.write_text(DESIGN)
    file = tmp_path / "sweep.xml"
    code = cli.run(
        ["sweep", str(design), "--command", "sparams --points 3", "-q", "-o", str(tmp_path / "out"),
         "--vary", "switch.topology=none,benes", "--junit", str(file)]
    )  # fmt: skip
    assert code == 1
    suite = ET.parse(file).getroot()[0]
    assert [suite.get(k) for k in ("tests", "failures")] == ["2", "1"]
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["none", "benes"]
    assert "switch.topology = 'none'" in cases[0][0].get("message")
