"""A running chip: commands to the program of `chip.cpp`, and what it answers."""

from __future__ import annotations

import contextlib
import math
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lightloom.cosim.chip import build
from lightloom.cosim.chip.rtl import LockedDrive
from lightloom.photonics.switch import calibration
from lightloom.photonics.switch.sample import One, Sample
from lightloom.rtl.ocs.drive.goal import Field
from lightloom.rtl.ocs.drive.linearizer import GAIN_ONE
from lightloom.rtl.ocs.drive.model import FULL
from lightloom.spec import DesignError, fabrics

ELECTRON_C = 1.602e-19


@dataclass(frozen=True)
class Readout:
    """From a tap's light to samples, and the light of the sources."""

    light_mw: float = 1.0
    """At each fibre; 0 dBm a lane is the class of DR and FR links after their fibre."""
    responsivity_a_per_w: float = 0.9
    """As `receiver.responsivity_a_per_w`."""
    full_scale: float = 0.01
    """Light at a tap, over that of a fibre, that the converter is full at: a tap of 1.1 % behind
    1.5 dB of coupler and some cells, with both inputs of the cell lit."""
    noise_lsb: float = 0.6
    """Of 12 bits: a converter of 70 dB signal to noise, the class of 1 MS/s parts, has 0.46 LSB
    rms beside its own rounding; the rest is for the amplifier. Demonstration value."""
    sample_us: float = 1.0
    """A conversion: 1 MS/s, one converter for all taps behind a multiplexer."""
    bandwidth_mhz: float = 0.5
    """Of shot noise: half the sample rate."""

    @property
    def shot_lsb(self) -> float:
        """Shot noise at full scale in LSB."""
        amperes = self.responsivity_a_per_w * self.light_mw * 1e-3 * self.full_scale
        return 4095.0 * math.sqrt(2 * ELECTRON_C * self.bandwidth_mhz * 1e6 / amperes)


class Record(NamedTuple):
    """What a run printed at one time."""

    time_s: float
    kelvin: float
    locked: bool
    rounds: int
    lost: int
    limited: int
    dithered: int
    """Cell that is moved by the lock, -1 for none."""
    power: NDArray[np.float64]
    """`[output, input]`, of light sent in."""


