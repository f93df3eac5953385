from pathlib import Path

import pytest

from lightloom import spec
from lightloom.spec import loader

DESIGN = Path(__file__).parents[2] / "designs" / "xpu_cpo.toml"


def test_the_reference_design_loads_with_its_defaults():
    design = spec.load(DESIGN)
    assert design.name == "xpu_cpo"
    assert (design.serdes.lanes, design.serdes.baud_gbd, design.switch.ports) == (8, 32.0, 8)
    assert spec.parse(design.model_dump(), "again") == design


def test_overrides_take_toml_values_and_bare_words():
    design = spec.load(
        DESIGN,
        {
            "engine.modulator": "ring",
            "fibre.length_m": "25",
            "switch.permutation": "[1,0,2,3,4,5,6,7]",
        },
    )
    assert design.engine.modulator == "ring"
    assert design.fibre.length_m == 25.0
    assert design.switch.permutation == (1, 0, 2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        (
            "serdes.baud_ghz",
            "32",
            "serdes.baud_ghz = 32: unknown key; did you mean serdes.baud_gbd?",
        ),
        ("serdes.baud_gbd", "32 GHz", 'serdes.baud_gbd = "32 GHz"; allowed: number 1 to 64'),
        ("serdes.baud_gbd", "320", "serdes.baud_gbd = 320; allowed: number 1 to 64"),
        ("serdes.lanes", "17", "serdes.lanes = 17; allowed: whole number 1 to 16"),
        ("switch.ports", "6", "ports = 6 with topology 'benes'; allowed: 2, 4, 8, 16, 32, 64, 128"),
        ("switch.ports", "129", "switch.ports = 129; allowed: whole number 2 to 128"),
        (
            "switch.topology",
            "ring",
            'switch.topology = "ring"; allowed: "benes", "piloss", "crossbar", ',
        ),
        ("technology.band", "C", "engine.wavelength_nm = 1310 with technology.band = C; allowed"),
        (
            "switch.permutation",
            "[0, 1, 1]",
            "permutation = [0, 1, 1]; allowed: each of 0 to 7 once",
        ),
        (
            "switch.permutation",
            "upside",
            'switch.permutation = "upside"; allowed: "identity", "reverse"',
        ),
        ("engine.modulator", "laser", 'engine.modulator = "laser"; allowed: "ring", "mzm", "eam"'),
        ("serdes.tx_ffe", "[0.5, 0.6, 0]", "tx_ffe magnitudes sum to 1.1; allowed: at most 1"),
        (
            "serdes.tx_ffe",
            "[0.5, 0.6]",
            "tx_ffe has 2 values; allowed: 3 or 4",
        ),
        (
            "serdes.modulation",
            "pam4",
            "modulation = pam4 with profile = eth-64b66b; allowed: nrz, or one of the profiles",
        ),
        ("serdes.precoding", "true", "precoding = true with modulation = nrz; allowed: pam4"),
        ("serdes.fec_interleave", "2", "fec_interleave = 2 with profile = eth-64b66b; allowed: 1"),
        (
            "serdes.symbols_per_clock",
            "256",
            "serdes.symbols_per_clock = 256; allowed: 8, 16, 32, 64, 128",
        ),
        ("fibre.length_m", "nan", "fibre.length_m = NaN; allowed: number 0 to 2000"),
        ("name", "../x", "name = "),
        ("foo.bar", "1", "unknown key"),
        ("name.x", "1", "'name' is not a section"),
        ("run.skew_ui", "[0,0,0,0,0,0,0,0,1]", "run.skew_ui has 9 values"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(key, text, message):
    with pytest.raises(spec.DesignError) as caught:
        spec.load(DESIGN, {key: text})
    line = str(caught.value)
    assert message in line
    assert "\n" not in line


def test_a_file_that_is_no_design_is_named(tmp_path):
    with pytest.raises(spec.DesignError, match="cannot be read"):
        spec.load(tmp_path / "absent.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("name = \n")
    with pytest.raises(spec.DesignError, match=r"bad\.toml: not TOML"):
        spec.load(bad)
    bad.write_bytes(b"#" * (loader.MAX_BYTES + 1))
    with pytest.raises(spec.DesignError, match="allowed: at most"):
        spec.load(bad)


def test_relative_files_are_found_beside_the_design(tmp_path):
    design = spec.load(DESIGN, {"run.payload": "data.bin", "package.touchstone": "trace.s4p"})
    resolved = spec.resolve(design, tmp_path)
    assert resolved.run.payload == str(tmp_path / "data.bin")
    assert resolved.package.touchstone == str(tmp_path / "trace.s4p")
    assert resolved.switch.calibration == "nominal"


def test_every_number_has_a_range_and_a_description():
    for key, field in loader.keys().items():
        if key != "name":
            assert field.description, key
        if field.annotation in (int, float):
            assert " to " in loader.allowed(key), key
