// A bank of AD7490. Commands from standard input, one a line:
//   w N    N clocks
//   f ADC WHAT    a fault from now on; ADC -1 is all; WHAT is one of dout0 dout1 din0 din1 sck0 sck1
//       cs0 cs1, open0 open1 (gone, DOUT floats to), none
//   v SEED    new values at all inputs
//   q    clear_faults
//   p    prints: tap and value of the samples since the last print, then -1, faults, kinds
//        (hexadecimal), failed
#include "Vadc_bank.h"
#include "ad7490.h"
#include "verilated.h"
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

static Vadc_bank top;
static long now = 0;

struct Adc {
  Ad7490 chip;
  Line din;
  std::string fault = "none";
  bool was_cs = true;

  static bool stuck(const std::string& fault, const char* line, bool value) {
    if (fault == std::string(line) + "0") return false;
    if (fault == std::string(line) + "1") return true;
    return value;
  }

  bool step(double t, bool cs, bool sck, bool data) {
    bool falls = was_cs && !cs;
    was_cs = cs;
    if (fault != "none") chip.trusted = false;
    din.set(stuck(fault, "din", data), t);
    chip.step(t, stuck(fault, "cs", cs), stuck(fault, "sck", sck), din);
    if (fault == "none" && falls) chip.trusted = true;
    return stuck(fault, "open", stuck(fault, "dout", chip.dout.at(t)));
  }
};

static std::vector<Adc> adcs(ADCS);
static std::vector<std::pair<int, int>> samples;

static void step() {
  double t = now * (1000.0 / CLOCK_MHZ);
  unsigned long long dout = 0;
  for (int n = 0; n < ADCS; n++)
    dout |= (unsigned long long)adcs[n].step(t, top.cs_n, top.sck, top.din) << n;
  top.dout = dout;
  top.clk = 1;
  top.eval();
  top.clk = 0;
  top.eval();
  now++;
  if (top.valid) samples.emplace_back(top.channel, top.value);
}

int main() try {
  top.rst = 1;
  top.eval();
  step();
  top.rst = 0;
  std::string word;
  while (std::cin >> word) {
    if (word == "w") {
      long n;
      std::cin >> n;
      while (n-- > 0) step();
    } else if (word == "f") {
      int which;
      std::string what;
      std::cin >> which >> what;
      for (int n = 0; n < ADCS; n++)
        if (which < 0 || which == n) adcs[n].fault = what;
    } else if (word == "v") {
      unsigned seed;
      std::cin >> seed;
      for (auto& adc : adcs)
        for (auto& value : adc.chip.analog)
          seed = seed * 1664525u + 1013904223u, value = seed >> 20;
    } else if (word == "q") {
      top.clear_faults = 1;
      step();
      top.clear_faults = 0;
    } else if (word == "p") {
      for (auto [tap, value] : samples) std::printf("%d %d ", tap, value);
      std::printf("-1 %x %x %d\n", unsigned(top.faults), unsigned(top.kinds), top.failed);
      samples.clear();
    }
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s at %g ns\n", error.what(), now * 1000.0 / CLOCK_MHZ);
  return 3;
}