class Session:
    """A chip under its digital side. Use it in a `with`."""

    def __init__(
        self,
        sample: Sample,
        ports: int,
        *,
        clock_mhz: float = 4.0,
        readout: Readout | None = None,
        seed: int = 1,
        neighbours: int = 8,
        jobs: int = 1,
    ) -> None:
        """Build and start it: parked, no light, at the reference temperature."""
        self.sample = sample
        self.readout = readout or Readout()
        fabric = sample.fabric
        self.neighbours = neighbours
        side = LockedDrive(sample.topology, ports, fabric.dac_bits, clock_mhz, neighbours)
        binary = build.executable(side, jobs)
        self.clock_mhz = clock_mhz
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "chip.txt"
        path.write_text(_text(sample))
        out = self.readout
        self._process = subprocess.Popen(
            [
                str(binary), str(path), repr(clock_mhz * 1e6), str(fabric.dac_bits),
                repr(out.full_scale), repr(out.noise_lsb), repr(out.shot_lsb),
                str(round(out.sample_us * clock_mhz)), str(seed),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the program."""
        self.close()

    def close(self) -> None:
        """End the program."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None and not stream.closed:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._folder.cleanup()

    def send(self, *lines: str) -> None:
        """Commands without an answer."""
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{line}\n" for line in lines))

    def ask(self, line: str) -> list[list[str]]:
        """Lines of the answer to a command, in words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.send(line)
        self._process.stdin.flush()
        found: list[list[str]] = []
        for text in self._process.stdout:
            words = text.split()
            if words[0] == "ok":
                self.time_s = float(words[1])
                return found
            found.append(words)
        assert self._process.stderr is not None
        raise DesignError(f"the chip's simulation ended early: {self._process.stderr.read()[:300]}")

    def set(self, **values: int) -> None:
        """Inputs of the RTL."""
        self.send(*(f"set {name} {value}" for name, value in values.items()))

    def pulse(self, name: str) -> None:
        """An input of the RTL for one clock."""
        self.send(f"pulse {name}")

    def states(self, states: Sequence[int]) -> None:
        """New states, announced."""
        self.send(f"states {sum(s << n for n, s in enumerate(states)):x}", "pulse change")

    def light(self, lit: Sequence[int], power: Mapping[int, float] | None = None) -> None:
        """Light of the inputs `lit`, of `power` relative to the readout's; others dark."""
        self.send(f"light {sum(1 << i for i in lit):x}")
        given = power or {}
        for i in range(len(self.sample.inputs)):
            self.send(f"level {i} {given.get(i, 1.0) if i in lit else 0.0!r}")

    def table(self, cell: int, field: int, data: int) -> None:
        """A write of the drive's calibration."""
        self.send(f"table {cell} {field} {data & 0xFFFFFFFF}")

    def get(self, *names: str) -> list[int]:
        """Outputs of the RTL."""
        return [int(word) for word in self.ask("get " + " ".join(names))[0][1:]]

    def until(self, name: str, seconds: float) -> bool:
        """Run until an output is not 0; whether it was within `seconds`."""
        return self.ask(f"until {name} {seconds!r}")[0][1] == "1"

    def run(self, seconds: float, every_s: float) -> list[Record]:
        """Run, with a record each `every_s`."""
        shape = len(self.sample.outputs), len(self.sample.inputs)
        return [
            Record(
                float(w[1]), float(w[2]), w[3] == "1", int(w[4]), int(w[5]), int(w[6]), int(w[7]),
                np.array(w[8:], dtype=float).reshape(shape),
            )
            for w in self.ask(f"run {seconds!r} {every_s!r}")
        ]  # fmt: skip

    def power(self) -> NDArray[np.float64]:
        """Power `[output or tap, input]` over that of the input, now."""
        words = self.ask("fields")[0][1:]
        return np.array(words, dtype=float).reshape(-1, len(self.sample.inputs))

    def phases(self) -> NDArray[np.float64]:
        """Phases of the heaters in rad, now."""
        return np.array(self.ask("phases")[0][1:], dtype=float)

    def codes(self) -> list[int]:
        """Heater codes, now."""
        return [int(word) for word in self.ask("codes")[0][1:]]

    def start(self, bar: Sequence[int] | None = None, cross: Sequence[int] | None = None) -> None:
        """Write the calibration, with heat between heaters as the layout has it, and unpark."""
        cells = self.sample.cells
        self.set(
            budget=2**32 - 1, tick_clocks=0, parked=1, settle_clocks=self.clocks(60e-6),
            wait=self.clocks(60e-6), guard=self.clocks(3e-6), patience=self.clocks(50e-6),
        )  # fmt: skip
        terms = crosstalk_terms(self.sample, self.neighbours)
        for cell in range(cells):
            self.table(cell, Field.BAR, bar[cell] if bar else 0)
            self.table(cell, Field.CROSS, cross[cell] if cross else 0)
            self.table(cell, Field.OFFSET, 0)
            self.table(cell, Field.GAIN, GAIN_ONE)
            self.table(cell, Field.CURVATURE, 0)
            for n in range(self.neighbours):
                index, value = terms[cell][n] if n < len(terms[cell]) else (0, 0)
                self.table(cell, Field.TERMS + n, index | (value & 0xFFFF) << 16)
        self.set(parked=0)

    def clocks(self, seconds: float) -> int:
        """Clocks of a time."""
        return max(1, round(seconds * self.clock_mhz * 1e6))


def crosstalk_terms(sample: Sample, neighbours: int) -> list[list[tuple[int, int]]]:
    """Neighbours and coefficients of each cell for the drive: the strongest, by the layout."""
    matrix = np.array(sample.fabric.thermal_crosstalk)
    p_pi = np.array([heater.p_pi_mw for heater in sample.fabric.heaters])
    share = matrix * p_pi[:, None] / p_pi[None, :]
    result: list[list[tuple[int, int]]] = []
    for cell, row in enumerate(share):
        order = [int(k) for k in np.argsort(-np.abs(row)) if k != cell][:neighbours]
        terms = [(k, round(float(row[k]) * (1 << 15))) for k in order]
        result.append([term for term in terms if term[1]])
    return result


def levels(sample: Sample, least_rad: float = 0.25) -> tuple[list[int], list[int]]:
    """Powers for bar and cross that null each cell of a chip that is known exactly.

    They are of the whole phase of a cell; the drive takes off what neighbours give. None is below
    `least_rad`, so that the drive can.
    """
    unit = sample.own_rad(np.ones(sample.cells)) / FULL
    result: list[list[int]] = []
    for wanted in (math.pi, 0.0):
        phase = wanted - sample.error_rad + calibration.static_phases(sample.fabric)
        phase = np.mod(phase - least_rad, 2 * math.pi) + least_rad
        result.append([min(FULL, int(v)) for v in np.rint(phase / unit)])
    return result[fabrics.BAR], result[fabrics.CROSS]


def _text(sample: Sample) -> str:
    """What `chip.cpp` reads."""
    ambient, fabric = sample.ambient, sample.fabric
    head = [sample.lines, len(sample.inputs), len(sample.outputs), 2 * sample.cells, sample.cells]
    rates = [
        ambient.silicon_rise_per_k, ambient.oxide_conductivity_per_k, ambient.resistance_per_k
    ]  # fmt: skip
    rows = [" ".join(map(repr, [*head, *rates, len(sample.steps)]))]
    for step in sample.steps:
        if isinstance(step, One):
            words = [step.a, -1, step.heater, step.per_k, 0.0, step.t.real, step.t.imag]
        else:
            words = [step.a, step.b, -1, step.per_k, step.angle]
            words += [part for z in step.m for part in (z.real, z.imag)]
        rows.append(" ".join(map(repr, map(_plain, words))))
    rows.append(" ".join(map(str, sample.output_lines)))
    rows.append(" ".join(repr(float(v)) for v in sample.own_rad(np.ones(sample.cells))))
    rows.append(" ".join(repr(heater.tau_us * 1e-6) for heater in fabric.heaters))
    rows += [" ".join(map(repr, row)) for row in fabric.thermal_crosstalk]
    return "\n".join(rows) + "\n"


def _plain(value: float) -> float:
    return value if isinstance(value, int) else float(value)
