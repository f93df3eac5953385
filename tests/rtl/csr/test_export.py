import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lightloom.rtl.csr import export, rdl
from lightloom.rtl.ocs import controller

SAMPLE = (Path(__file__).with_name("sample.rdl"), "sample", {"LANES": 3})
OCS = (
    Path(controller.__file__).with_name("ocs.rdl"),
    "ocs_controller",
    {"PORTS": 16, "CELLS": 56, "STATE_WORDS": 2, "DAC_BITS": 12, "SETTLE_CYCLES": 500},
)
CASES = pytest.mark.parametrize("case", [SAMPLE, OCS], ids=["sample", "ocs"])


@CASES
def test_the_c_header_agrees_with_that_of_peakrdl_in_a_c_compiler(case, tmp_path):
    text, top, parameters = case
    description = rdl.load(*case)
    header = export.write(description, tmp_path)[1]
    oracle = tmp_path / "peak.h"
    overrides = [a for key, value in parameters.items() for a in ("-P", f"{key}={value}")]
    peakrdl = str(Path(sys.executable).with_name("peakrdl"))
    subprocess.run(
        [peakrdl, "c-header", str(text), "-o", str(oracle), "-t", top, *overrides],
        check=True, timeout=60,
    )  # fmt: skip
    kind = re.findall(r"^\} (\w+_t);", oracle.read_text(), re.MULTILINE)[-1]
    theirs = kind.removesuffix("_t").upper()
    claims = []
    for register in description.registers:
        bare = re.sub(r"\[\d+\]", "", register.name)
        indices = re.findall(r"\[(\d+)\]", register.name)
        mine = f"{top.upper()}_{bare.replace('.', '_').upper()}"
        arguments = f"({', '.join(indices)})" if indices else ""
        claims.append(f"{mine}_ADDR{arguments} == offsetof({kind}, {register.name})")
        for field in register.fields:
            ours = f"{mine}_{field.name.upper()}"
            peak = f"{theirs}__{bare.replace('.', '__').upper()}__{field.name.upper()}"
            pairs = [("LSB", "bp"), ("WIDTH", "bw"), ("MASK", "bm")]
            if f"{peak}_reset" in oracle.read_text():
                pairs.append(("RESET", "reset"))
            claims += [f"{ours}_{a} == {peak}_{b}" for a, b in pairs]
    program = tmp_path / "check.c"
    program.write_text(
        f'#include <stddef.h>\n#include "{oracle.name}"\n#include "{header.name}"\n'
        + "".join(f'_Static_assert({claim}, "{claim}");\n' for claim in claims)
    )
    done = subprocess.run(
        ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(program)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[:2000]
    assert len(claims) > 4 * len(description.registers)


def test_the_c_header_names_the_values_of_a_field():
    text = export.c_header(rdl.load(*OCS))
    assert "#define OCS_CONTROLLER_STATUS_REASON_VALUE_BUSY 4u\n" in text
    assert "#define OCS_CONTROLLER_DESTINATION_ADDR(i) (0x1000 + 0x4 * (i))\n" in text
    assert "#define OCS_CONTROLLER_DESTINATION_COUNT 16\n" in text


def test_the_json_holds_every_field():
    description = rdl.load(*SAMPLE)
    value = json.loads(export.json_text(description))
    assert value["parameters"] == {"LANES": 3}
    assert [(r["name"], r["address"]) for r in value["registers"]] == [
        (r.name, r.address) for r in description.registers
    ]
    control = next(r for r in value["registers"] if r["name"] == "control")
    assert control["reset"] == 0x90155021
    assert [(f["name"], f["lsb"], f["width"], f["access"]) for f in control["fields"]] == [
        ("enable", 0, 1, "rw"),
        ("mode", 4, 2, "rw"),
        ("clear", 8, 1, "pulse"),
        ("threshold", 12, 10, "rw"),
        ("key", 28, 4, "wo"),
    ]
    assert control["fields"][1]["values"] == {"red": 0, "green": 2}
    events = next(r for r in value["registers"] if r["name"] == "events")
    assert {f["access"] for f in events["fields"]} == {"w1c"}


def test_the_bit_tables_of_the_page_cover_32_bits_once():
    text = export.markdown(rdl.load(*SAMPLE))
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    assert len(sections) == 5 + 4
    for section in sections:
        covered = []
        for bits in re.findall(r"^\| (\d+(?::\d+)?) \|", section, re.MULTILINE):
            high, _, low = bits.partition(":")
            covered += range(int(high), int(low or high) - 1, -1)
        assert covered == list(range(31, -1, -1)), section
    tap = next(section for section in sections if section.startswith("lane[i].tap[j]"))
    assert "Address 0x044 + 0x20 * i + 0x4 * j, i = 0 to 2, j = 0 to 2." in tap
    assert r"Switches \| pulses." in text


def test_the_svd_gives_the_same_map_to_a_parser(tmp_path):
    description = rdl.load(*SAMPLE)
    device = ElementTree.fromstring(export.svd(description, base=0x4000_0000).encode())
    peripheral = device.find("peripherals/peripheral")
    assert int(peripheral.findtext("baseAddress"), 0) == 0x4000_0000
    size = int(peripheral.findtext("addressBlock/size"), 0)
    found = {}
    for register in peripheral.iter("register"):
        offset = int(register.findtext("addressOffset"), 0)
        assert offset < size
        found[register.findtext("name")] = (
            offset,
            int(register.findtext("resetValue"), 0),
            register.findtext("access"),
            [
                (f.findtext("name"), int(f.findtext("bitOffset")), int(f.findtext("bitWidth")))
                for f in register.iter("field")
            ],
        )
    assert found == {
        rdl.identifier(r.name): (
            r.address,
            r.reset,
            {(True, True): "read-write", (True, False): "read-only", (False, True): "write-only"}[
                r.readable, r.writable
            ],
            [(f.name, f.lsb, f.width) for f in r.fields],
        )
        for r in description.registers
    }
    names = [f.findtext("modifiedWriteValues") for f in peripheral.iter("field")]
    assert names.count("oneToClear") == 2


def test_four_files_are_written_and_do_not_change_between_runs(tmp_path):
    first = export.write(rdl.load(*OCS), tmp_path / "a")
    second = export.write(rdl.load(*OCS), tmp_path / "b")
    names = [f"ocs_controller.{suffix}" for suffix in ("json", "h", "md", "svd")]
    assert [path.name for path in first] == names
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
