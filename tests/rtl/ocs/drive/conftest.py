import subprocess
from pathlib import Path

import pytest

from lightloom.rtl.ocs.drive.drive import Drive
from lightloom.rtl.ocs.drive.goal import Field


class Bench:
    """Commands for `drive.cpp`, collected and run at once."""

    def __init__(self, binary, cells):
        self.binary, self.cells, self.lines = binary, cells, []

    def set(self, **values):
        self.lines += [f"s {name} {value}" for name, value in values.items()]

    def table(self, cell, field, data):
        self.lines.append(f"t {cell} {int(field)} {data & 0xFFFFFFFF}")

    def load(self, cell, calibration):
        """Write all that a `model.Cell` says of calibration."""
        for name in ("bar", "cross", "offset", "gain", "curvature"):
            self.table(cell, Field[name.upper()], getattr(calibration, name))
        for n, (index, coefficient) in enumerate(calibration.terms):
            self.table(cell, Field.TERMS + n, index | (coefficient & 0xFFFF) << 16)

    def trim(self, cell, value):
        self.lines.append(f"r {cell} {value & 0xFFFF}")

    def states(self, states):
        self.lines.append(f"x {sum(s << n for n, s in enumerate(states)):x}")

    def add(self, *lines):
        self.lines += lines

    def run(self):
        """For each print: codes and (power, over_budget, settled, held, clocks)."""
        done = subprocess.run(
            [self.binary], input="\n".join(self.lines), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        out = [[int(x) for x in line.split()] for line in done.stdout.splitlines()]
        return [(row[: self.cells], tuple(row[self.cells :])) for row in out]


@pytest.fixture(scope="session")
def bench(verilate):
    """Function from sizes to an empty `Bench` of a verilated drive."""
    main = Path(__file__).with_name("drive.cpp").read_text()

    def build(cells, dac_bits, neighbours):
        sizes = f"#define CELLS {cells}\n#define DAC_BITS {dac_bits}\n"
        dut = Drive(cells, dac_bits, 250.0, neighbours=neighbours)
        return Bench(verilate(dut, "drive", sizes + main), cells)

    return build
