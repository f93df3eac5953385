"""Drive and chains on data-sheet models of LTC2668: traffic, and every way in which it can fail."""

import random
import subprocess
from pathlib import Path

import pytest

from lightloom.rtl.ocs.drive.dac_chain import Kind, Timing
from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.drive.model import code
from lightloom.rtl.ocs.drive.parts import LTC2668
from lightloom.rtl.ocs.drive.spi_drive import SpiDrive

HERE = Path(__file__).parent
CELLS, DEVICES, CLOCK_MHZ = 40, 2, 100


class Bench:
    def __init__(self, binary, cells, devices, clock_mhz):
        self.binary, self.cells, self.lines = binary, cells, []
        self.timing = Timing(LTC2668, devices, clock_mhz)

    def add(self, *lines):
        self.lines += lines

    def updates(self, count):
        self.add(f"w {count * self.timing.update}")

    def run(self):
        """For each print: outputs, then faults, kinds, failed, clr_n, held, clocks, updates."""
        done = subprocess.run(
            [self.binary], input="\n".join(self.lines), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        rows = [line.split() for line in done.stdout.splitlines()]
        out = []
        for row in rows:
            faults, kinds = (int(x, 16) for x in row[-7:-5])
            kinds = [Kind(kinds >> 3 * c & 7) for c in range(faults.bit_length() or 1)]
            out.append(([int(x) for x in row[:-7]], faults, kinds, *map(int, row[-5:])))
        return out


@pytest.fixture(scope="session")
def spi(verilate, tmp_path_factory):
    """Function to an empty `Bench` of drive, chains and DACs."""
    model = (HERE / "ltc2668.h").read_text()
    main = (HERE / "spi_drive.cpp").read_text().replace('#include "ltc2668.h"', model)

    def build(cells=CELLS, devices=DEVICES, clock_mhz=CLOCK_MHZ):
        dut = SpiDrive(cells, 16, float(clock_mhz), neighbours=0, devices=devices)
        chains = -(-cells // (16 * devices))
        sizes = f"#define CELLS {cells}\n#define DEVICES {devices}\n#define CHAINS {chains}\n"
        sizes += f"#define CLOCK_MHZ {clock_mhz}.0\n"
        return Bench(verilate(dut, "spi_drive", sizes + main), cells, devices, clock_mhz)

    return build


def lit(bench, seed=1):
    """Calibrate, route, release, and wait until the DACs show it; the codes of bar and cross."""
    rng = random.Random(seed)
    powers = [(rng.randrange(1000, 65536), rng.randrange(1000, 65536)) for _ in range(bench.cells)]
    bench.add("s parked 1", "s budget 4294967295", "s tick_clocks 0")
    for cell, (bar, cross) in enumerate(powers):
        bench.add(f"t {cell} {int(Field.BAR)} {bar}", f"t {cell} {int(Field.CROSS)} {cross}")
    bench.add("w 500", "s parked 0")
    bench.updates(4)
    bench.add("p")
    return [[code(bar, 16) for bar, _ in powers], [code(cross, 16) for _, cross in powers]]


@pytest.mark.parametrize(
    ("cells", "devices", "clock_mhz"), [(20, 1, 100), (70, 2, 250), (64, 4, 100)]
)
def test_all_dacs_follow_the_codes_within_the_data_sheet(spi, cells, devices, clock_mhz):
    bench = spi(cells, devices, clock_mhz)
    codes = lit(bench)
    rng = random.Random(3)
    expected = [codes[0]]
    for _ in range(3):
        states = [rng.getrandbits(1) for _ in range(cells)]
        bench.add(f"x {sum(s << n for n, s in enumerate(states)):x}", "c")
        bench.updates(3)
        bench.add("p")
        expected.append([codes[s][n] for n, s in enumerate(states)])
    rows = bench.run()
    for row, due in zip(rows, expected, strict=True):
        assert row[0][:cells] == due
        assert not any(row[0][cells:])
        assert row[1] == 0
        assert row[3:6] == (0, 1, 0)
    assert rows[-1][7] == 3  # updates, in three times the stated duration


def test_all_heaters_change_at_one_edge(spi):
    bench = spi()
    codes = lit(bench)
    bench.add(f"x {2**CELLS - 1:x}", "c")
    seen = set()
    for _ in range(40):
        bench.add(f"w {bench.timing.update // 15}", "p")
    for row in bench.run()[1:]:
        seen.add(tuple(row[0][:CELLS]))
    assert seen == {tuple(codes[0]), tuple(codes[1])}


FAULTS = [
    ("sdi0", Kind.LOW),
    ("sdi1", Kind.HIGH),
    ("sdo0", Kind.LOW),
    ("sdo1", Kind.HIGH),
    ("sck0", None),
    ("sck1", None),
    ("cs1", None),
    ("cs0", Kind.SELECT),
    ("bridge 0", Kind.SHORT),
    ("bridge 1", Kind.SHORT),
    ("open0 0", Kind.LOW),
    ("open1 0", Kind.HIGH),
    ("open0 1", Kind.LOW),
    ("open1 1", Kind.HIGH),
]


COMMON = [(fault, kind, -1) for fault, kind in FAULTS if fault[:2] in ("cs", "sc")]
CASES = [(fault, kind, 1) for fault, kind in FAULTS] + COMMON


@pytest.mark.parametrize(
    ("fault", "kind", "chain"), CASES, ids=[f"{f}{' everywhere' * (c < 0)}" for f, _, c in CASES]
)
def test_a_stuck_line_or_a_missing_chip_is_reported_and_all_heaters_are_parked(
    spi, fault, kind, chain
):
    bench = spi()
    codes = lit(bench)
    bench.add(f"w {random.Random(fault).randrange(bench.timing.update)}", f"f {chain} {fault}")
    bench.add(f"w {bench.timing.update + 2 * bench.timing.frame}", "p")
    bench.updates(3)
    bench.add("p", "f -1 none", "w 20", "q")
    bench.updates(5)
    bench.add("p")
    before, found, later, repaired = bench.run()
    assert before[0][:CELLS] == codes[0]
    assert found[1] == (0b10 if chain == 1 else 0b11)
    if kind is None:
        assert found[2][1] in (Kind.LOW, Kind.HIGH)
    else:
        assert found[2][1] == kind
    for row in (found, later):
        assert row[3:6] == (1, 0, 1)  # failed, CLR low, held
        assert not any(row[0])  # every DAC of every chain
    assert later[1:3] == found[1:3]
    assert repaired[1] == 0
    assert repaired[0][:CELLS] == codes[0]


def test_a_park_is_at_the_pins_at_once(spi):
    bench = spi()
    codes = lit(bench)
    bench.add("s parked 1", "w 3", "p", "w 3000", "s parked 0")
    bench.updates(3)
    bench.add("p")
    before, parked, after = bench.run()
    assert before[0][:CELLS] == codes[0]
    assert not any(parked[0])
    assert parked[3:5] == (0, 0)  # no fault, CLR low
    assert after[0][:CELLS] == codes[0]


@pytest.mark.parametrize("cause", ["park", "fault"])
def test_a_chain_whose_clear_wire_is_cut_is_parked_by_spi(spi, cause):
    bench = spi()
    codes = lit(bench)
    bench.add("f 1 clr1", "s parked 1" if cause == "park" else "f 0 sdo0")
    bench.updates(3)
    bench.add("p")
    before, row = bench.run()
    assert before[0][:CELLS] == codes[0]
    assert row[5] == 1
    assert not any(row[0])
