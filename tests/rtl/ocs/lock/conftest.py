"""`Locks` of a Benes of 4 in Verilator, driven by the commands of lock.cpp."""

import subprocess
from pathlib import Path

import pytest

from lightloom.rtl.ocs.lock.locks import Locks

PORTS, CELLS = 4, 6
SETTINGS = {"groups": 1, "repeats": 2, "guard": 3, "patience": 40, "wait": 9, "amplitude": 80}


class Bench:
    """Calls run the program on lines and return the words that it prints, numbers as such."""

    def __init__(self, binary):
        self.binary, self.cells, self.settings = binary, CELLS, SETTINGS

    def __call__(self, lines):
        done = subprocess.run(
            [self.binary], input="\n".join(lines), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return [[w if k == 0 else int(w) for k, w in enumerate(line.split())]
                for line in done.stdout.splitlines()]  # fmt: skip

    def set(self, **values):
        return [f"set {name} {value}" for name, value in values.items()]

    def start(self):
        # Clearing and the first writes of trims take 4 * cells clocks and a few.
        return [*self.set(**self.settings, settled=1), "run 40"]


@pytest.fixture(scope="session")
def locks(verilate):
    main = Path(__file__).with_name("lock.cpp").read_text()
    return Bench(verilate(Locks("benes", PORTS), "locks", f"#define CELLS {CELLS}\n" + main))
