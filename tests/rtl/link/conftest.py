"""Random numbers, and `pair_bench`: two SerDes back to back in Verilator, driven by a script.

The line gives each sample the value of the far side's code, scaled to the sampler, with its lanes
permuted and delayed by symbols. Commands and answers are those of `pair.cpp`.
"""

import random
import subprocess
from pathlib import Path

import pytest
from amaranth import Cat, Module, Mux, Signal
from amaranth.hdl import DomainRenamer
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.csr import axi_lite
from lightloom.rtl.link.registers import ADDRESS_BITS
from lightloom.rtl.link.serdes import Serdes
from lightloom.rtl.ocs.ocstrx.controller import OcstrxController
from lightloom.rtl.pcs.row import frame_word


def pytest_configure(config):
    # A component that refuses its parameters was made and never used; it is collected at any time.
    config.addinivalue_line("filterwarnings", "ignore::amaranth.hdl.UnusedElaboratable")


@pytest.fixture
def rng():
    """Random numbers from a seed that a failing test prints."""
    seed = random.getrandbits(32)
    print("seed", seed)
    return random.Random(seed)


ROUTE = {"freeze": 1, "pause": 1, "save": 1, "load": 1, "index": 4, "tell": 8}
"""Inputs of the side band and their widths."""


class Pair(wiring.Component):
    """Side A in `sync`, side B in `far`; each receives in the other's transmit clock.

    `other` are the delays of another route, which `other_a` and `other_b` choose. With `routed`
    each side has the controller of a switch of its own: its path chooses the route, light comes in
    where the far end sends and `fibre` is whole, primary in bit 0, and there is no loopback.
    """

    def __init__(self, config, source=None, delay=None, other=None, routed=False):
        self.config = config
        lanes = config.lanes
        self.source = source or list(reversed(range(lanes)))
        self.delay = delay or [0] * lanes
        self.other = other or self.delay
        self.sides = (Serdes(config), Serdes(config))
        self.controllers = ()
        self.passes = {}
        if routed:
            self.controllers = tuple(
                OcstrxController(lanes, 8, 100.0, neighbours=0) for _ in range(2)
            )
        word = frame_word(config.blocks * lanes).size
        bus = axi_lite.Signature(addr_width=ADDRESS_BITS, data_width=32)
        members = {}
        for s in "ab":
            members |= {
                f"i_{s}": In(word),
                f"i_valid_{s}": In(1),
                f"i_ready_{s}": Out(1),
                f"o_{s}": Out(word),
                f"o_valid_{s}": Out(1),
                f"up_{s}": Out(1),
                f"state_{s}": Out(4),
                f"light_{s}": In(lanes),
                f"cut_{s}": In(lanes),
                f"noise_{s}": In(lanes),
                f"other_{s}": In(1),
                f"frame_good_{s}": Out(1),
                **{f"route_{name}_{s}": In(width) for name, width in ROUTE.items()},
                f"route_told_{s}": Out(8),
                f"csr_{s}": In(bus),
            }
            if routed:
                members |= {f"ctl_{s}": In(bus), f"path_{s}": Out(2)}
        if routed:
            members["fibre"] = In(2)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        for n, s in enumerate("ab"):
            own, other = ("sync", "far") if s == "a" else ("far", "sync")
            side = self.sides[n]
            m.submodules[s] = DomainRenamer({"sync": own, "rx": other})(side)
            wiring.connect(m, wiring.flipped(getattr(self, f"csr_{s}")), side.csr)
            m.d.comb += [
                side.i.payload.eq(getattr(self, f"i_{s}")),
                side.i.valid.eq(getattr(self, f"i_valid_{s}")),
                getattr(self, f"i_ready_{s}").eq(side.i.ready),
                getattr(self, f"o_{s}").eq(side.o.payload),
                getattr(self, f"o_valid_{s}").eq(side.o.valid),
                side.o.ready.eq(1),
                getattr(self, f"up_{s}").eq(side.link_up),
                getattr(self, f"state_{s}").eq(side.state),
                side.rx_signal_detect.eq(getattr(self, f"light_{s}")),
                getattr(self, f"frame_good_{s}").eq(side.frame_good),
                getattr(self, f"route_told_{s}").eq(side.route_told),
            ]
            if self.controllers:
                self._route(m, n, s, own)
            for name in ROUTE if not self.controllers else ():
                source = getattr(self, f"route_{name}_{s}")
                m.d.comb += getattr(side, f"route_{name}").eq(source)
            self._line(m, s, self.sides[1 - n].tx_codes, side.rx_samples, other)
        return m

    def _route(self, m, n, s, own):
        """The controller of a side, its switch and its fibres."""
        controller, side = self.controllers[n], self.sides[n]
        m.submodules[f"controller_{s}"] = DomainRenamer(own)(controller)
        wiring.connect(m, wiring.flipped(getattr(self, f"ctl_{s}")), controller.csr)
        lanes = self.config.lanes
        far = self.controllers[1 - n].path
        comes = Signal(2, name=f"comes_{s}")
        passes = Signal(name=f"passes_{s}")
        m.d.comb += [
            comes.eq(Cat((far == path) & self.fibre[path] for path in range(2))),
            passes.eq(Mux(controller.path == 0, comes[0], (controller.path == 1) & comes[1])),
            controller.light_primary.eq(comes[0].replicate(lanes)),
            controller.light_backup.eq(comes[1].replicate(lanes)),
            controller.rx_signal.eq(passes.replicate(lanes)),
            controller.link_up.eq(side.link_up),
            controller.frame_good.eq(side.frame_good),
            controller.route_told.eq(side.route_told),
            side.rx_signal_detect.eq(passes.replicate(lanes)),
            getattr(self, f"path_{s}").eq(controller.path),
            *(getattr(side, f"route_{x}").eq(getattr(controller, f"route_{x}")) for x in ROUTE),
        ]
        self.passes[s] = passes

    def _line(self, m, s, codes, samples, domain):
        """Samples of side `s`; its input `noise` turns the sign of one sample in a word over."""
        config = self.config
        width, adc, dac = config.symbols_per_clock, config.adc_bits, config.tx_dac_bits
        for lane in range(config.lanes):
            source = self.source[lane]
            sent = codes.word_select(source, width * dac)
            word = Signal(width * adc, name=f"word_{s}_{lane}")
            cut = ~self.passes[s] if self.controllers else getattr(self, f"cut_{s}")[lane]
            hit = getattr(self, f"noise_{s}")[lane]
            for n in range(width):
                value = sent[n * dac : n * dac + dac].as_signed() >> (dac - adc)
                noisy = Mux(hit, -value, value) if n == width // 2 else value
                m.d.comb += word[n * adc : n * adc + adc].eq(Mux(cut, 0, noisy))
            words = [word]
            delays = [self.delay[lane] * adc, self.other[lane] * adc]
            while (len(words) - 1) * width * adc < max(delays):
                past = Signal(width * adc, name=f"past_{s}_{lane}_{len(words)}")
                m.d[domain] += past.eq(words[-1])
                words.append(past)
            stream = Cat(reversed(words))
            starts = [len(stream) - width * adc - delay for delay in delays]
            late, later = (stream[start:][: width * adc] for start in starts)
            other = getattr(self, f"other_{s}")
            if self.controllers:
                other = self.controllers[0 if s == "a" else 1].path == 1
            chosen = Mux(other, later, late) if starts[0] != starts[1] else late
            m.d.comb += samples.word_select(lane, width * adc).eq(chosen)


