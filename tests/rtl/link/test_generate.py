"""The generated Verilog of the whole SerDes: ports, registers, one module for equal lanes."""

import re

import pytest

from lightloom.rtl.link import registers as description
from lightloom.rtl.link import serdes
from lightloom.rtl.link.bring_up import FailReason, State
from lightloom.rtl.link.config import Config
from lightloom.spec import design
from lightloom.spec.rtl_manifest import RtlManifest

CSR_IN = {"awaddr": 12, "awprot": 3, "awvalid": 1, "wdata": 32, "wstrb": 4, "wvalid": 1}
CSR_IN |= {"bready": 1, "araddr": 12, "arprot": 3, "arvalid": 1, "rready": 1}
CSR_OUT = {"awready": 1, "wready": 1, "bresp": 2, "bvalid": 1, "arready": 1, "rdata": 32}
CSR_OUT |= {"rresp": 2, "rvalid": 1}


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    directory = tmp_path_factory.mktemp("verilog")
    return directory, serdes.generate(design.Serdes(), directory)


def test_ports_are_those_the_bench_is_written_for(generated):
    _, manifest = generated
    ports = {(p.name, p.width, p.direction, p.domain) for p in manifest.ports}
    expected = {
        ("clk", 1, "in", ""),
        ("rst", 1, "in", ""),
        ("rx_clk", 1, "in", ""),
        ("rx_rst", 1, "in", ""),
        ("i__payload", 521, "in", "sync"),
        ("i__valid", 1, "in", "sync"),
        ("i__ready", 1, "out", "sync"),
        ("o__payload", 521, "out", "sync"),
        ("o__valid", 1, "out", "sync"),
        ("o__ready", 1, "in", "sync"),
        ("tx_codes", 8 * 64 * 7, "out", "sync"),
        ("rx_samples", 8 * 64 * 6, "in", "rx"),
        ("rx_phase", 8 * 12, "out", "rx"),
        ("rx_signal_detect", 8, "in", ""),
        ("rx_decisions", 8 * 64, "out", "rx"),
        ("link_up", 1, "out", "sync"),
        ("lanes_locked", 8, "out", "sync"),
        ("state", 4, "out", "sync"),
        ("route_freeze", 1, "in", ""),
        ("route_pause", 1, "in", ""),
        ("route_save", 1, "in", ""),
        ("route_load", 1, "in", ""),
        ("route_index", 4, "in", ""),
        ("route_tell", 8, "in", ""),
        ("route_told", 8, "out", "sync"),
        ("frame_good", 1, "out", "sync"),
    }
    expected |= {(f"csr__{name}", width, "in", "sync") for name, width in CSR_IN.items()}
    expected |= {(f"csr__{name}", width, "out", "sync") for name, width in CSR_OUT.items()}
    assert ports == expected


def test_equal_lanes_are_one_module(generated):
    directory, manifest = generated
    text = (directory / manifest.verilog).read_text()
    modules = re.findall(r"^module (\w+)\(", text, re.MULTILINE)
    lanes = [name for name in modules if re.fullmatch(r"serdes__(rx|tx)__lane(_\d+)?", name)]
    assert sorted(lanes) == ["serdes__rx__lane", "serdes__tx__lane"]
    assert len(re.findall(r"^  serdes__rx__lane ", text, re.MULTILINE)) == 8


def test_manifest_holds_registers_and_latency(generated):
    directory, manifest = generated
    assert RtlManifest.read(directory / "serdes.manifest.json") == manifest
    assert manifest.register("lane[3].status").fields["block_lock"] == (4, 1)
    assert manifest.register("status").fields["state"] == (0, 4)
    assert manifest.latency_cycles == serdes.Serdes(Config()).latency
    assert manifest.parameters["lanes"] == 8


def test_register_codes_are_those_of_the_state_machine():
    """The names in the register description stand for the values of the hardware."""
    status = description.registers(Config(lanes=1)).register("status")
    states = {code.name: code.value for code in status.field("state").codes}
    assert states == {s.name.lower().replace("reset", "in_reset"): s.value for s in State}
    reasons = {code.name: code.value for code in status.field("fail_reason").codes}
    assert reasons == {reason.name.lower(): reason.value for reason in FailReason}


def test_register_resets_are_the_parameters():
    registers = description.registers(Config(lanes=2, tx_ffe=(-3, 40, 2), limits=(1, 2, 3, 4, 5)))
    assert registers.register("tx_ffe").reset == 0x0228FD
    assert registers.register("timeout.align").reset == 5
    assert registers.register("geometry").reset == 0x404002
    assert {r.name for r in registers.registers if r.name.startswith("lane[1]")}
    assert not {r.name for r in registers.registers if r.name.startswith("lane[2]")}
