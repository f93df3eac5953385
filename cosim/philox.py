"""Counter-based Gaussian numbers in numpy: Philox4x32-10 and Box-Muller.

The same definition as the kernel's `noise.hpp`, written independently: a number depends only on
(seed, stream, lane, index).

Source: J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

CURRENT_NOISE = 0
"""Stream of the photocurrent noise, plus the direction."""
LASER_PHASE = 2
"""Stream of the laser phase walk, plus the side."""
LASER_OFFSET = 4
"""Stream of the laser frequency offsets, plus the side."""

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIER = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)

Words = npt.NDArray[np.uint64]


def philox(counter: Words, seed: int) -> Words:
    """Ten rounds on `counter[4, ...]` of 32-bit values."""
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    keys = [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF]
    for _ in range(10):
        a, b = _MULTIPLIER[0] * c0, _MULTIPLIER[1] * c2
        c0, c1, c2, c3 = (
            (b >> _SHIFT) ^ c1 ^ np.uint64(keys[0]),
            b & _LOW,
            (a >> _SHIFT) ^ c3 ^ np.uint64(keys[1]),
            a & _LOW,
        )
        keys = [(key + step) & 0xFFFFFFFF for key, step in zip(keys, _WEYL, strict=True)]
    return np.stack([c0, c1, c2, c3])


def uniforms(seed: int, stream: int, lane: int, quad: Words) -> npt.NDArray[np.float64]:
    """Four multiples of 2**-32 in [0, 1) for each index in `quad`, `[4, index]`."""
    quad = np.asarray(quad, np.uint64)
    x = philox(
        np.stack(
            [quad & _LOW, quad >> _SHIFT, np.full_like(quad, lane), np.full_like(quad, stream)]
        ),
        seed,
    )
    return x.astype(np.float64) * 2.0**-32


def gaussian(seed: int, stream: int, lane: int, count: int) -> npt.NDArray[np.float64]:
    """Standard normal numbers of indices 0 to `count` - 1; none lies beyond 6.76."""
    x = uniforms(seed, stream, lane, np.arange((count + 3) // 4, dtype=np.uint64))
    radius, angle = np.sqrt(-2.0 * np.log(x[::2] + 2.0**-33)), 2 * np.pi * x[1::2]
    quads = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return quads.reshape(4, -1).T.reshape(-1)[:count]
