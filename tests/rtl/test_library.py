import pytest

from lightloom import spec
from lightloom.rtl import library


@pytest.fixture
def design(tmp_path, monkeypatch):
    monkeypatch.setenv("LIGHTLOOM_CACHE", str(tmp_path / "cache"))
    small = {"lanes": 1, "symbols_per_clock": 16}
    return spec.parse({"name": "t", "serdes": small, "switch": {"ports": 4}}, "t")


def test_verilog_is_generated_once_and_again_when_something_changed(design):
    file, manifest = library.controller(design)
    stamp = file.stat().st_mtime_ns
    assert "module ocs_controller" in file.read_text()
    assert manifest.top == "ocs_controller"
    assert (file.parent / "regs").is_dir()
    again, _ = library.controller(design)
    assert (again, again.stat().st_mtime_ns) == (file, stamp)
    switch = design.switch.model_copy(update={"dac_bits": 8})
    other, _ = library.controller(design.model_copy(update={"switch": switch}))
    assert other != file


def test_the_controller_of_a_transceiver_is_generated_too(design):
    file, manifest = library.ocstrx(design)
    assert "module ocstrx_controller" in file.read_text()
    assert manifest.parameters["lanes"] == design.switch.ports
    assert (file.parent / "regs").is_dir()
    assert library.ocstrx(design)[0] == file


def test_numbers_that_the_rtl_does_not_see_generate_nothing_new(design):
    file, manifest = library.serdes(design)
    assert manifest.parameters["lanes"] == 1
    serdes = design.serdes.model_copy(update={"tx_swing_v": 0.5, "energy_tx_pj_per_bit": 9.0})
    assert library.serdes(design.model_copy(update={"serdes": serdes}))[0] == file
