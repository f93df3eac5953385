"""Eight lanes from framer to deframer: random skew and order, rates 300 ppm off at each end."""

import json
import random
import subprocess
from pathlib import Path

import pytest
from amaranth import Cat, Module, Signal
from amaranth.hdl import DomainRenamer
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from lightloom.rtl.link.elastic_buffer import ElasticBuffer
from lightloom.rtl.pcs.assembler import Assembler
from lightloom.rtl.pcs.deframer import Deframer
from lightloom.rtl.pcs.deskew import Deskew
from lightloom.rtl.pcs.framer import Framer
from lightloom.rtl.pcs.pcie.coder import PcieRx, PcieTx
from lightloom.rtl.pcs.pcie.rows import PcieSpread

LANES, BITS = 8, 64
MARKER_ROWS = 370
"""The distance of SKP sets in blocks."""


class Chain(wiring.Component):
    """Transmitter and receive lanes in ``rx``, the reader of rows in ``sync``."""

    def __init__(self):
        size = 16 * LANES
        super().__init__(
            {
                "f_data": In(8 * size),
                "f_count": In(bits_for(size)),
                "f_last": In(1),
                "f_valid": In(1),
                "f_ready": Out(1),
                "line_out": Out(BITS * LANES),
                "line_in": In(BITS * LANES),
                "aligned": Out(1),
                "deleted": Out(1),
                "overflow": Out(1),
                "inserted": Out(1),
                "o_data": Out(8 * size),
                "o_count": Out(bits_for(size)),
                "o_last": Out(1),
                "o_error": Out(1),
                "o_valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rx = DomainRenamer("rx")
        framer = Framer(lanes=2 * LANES, marker_rows=MARKER_ROWS)
        m.submodules.framer = rx(framer)
        spread = m.submodules.spread = PcieSpread(lanes=LANES)
        deskew = Deskew(lanes=LANES, depth=16, blocks=2)
        m.submodules.deskew = rx(deskew)
        assembler = Assembler(lanes=2 * LANES)
        m.submodules.assembler = rx(assembler)
        elastic = m.submodules.elastic = ElasticBuffer(lanes=2 * LANES)
        deframer = m.submodules.deframer = Deframer(lanes=2 * LANES)
        pace = m.submodules.pace = PcieTx(BITS)  # the local transmitter's rows
        was_aligned = Signal()
        slots = []
        for n in range(LANES):
            tx, rx_lane = PcieTx(BITS), PcieRx(BITS)
            m.submodules[f"tx_{n}"] = rx(tx)
            m.submodules[f"rx_{n}"] = rx(rx_lane)
            number = Signal(8, init=n, name=f"number_{n}")
            m.d.rx += number.eq(n)
            m.d.comb += [
                tx.kinds.eq(spread.kinds.word_select(n, 8)),
                tx.data.eq(framer.o.data.word_select(n, 128)),
                tx.marker.eq(number),
                tx.run.eq(1),
                self.line_out.word_select(n, BITS).eq(tx.word),
                rx_lane.i.eq(self.line_in.word_select(n, BITS)),
                rx_lane.i_valid.eq(1),
                rx_lane.run.eq(1),
                deskew.kinds.word_select(n, 8).eq(rx_lane.kinds),
                deskew.data.word_select(n, 128).eq(rx_lane.data),
                deskew.valid[n].eq(rx_lane.valid),
                deskew.locked[n].eq(rx_lane.locked),
            ]
            slots.append(tx.slot)
        m.d.rx += was_aligned.eq(deskew.aligned)
        word = deframer.o.payload
        m.d.comb += [
            framer.i.payload.data.eq(self.f_data),
            framer.i.payload.count.eq(self.f_count),
            framer.i.payload.last.eq(self.f_last),
            framer.i.valid.eq(self.f_valid),
            self.f_ready.eq(framer.i.ready),
            framer.enable.eq(1),
            framer.slot.eq(Cat(slots).all()),
            spread.kind.eq(framer.o.kind),
            spread.count.eq(framer.o.count),
            deskew.enable.eq(1),
            assembler.kinds.eq(deskew.o_kinds),
            assembler.data.eq(deskew.o_data),
            assembler.valid.eq(deskew.o_valid),
            elastic.i.eq(assembler.o),
            elastic.i_valid.eq(assembler.o_valid),
            elastic.cut.eq(was_aligned & ~deskew.aligned),
            elastic.active.eq(1),
            elastic.slot.eq(pace.slot),
            pace.run.eq(1),
            self.aligned.eq(deskew.aligned),
            self.deleted.eq(elastic.deleted),
            self.overflow.eq(elastic.overflow),
            self.inserted.eq(elastic.inserted),
            deframer.o.ready.eq(1),
            self.o_data.eq(word.data),
            self.o_count.eq(word.count),
            self.o_last.eq(word.last),
            self.o_error.eq(word.error),
            self.o_valid.eq(deframer.o.valid),
        ]
        wiring.connect(m, elastic.o, deframer.i)
        return m


@pytest.fixture(scope="module")
def chain(verilate):
    def simulate(seed, ppm, frames, errors=0):
        done = subprocess.run(
            [executable, str(seed), str(ppm), str(frames), str(errors)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        print(done.stdout)
        return json.loads(done.stdout)

    main = Path(__file__).with_name("chain.cpp")
    executable = verilate(Chain(), "chain", main, modules=True)
    return simulate


@pytest.mark.parametrize("ppm", [-600, 0, 600])
def test_frames_cross_eight_skewed_lanes(chain, ppm):
    seed = random.getrandbits(30)
    result = chain(seed, ppm, 6000)
    assert result["good"] == 6000
    assert result["damaged"] == result["wrong"] == result["overflow"] == 0
    assert result["aligned"]


def test_any_skew_and_order(chain):
    for _ in range(12):
        result = chain(random.getrandbits(30), random.choice([-600, 600]), 150)
        assert result["good"] == 150
        assert result["damaged"] == result["wrong"] == 0
        # The second marker at the latest, and the lanes' delays.
        assert result["aligned_at"] < (2 * MARKER_ROWS + 40) * 130 / BITS


def test_errors_damage_frames_and_pass_in_data_only(chain):
    """At a bit error rate of 2e-6: each wrong frame is due to errors, all others are right."""
    result = chain(random.getrandbits(30), 600, 6000, 2000)
    assert result["flipped"] > 20
    assert result["good"] >= 6000 - 2 * result["flipped"]
    assert result["good"] + result["wrong"] + result["damaged"] <= 6000 + result["flipped"]
    assert result["wrong"] <= result["flipped"]
    assert result["aligned"]
