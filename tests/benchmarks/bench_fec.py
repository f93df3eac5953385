"""Speed of the KP4 codec in compiled simulation: `python tests/benchmarks/bench_fec.py`.

Encoder and decoder of 16 symbols a clock in one model, a word a clock, a few symbols of each
codeword damaged between them; clocks a second of one core.
"""

import runpy
import subprocess
import tempfile
from pathlib import Path

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lightloom.rtl.fec.codes import KP4
from lightloom.rtl.fec.decoder import Decoder
from lightloom.rtl.fec.encoder import Encoder

SYMBOLS = 16
CLOCKS = 200_000
MAIN = """
#include <cstdio>
#include <ctime>
#include "Vcodec.h"
int main() {
  Vcodec top;
  top.rst = 0;
  unsigned long seed = 1, failed = 0, corrected = 0;
  std::clock_t start = std::clock();
  for (int t = 0; t < CLOCKS; t++) {
    for (int w = 0; w < WORDS; w++) {
      seed = seed * 6364136223846793005ul + 1442695040888963407ul;
      top.i[w] = seed >> 32;
      top.error[w] = (seed >> 20 & 63) == 0 ? 1u << (seed >> 59) : 0;
    }
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    failed += top.uncorrectable;
    corrected += top.corrected;
  }
  double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("%.0f clocks/s, %lu codewords corrected, %lu failed\\n",
              CLOCKS / seconds, corrected, failed);
}
"""


class Codec(wiring.Component):
    """Encoder, errors, decoder."""

    def __init__(self):
        width = 10 * SYMBOLS
        super().__init__(
            {
                "i": In(width),
                "error": In(width),
                "o": Out(width),
                "corrected": Out(1),
                "uncorrectable": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        encoder = m.submodules.encoder = Encoder(KP4, SYMBOLS)
        decoder = m.submodules.decoder = Decoder(KP4, SYMBOLS)
        m.d.comb += [
            encoder.i.eq(self.i),
            encoder.i_valid.eq(1),
            encoder.o_ready.eq(1),
            decoder.i.eq(encoder.o ^ self.error),
            decoder.i_valid.eq(encoder.o_valid),
            decoder.i_first.eq(encoder.o_first),
            self.o.eq(decoder.o),
            self.corrected.eq(decoder.corrected),
            self.uncorrectable.eq(decoder.uncorrectable),
        ]
        return m


def main():
    """Print one line."""
    helpers = runpy.run_path(str(Path(__file__).parent.parent / "rtl" / "conftest.py"))
    text = f"#define CLOCKS {CLOCKS}\n#define WORDS {10 * SYMBOLS // 32}\n{MAIN}"
    with tempfile.TemporaryDirectory() as directory:
        binary = helpers["compiled"](Codec(), "codec", text, Path(directory))
    subprocess.run([binary], check=True)


if __name__ == "__main__":
    main()