class Bench:
    """Collects commands, runs them, checks the answers."""

    def __init__(self, verilate, config, name, **kwargs):
        self.config = config
        self.pair = Pair(config, **kwargs)
        self.registers = self.pair.sides[0].registers
        self.routed = bool(self.pair.controllers)
        if self.routed:
            self.controls = self.pair.controllers[0].description
        text = Path(__file__).with_name("pair.cpp").read_text()
        total = config.blocks * config.lanes
        word = frame_word(total)
        defines = {
            "MODEL": f"V{name}",
            "BLOCKS": total,
            "LANES": config.lanes,
            "COUNT_BITS": word["count"].width,
            "WORD_BITS": word.size,
        }
        if self.routed:
            defines["ROUTED"] = 1
        head = f'#include "V{name}.h"\n' + "".join(f"#define {k} {v}\n" for k, v in defines.items())
        domains = {
            **dict.fromkeys(self._ports("b"), "far"),
            **dict.fromkeys(self._ports("a"), "sync"),
        }
        if self.routed:
            domains |= {"ctl_a": "sync", "path_a": "sync", "ctl_b": "far", "path_b": "far"}
            domains["fibre"] = ""
        self.program = verilate(self.pair, name, head + text, domains=domains, modules=True)
        self.script = []

    @staticmethod
    def _ports(s):
        names = ("i", "i_valid", "i_ready", "o", "o_valid", "up", "state", "light", "cut", "noise")
        names += ("other", "frame_good", "route_told", *(f"route_{name}" for name in ROUTE))
        return [*(f"{name}_{s}" for name in names), f"csr_{s}"]

    def say(self, *words):
        self.script.append(" ".join(map(str, words)))

    def write(self, side, register, **fields):
        """Set a register: fields not named have their reset values."""
        self._write("write", self.registers, side, register, fields)

    def control(self, side, register, **fields):
        """`write` to the route controller of a side."""
        self._write("cwrite", self.controls, side, register, fields)

    def observe(self, side, register, field, label):
        """`read` from the route controller of a side."""
        found = self.controls.register(register)
        part = found.field(field)
        self.say("cread", side, found.address, part.lsb, part.mask >> part.lsb, label)

    def _write(self, command, registers, side, register, fields):
        found = registers.register(register)
        value = found.reset
        for name, number in fields.items():
            part = found.field(name)
            value = value & ~part.mask | number << part.lsb
        self.say(command, side, found.address, value)

    def read(self, side, register, field="value", label=None):
        """Read a field; the answer is labelled `side.register.field` unless it has a label."""
        found = self.registers.register(register)
        part = found.field(field)
        label = label or f"{side}.{register}.{field}"
        self.say("read", side, found.address, part.lsb, part.mask >> part.lsb, label)

    def run(self, ppm=100):
        """Answers by label."""
        done = subprocess.run(
            [self.program, str(ppm)],
            input="\n".join(self.script) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout[-4000:], done.stderr[-2000:])
        assert done.returncode == 0, done.stderr[-300:]
        answers = {}
        for line in done.stdout.splitlines():
            label, _, value = line.rpartition(" ")
            answers[label] = int(value)
        self.script = []
        return answers


@pytest.fixture(scope="session")
def pair_bench(verilate):
    """Maker of benches: `pair_bench(config, name, source=..., delay=...)`."""

    def make(config, name, **kwargs):
        return Bench(verilate, config, name, **kwargs)

    return make
