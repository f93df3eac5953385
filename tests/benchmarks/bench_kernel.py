"""Speed of the signal kernel alone: `python tests/benchmarks/bench_kernel.py`.

Both directions of eight lanes, noise and crosstalk on, through the DPI-C entry points as the RTL
calls them, one word a call. Every received bit of either direction counts once; the time is that of
one core.
"""

import ctypes
import runpy
import time
from pathlib import Path

import numpy as np

from lightloom.cosim.coefficients import Coefficients, build
from lightloom.cosim.kernel.binding import Kernel
from lightloom.spec import Design

WORDS = 4000
REPEATS = 5


def bits_per_second(c: Coefficients, heaters: list[int]) -> float:
    """Best of some repeats."""
    kernel = Kernel(None, c)
    kernel.select()
    if heaters:
        kernel.set_heaters(heaters, -1e15)
    lib = kernel.library
    rng = np.random.default_rng(1)
    count = c.lanes * c.symbols
    codes = rng.integers(0, 2**32, (64, -(-count * c.tx_bits // 32)), dtype=np.uint32)
    pointers = [ctypes.c_void_p(row.ctypes.data) for row in codes]
    samples = (ctypes.c_uint32 * (-(-count * c.adc_bits // 32)))()
    phases = (ctypes.c_uint32 * 4)()
    detect = ctypes.c_uint32()
    best = 0.0
    for _ in range(REPEATS):
        start = time.process_time()
        for word in range(WORDS):
            for side in (0, 1):
                lib.ll_tx(side, pointers[word % 64])
            for side in (0, 1):
                lib.ll_rx(side, phases, samples, ctypes.byref(detect))
        best = max(best, 2 * count * WORDS / (time.process_time() - start))
    return best


def main() -> None:
    """Print one line a configuration."""
    helpers = runpy.run_path(str(Path(__file__).parent.parent / "cosim" / "conftest.py"))
    order = [7, 6, 5, 4, 3, 2, 1, 0]
    for samples in (4, 8, 16):
        for topology, modulator in (("benes", "mzm"), ("benes", "ring"), ("none", "mzm")):
            design = Design.model_validate(
                {
                    "name": "bench",
                    "engine": {"modulator": modulator},
                    "switch": {"topology": topology},
                    "run": {"samples_per_ui": samples},
                }
            )
            model = helpers["optical_model"](design, permutation=order)
            heaters = helpers["heater_codes"](design, order) if topology == "benes" else []
            c = build(design, model)
            rate = bits_per_second(c, heaters)
            print(
                f"{samples:2d} samples/UI, {topology:5s}, {modulator:4s}, "
                f"{len(c.tx_response) // samples} + {c.rx_taps // samples} UI of memory: "
                f"{rate * 1e-6:5.1f} Mbit/s"
            )


if __name__ == "__main__":
    main()
