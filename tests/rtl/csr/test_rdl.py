from pathlib import Path

import pytest

from lightloom.rtl.csr import rdl
from lightloom.spec.base import DesignError

SAMPLE = Path(__file__).with_name("sample.rdl")


def test_addresses_and_fields_equal_those_of_peakrdl(peakrdl, tmp_path):
    description = rdl.load(SAMPLE, "sample", {"LANES": 5})
    oracle, _ = peakrdl(SAMPLE, "sample", {"LANES": 5}, description.registers, tmp_path)
    mine = {}
    for register in description.registers:
        mine[register.name] = str(register.address)
        for field in register.fields:
            mine[f"{register.name}.{field.name}"] = f"{field.lsb},{field.width}"
    assert mine == oracle
    assert len(description.registers) == 5 + 5 * 6


def test_properties_of_the_fields_are_kept():
    description = rdl.load(SAMPLE, "sample")
    assert description.parameters == (("LANES", 2),)
    assert description.title == "Sample"
    control = description.register("control")
    assert control.reset == 0x90155021
    assert control.field("clear").single_pulse
    assert control.field("key").software == "w"
    assert [(c.name, c.value, c.text) for c in control.field("mode").codes] == [
        ("red", 0, "first"),
        ("green", 2, "third"),
    ]
    events = description.register("events")
    assert not events.field("soft").hardware_wins
    assert events.field("hard").hardware_wins
    assert events.field("hard").write_one_clears
    assert description.register("lane[1].low").field("value").access_strobe
    assert not description.register("id").writable
    assert not description.register("doorbell").readable
    with pytest.raises(KeyError):
        description.register("lane[2].low")
    with pytest.raises(KeyError, match=r"control\.none"):
        control.field("none")


def test_the_manifest_lists_the_same_registers():
    description = rdl.load(SAMPLE, "sample", {"LANES": 1})
    listed = {r.name: r for r in description.manifest()}
    assert listed["lane[0].status"].address == 0x40
    assert listed["lane[0].status"].fields == {"lock": (0, 1), "id": (8, 4)}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("field { sw = r; hw = rw; } f[1];", r"q\.f: hw = rw; one of r, w, na"),
        ("field { sw = rw; hw = w; } f[1];", r"q\.f: sw and hw both write"),
        ("field { sw = rw; hw = w; onwrite = woclr; } f[1];", r"q\.f: onwrite = woclr and sticky"),
        ("field { sw = rw; hw = r; onwrite = wzc; } f[1];", r"q\.f: onwrite = wzc; only woclr"),
        ("field { sw = r; hw = w; onread = rclr; } f[1];", r"q\.f: onread is not supported"),
        ("field { sw = r; hw = w; counter; } f[8];", r"q\.f: counter is not supported"),
        ("field { sw = rw; hw = r; swwe; } f[8];", r"q\.f: swwe is not supported"),
        ("field { sw = rw1; hw = r; } f[8];", r"q\.f: sw = rw1; one of rw, r, w"),
        ("regwidth = 64; field { sw = rw; hw = r; } f[8];", r"q: regwidth = 64; only 32"),
        ("field { sw = rw; hw = r; } f[8]", r"line 1: .*"),
    ],
)
def test_what_the_bank_does_not_build_is_refused_by_name(tmp_path, body, message):
    text = tmp_path / "bad.rdl"
    text.write_text(f"addrmap top {{ reg {{ {body} }} q; }};\n")
    with pytest.raises(DesignError, match=rf"bad\.rdl: .*{message}"):
        rdl.load(text, "top")


def test_two_paths_with_one_identifier_are_refused(tmp_path):
    text = tmp_path / "bad.rdl"
    text.write_text("addrmap top { reg q { field { sw = rw; hw = r; } f[1]; }; q a[1]; q a_0; };\n")
    with pytest.raises(DesignError, match=r"a_0\.f and a\[0\]\.f are both a_0_f"):
        rdl.load(text, "top")


def test_a_missing_file_a_wrong_top_and_a_wrong_parameter_are_named(tmp_path):
    with pytest.raises(DesignError, match=r"none\.rdl: no such file"):
        rdl.load(tmp_path / "none.rdl", "top")
    with pytest.raises(DesignError, match=r"sample\.rdl: addrmap other: "):
        rdl.load(SAMPLE, "other")
    with pytest.raises(DesignError, match=r"sample\.rdl: addrmap sample: .*WIDTH"):
        rdl.load(SAMPLE, "sample", {"WIDTH": 3})
