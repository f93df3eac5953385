import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth import ClockSignal, DomainRenamer, Elaboratable, Module, Signal
from amaranth.back import rtlil
from amaranth.lib import cdc, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from lightloom.cosim.verilator.build import tool_environment
from lightloom.rtl import verilog
from lightloom.spec import RtlManifest


class Leaf(wiring.Component):
    def __init__(self, mask):
        self.mask = mask
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.i ^ self.mask)
        return m


class Lane(wiring.Component):
    """State, a memory, a process with a switch and a child, so that all of RTLIL is met."""

    def __init__(self, mask=0x35):
        self.mask = mask
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.leaf = leaf = Leaf(self.mask)
        m.submodules.store = store = memory.Memory(shape=8, depth=4, init=[7, 1, 2])
        read, write = store.read_port(), store.write_port()
        m.d.comb += [leaf.i.eq(self.i), read.addr.eq(self.i), read.en.eq(1)]
        m.d.comb += [write.addr.eq(self.i[2:]), write.data.eq(leaf.o), write.en.eq(self.i[7])]
        with m.FSM():
            with m.State("A"):
                m.d.sync += self.o.eq(self.o + leaf.o)
                with m.If(self.i[0]):
                    m.next = "B"
            with m.State("B"):
                m.d.sync += self.o.eq(self.o ^ read.data)
                m.next = "A"
        return m


class Lanes(wiring.Component):
    def __init__(self, masks):
        self.masks = masks
        super().__init__({"i": In(8 * len(masks)), "o": Out(8 * len(masks))})

    def elaborate(self, platform):
        m = Module()
        for k, mask in enumerate(self.masks):
            m.submodules[f"lane_{k}"] = lane = Lane(mask)
            m.d.comb += [
                lane.i.eq(self.i.word_select(k, 8)),
                self.o.word_select(k, 8).eq(lane.o),
            ]
        return m


def modules(text):
    return re.findall(r"^module (\w+)", text, re.MULTILINE)


def test_equal_children_become_one_module_and_unequal_ones_stay(tmp_path):
    verilog.emit(Lanes([1, 1, 1, 1]), "top", directory=tmp_path)
    text = (tmp_path / "top.v").read_text()
    assert sorted(modules(text)) == ["top", "top__lane", "top__lane__leaf"]
    assert re.findall(r"^  top__lane (lane_\d)", text, re.MULTILINE) == [
        f"lane_{k}" for k in range(4)
    ]
    verilog.emit(Lanes([1, 2, 1, 2]), "top", directory=tmp_path)
    text = (tmp_path / "top.v").read_text()
    assert sorted(modules(text)) == [
        "top", "top__lane", "top__lane_2", "top__lane__leaf", "top__lane__leaf_2",
    ]  # fmt: skip
    kinds = re.findall(r"^  (top__lane\w*) lane_\d", text, re.MULTILINE)
    assert kinds == ["top__lane", "top__lane_2", "top__lane", "top__lane_2"]


class Renamed(Elaboratable):
    """Children equal but for the names of their ports: one clock each, wires of the parent."""

    def __init__(self):
        self.a, self.b, self.x, self.y = (Signal(4, name=n) for n in "abxy")

    def elaborate(self, platform):
        m = Module()
        m.submodules.one = cdc.FFSynchronizer(self.a, self.x, o_domain="sync")
        m.submodules.two = cdc.FFSynchronizer(self.b, self.y, o_domain="rx")
        return m


def test_children_that_differ_in_port_names_only_are_merged_with_the_right_connections(tmp_path):
    top = Renamed()
    manifest = verilog.emit(
        top, "top", directory=tmp_path, ports=[top.a, top.b, top.x, top.y],
        domains={"a": "", "b": "", "y": "rx"},
    )  # fmt: skip
    text = (tmp_path / "top.v").read_text()
    assert len(modules(text)) == 2
    blocks = re.findall(r"^  top__one (?:one|two) \((.*?)\);", text, re.MULTILINE | re.DOTALL)
    one, two = (dict(re.findall(r"\.(\S+?) ?\((.+)\)", block)) for block in blocks)
    assert {one[port]: two[port] for port in one} == {
        "clk": "rx_clk", "rst": "rx_rst", "a": "b", "x": "y",
    }  # fmt: skip
    assert {p.name: p.domain for p in manifest.ports if p.domain} == {"x": "sync", "y": "rx"}
    assert manifest.domains == ("sync", "rx")


class Nets(Elaboratable):
    """Two children over the same four wires, connected differently inside."""

    def __init__(self):
        self.a, self.b, self.x, self.y = (Signal(4, name=n) for n in "abxy")

    def elaborate(self, platform):
        m = Module()
        for name, one, two, out in (("p", self.a, self.b, self.x), ("q", self.b, self.a, self.y)):
            m.submodules[name] = sub = Module()
            sub.d.comb += out.eq(one - two)
        return m


