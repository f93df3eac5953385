"""A line with inter-symbol interference, noise and a rate offset, sampled where the lane asks."""

import subprocess
from string import Template

import numpy as np
import pytest
from scipy import signal

POLES_GHZ = {
    # Driver, modulator and photodiode at 32 GBd behind a 24 GHz two-pole TIA.
    "short": [30.0, 35.0, 50.0],
    # The same behind a lossy package: raw eye three quarters closed with noise.
    "lossy": [30.0, 35.0, 50.0, 12.0],
    # Raw eye all but closed.
    "long": [30.0, 35.0, 50.0, 7.0],
}
BAUD_GBD = 32.0
PAM4_POLES_GHZ = {
    # Driver, modulator and photodiode at 53 GBd.
    "short": [35.0, 40.0, 45.0],
    # The same behind a package of 3.5 dB at half the rate; one symbol in five is decided wrong.
    "lossy": [35.0, 40.0, 45.0, 24.0],
}
PAM4_BAUD_GBD = 53.125
PHASES = 64
MEMORY = 18


def pulse(kind, *, pam4=False):
    """Response to one symbol, peak 1, `PHASES` points a symbol over `MEMORY` symbols and one."""
    poles_ghz = (PAM4_POLES_GHZ if pam4 else POLES_GHZ)[kind]
    scale = (PAM4_BAUD_GBD if pam4 else BAUD_GBD) / (2 * np.pi)
    tia = (48.0 if pam4 else 24.0) / scale
    denominator = np.array([1 / tia**2, np.sqrt(2) / tia, 1.0])
    for pole in poles_ghz:
        denominator = np.polymul(denominator, [scale / pole, 1.0])
    time = np.arange((MEMORY + 1) * PHASES + 1) / PHASES
    _, step = signal.step(([1.0], denominator), T=time)
    response = step.copy()
    response[PHASES:] -= step[:-PHASES]
    return response / response.max()


class Line:
    """Random symbols through a pulse; one word a call, at the phase of two calls before.

    `code` is a phase code of the lane; its steps are followed modulo 4096, as the interpolator
    does. `amplitude` is that of the outer symbols, `ppm` is how much faster the transmitter is,
    `jitter` peak to peak in symbols of a sine of `cycles` a symbol. The data repeat.
    """

    def __init__(
        self,
        config,
        kind="lossy",
        *,
        amplitude=20.0,
        sigma=1.0,
        ppm=0.0,
        start=0.0,
        seed=1,
        jitter=0.0,
        cycles=0.0,
    ):
        self.config = config
        self.jitter, self.cycles, self.count = jitter, cycles, 0
        self.response = pulse(kind, pam4=config.pam4)
        self.amplitude, self.sigma, self.ppm = amplitude, sigma, ppm
        self.random = np.random.default_rng(seed)
        self.bits = self.random.integers(0, config.levels, config.width * 8000 + 200)
        half = len(self.bits) // 2
        self.bits[half:] = self.bits[:half]
        self.time = 40.0 + start
        self.code = 0
        self.pending = [0, 0]
        self.newest = np.zeros(0, np.int64)

    def cursors(self):
        """Response to one symbol at the present phase."""
        at = self.time % 1.0 * PHASES
        taps = int(at) + PHASES * np.arange(MEMORY)
        part = at - int(at)
        return (1 - part) * self.response[taps] + part * self.response[taps + 1]

    def word(self, code):
        c = self.config
        self.pending.append((code - self.code + 2048) % 4096 - 2048)
        self.code = code
        self.time += self.pending.pop(0) / c.phase_steps
        rate = 1 + self.ppm * 1e-6
        instants = self.time + rate * np.arange(c.width)
        self.time += rate * c.width
        angle = 2 * np.pi * self.cycles * (self.count + np.arange(c.width))
        instants = instants + self.jitter / 2 * np.sin(angle)
        self.count += c.width
        newest = np.floor(instants).astype(int)
        if newest[0] > len(self.bits) // 2 + 1000:
            self.time -= len(self.bits) // 2
        fraction = (instants - newest) * PHASES
        point = np.floor(fraction).astype(int)
        part = (fraction - point)[:, None]
        taps = point[:, None] + PHASES * np.arange(MEMORY)
        weight = (1 - part) * self.response[taps] + part * self.response[taps + 1]
        top = c.levels - 1
        levels = 2.0 * self.bits[newest[:, None] - np.arange(MEMORY)] - top
        value = self.amplitude / top * (weight * levels).sum(axis=1)
        value += self.random.normal(0.0, self.sigma, c.width)
        self.newest = newest
        top = 2 ** (c.sample_bits - 1)
        return np.clip(np.round(value), -top, top - 1).astype(np.int64)


@pytest.fixture
def line():
    """Class of lines."""
    return Line


def pack_samples(samples, bits):
    """Port value of a word of samples."""
    mask = (1 << bits) - 1
    return sum((int(value) & mask) << k * bits for k, value in enumerate(samples))


@pytest.fixture
def pack():
    """Packer of sample words."""
    return pack_samples


MAIN = Template("""#include <cstdint>
#include <cstdio>
#include <cstring>
#include "Vblock.h"
int main() {
    Vblock top;
    unsigned char in[$taken + 1], out[$given + 1];
    while (fread(in, 1, $taken, stdin) == $taken) {
        $load
        top.clk = 0;
        top.eval();
        top.clk = 1;
        top.eval();
        $store
        fwrite(out, 1, $given, stdout);
    }
}
""")


@pytest.fixture
def trace(verilate):
    """Function from a component, inputs and names of outputs to the outputs after each clock.

    Of `inputs`, a list is a port's value in each clock and a number its value in all of them.
    """

    def trace(component, inputs, outputs):
        def size(port):
            return -(-len(getattr(component, port)) // 8)

        def copies(ports, line):
            at, text = 0, []
            for port in ports:
                text.append(line.format(port=port, at=at, size=size(port)))
                at += size(port)
            return "\n        ".join(text), at

        load, taken = copies(inputs, "std::memcpy((void *)&top.{port}, in + {at}, {size});")
        store, given = copies(outputs, "std::memcpy(out + {at}, (void *)&top.{port}, {size});")
        main = MAIN.substitute(load=load, store=store, taken=taken, given=given)
        clocks = max(len(value) for value in inputs.values() if isinstance(value, list))
        columns = [
            [number.to_bytes(size(port), "little") for number in value]
            if isinstance(value, list)
            else [value.to_bytes(size(port), "little")] * clocks
            for port, value in inputs.items()
        ]
        stream = b"".join(part for row in zip(*columns, strict=True) for part in row)
        executable = verilate(component, "block", main)
        done = subprocess.run([executable], input=stream, capture_output=True, check=True)
        assert len(done.stdout) == clocks * given
        result = {}
        at = 0
        for port in outputs:
            result[port] = [
                int.from_bytes(done.stdout[k + at : k + at + size(port)], "little")
                for k in range(0, len(done.stdout), given)
            ]
            at += size(port)
        return result

    return trace
