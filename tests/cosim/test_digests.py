"""Digests of waveforms: XXH64 as another implementation has it, and different when a bit is."""

import ctypes

import numpy as np
import pytest
import xxhash

from lightloom.cosim.coefficients import build
from lightloom.cosim.kernel.binding import Kernel

WORDS = 150
"""More than are under way between the sides."""


@pytest.fixture(scope="module")
def coefficients(synthetic):
    design = synthetic.make(serdes={"lanes": 3}, switch={"topology": "none"})
    return build(design, synthetic.optical_model(design, permutation=[0, 1, 2]))


def fields(packed, bits, count):
    """Signed fields of packed 32-bit words."""
    number = int.from_bytes(packed.tobytes(), "little")
    mask, top = (1 << bits) - 1, 1 << (bits - 1)
    return np.array([((number >> k * bits & mask) ^ top) - top for k in range(count)], np.int16)


def run(c, codes, phase=0):
    """Pass words through the entry points of the RTL; digests by the kernel and by `xxhash`."""
    kernel = Kernel(None, c)
    kernel.select()
    lib, size = kernel.library, c.lanes * c.symbols
    sent, received = [0, 0], [0, 0]
    samples = np.zeros(-(-size * c.adc_bits // 32), np.uint32)
    phases = np.full(2, phase, np.uint32)
    detect = ctypes.c_uint32()
    for word in codes:
        for side in (0, 1):
            lib.ll_tx(side, word[side].ctypes.data)
            data = fields(word[side], c.tx_bits, size).tobytes()
            sent[side] = xxhash.xxh64_intdigest(data, sent[side])
        for side in (0, 1):
            interval = lib.ll_rx(
                side, phases.ctypes.data, samples.ctypes.data, ctypes.addressof(detect)
            )
            for data in (
                fields(samples, c.adc_bits, size).tobytes(),
                np.uint32(detect.value).tobytes(),
                np.float64(interval).tobytes(),
            ):
                received[1 - side] = xxhash.xxh64_intdigest(data, received[1 - side])
    expected = [(f"{s:016x}", f"{r:016x}") for s, r in zip(sent, received, strict=True)]
    return [(d.sent, d.received) for d in kernel.digests()], expected


def stimulus(c, seed):
    count = -(-c.lanes * c.symbols * c.tx_bits // 32)
    return np.random.default_rng(seed).integers(0, 2**32, (WORDS, 2, count), dtype=np.uint32)


def test_digests_are_those_of_another_implementation_and_repeat(coefficients):
    codes = stimulus(coefficients, 5)
    found, expected = run(coefficients, codes)
    assert found == expected
    assert run(coefficients, codes)[0] == found


def test_one_bit_in_one_direction_changes_that_direction(coefficients):
    codes = stimulus(coefficients, 5)
    (there, back), _ = run(coefficients, codes)
    codes[5, 0, 3] ^= 1 << 1  # the sign of a symbol
    (there_2, back_2), _ = run(coefficients, codes)
    assert back_2 == back
    assert there_2[0] != there[0]
    assert there_2[1] != there[1]


def test_a_phase_is_seen_in_what_is_received_alone(coefficients):
    codes = stimulus(coefficients, 5)
    (there, _), _ = run(coefficients, codes)
    (moved, _), _ = run(coefficients, codes, phase=9)
    assert moved[0] == there[0]
    assert moved[1] != there[1]


@pytest.mark.parametrize("lanes", [1, 2, 5, 8])
def test_any_number_of_lanes(synthetic, lanes):
    design = synthetic.make(
        serdes={"lanes": lanes, "symbols_per_clock": 32}, switch={"topology": "none"}
    )
    c = build(design, synthetic.optical_model(design, permutation=list(range(lanes))))
    found, expected = run(c, stimulus(c, lanes))
    assert found == expected