def test_swapped_operands_are_not_taken_for_equal(tmp_path):
    top = Nets()
    verilog.emit(top, "top", directory=tmp_path, ports=[top.a, top.b, top.x, top.y])
    text = (tmp_path / "top.v").read_text()
    blocks = re.findall(r"^  (\S+) ([pq]) \((.*?)\);", text, re.MULTILINE | re.DOTALL)
    module = re.compile(r"^module (\w+)\(.*?\n(.*?)^endmodule", re.MULTILINE | re.DOTALL)
    bodies = dict(module.findall(text))
    for kind, name, connections in blocks:
        outside = dict(re.findall(r"\.(\w+)\((\w+)\)", connections))
        # The difference goes through a temporary to the output.
        difference = re.search(r"assign (\S+)\s+= (\w+) - (\w+);", bodies[kind])
        output = re.search(rf"assign (\w+) = {re.escape(difference[1])}", bodies[kind])
        want = ("x", "a", "b") if name == "p" else ("y", "b", "a")
        assert tuple(outside[n] for n in (output[1], difference[2], difference[3])) == want


def test_the_manifest_says_what_was_written(tmp_path):
    manifest = verilog.emit(
        Lanes([1, 1]), "top", directory=tmp_path / "new", parameters={"lanes": 2},
        latency={"lane": 1},
    )  # fmt: skip
    assert RtlManifest.read(tmp_path / "new" / "top.manifest.json") == manifest
    found = {(p.name, p.width, p.direction, p.domain) for p in manifest.ports}
    assert found == {
        ("i", 16, "in", "sync"), ("o", 16, "out", "sync"),
        ("clk", 1, "in", ""), ("rst", 1, "in", ""),
    }  # fmt: skip
    assert manifest.latency_cycles == {"lane": 1}
    assert manifest.parameters == {"lanes": 2}


def test_the_text_is_the_same_in_another_process_and_folder(tmp_path):
    program = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import test_verilog as t;"
        "m = t.verilog.emit(t.Lanes([3, 3, 4]), 'top', directory=pathlib.Path(sys.argv[2]));"
        "print(m.sha256)"
    )
    hashes = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent), str(tmp_path / seed)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        hashes.add(done.stdout.strip())
    here = verilog.emit(Lanes([3, 3, 4]), "top", directory=tmp_path)
    assert hashes == {here.sha256}
    assert "/work" not in (tmp_path / "top.v").read_text()
    assert str(Path(__file__).parent) not in (tmp_path / "top.v").read_text()


class Gate(wiring.Component):
    i: In(1)
    o: Out(1)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.i ^ ClockSignal("fast"))
        m.d.slow += Signal(name="s").eq(self.i)
        return m


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (lambda: Lanes([1]), {"name": "9x"}, "name = '9x'; a letter"),
        (lambda: Lanes([1]), {"domains": {"q": "sync"}}, "'q' is no port; .* clk, i, o, rst"),
        (lambda: Lanes([1]), {"domains": {"i": "rx"}}, "domains: i in 'rx'; one of sync"),
        (lambda: DomainRenamer({"slow": "a", "fast": "b"})(Gate()), {}, "port i needs one of"),
    ],
)
def test_bad_arguments_are_refused_and_nothing_is_written(tmp_path, make, arguments, message):
    arguments = {"name": "top"} | arguments
    name = arguments.pop("name")
    component = make()
    if name == "9x":
        rtlil.convert(component)  # used, so that it does not warn
    with pytest.raises(ValueError, match=message):
        verilog.emit(component, name, directory=tmp_path, **arguments)
    assert list(tmp_path.iterdir()) == []


HARNESS = """
#include "Vtop.h"
#include <cstdio>
int main() {
    Vtop top;
    unsigned i, reset;
    while (std::scanf("%u %u", &reset, &i) == 2) {
        top.rst = reset; top.i = i; top.clk = 0; top.eval();
        std::printf("%u\\n", top.o);
        top.clk = 1; top.eval();
    }
}
"""


def test_merged_verilog_in_verilator_equals_the_unmerged_design_in_pysim(tmp_path):
    seed = 5
    print(f"seed {seed}")
    rng = random.Random(seed)
    masks = [1, 2, 1, 1]
    inputs = [rng.getrandbits(32) for _ in range(2000)]
    want = []

    async def bench(ctx):
        for word in inputs:
            ctx.set(dut.i, word)
            want.append(ctx.get(dut.o))
            await ctx.tick()

    dut = Lanes(masks)
    simulator = Simulator(dut)
    simulator.add_clock(2e-9)
    simulator.add_testbench(bench)
    simulator.run()

    verilog.emit(Lanes(masks), "top", directory=tmp_path)
    (tmp_path / "main.cpp").write_text(HARNESS)
    subprocess.run(
        ["verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-CFLAGS", "-std=c++20",
         "--output-split", "0", "--top-module", "top", "top.v", "main.cpp"],
        cwd=tmp_path, env=tool_environment(),
        check=True, timeout=300, capture_output=True,
    )  # fmt: skip
    done = subprocess.run(
        [tmp_path / "obj_dir" / "Vtop"],
        input="".join(f"0 {word}\n" for word in inputs),
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert [int(line) for line in done.stdout.split()] == want


def test_the_text_does_not_depend_on_the_hash_seed():
    script = """
import tempfile
from pathlib import Path
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from lightloom.rtl import verilog

class Two(wiring.Component):
    a: In(1)
    y: Out(1)
    z: Out(1)
    def elaborate(self, platform):
        m = Module()
        m.d.rx += self.y.eq(self.a)
        m.d.sync += self.z.eq(self.a)
        return m

with tempfile.TemporaryDirectory() as place:
    domains = {"a": "", "y": "rx", "z": "sync"}
    print(verilog.emit(Two(), "two", directory=Path(place), domains=domains).sha256)
"""
    found = set()
    for seed in ("1", "2", "3", "4"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1
