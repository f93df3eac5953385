// Runs the drive by commands from standard input, one a line:
//   s NAME VALUE    set an input
//   t CELL FIELD DATA, r CELL VALUE    write a table entry, a trim
//   c    pulse change      k    pulse the kick      v    pulse the release
//   w N  N clocks
//   n    on to the next tick; prints: codes, then power, over_budget, settled, held, clocks
//   p    prints the same at once
// States are given as hexadecimal digits by `x DIGITS`, cell 0 lowest.
#include "Vdrive.h"
#include "verilated.h"
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <type_traits>

static Vdrive top;
static long clocks = 0;

static void step() {
  top.clk = 1;
  top.eval();
  top.clk = 0;
  top.eval();
  clocks++;
}

template <class T> static unsigned bits(T& wide, int at, int width) {
  unsigned out = 0;
  for (int i = 0; i < width; i++) {
    int b = at + i;
    unsigned bit;
    if constexpr (std::is_integral_v<T>) bit = wide >> b & 1;
    else bit = wide[b / 32] >> (b % 32) & 1;
    out |= bit << i;
  }
  return out;
}

template <class T> static void load(T& wide, const std::string& digits) {
  if constexpr (std::is_integral_v<T>) {
    wide = std::strtoull(digits.c_str(), nullptr, 16);
  } else {
    for (int i = 0; i < (CELLS + 31) / 32; i++) wide[i] = 0;
    for (std::size_t i = 0; i < digits.size(); i++) {
      unsigned v = std::stoul(digits.substr(digits.size() - 1 - i, 1), nullptr, 16);
      if (int(i / 8) < (CELLS + 31) / 32) wide[i / 8] |= v << 4 * (i % 8);
    }
  }
}

static void print() {
  for (int i = 0; i < CELLS; i++) std::printf("%u ", bits(top.codes, i * DAC_BITS, DAC_BITS));
  std::printf("%u %d %d %d %ld\n", top.power, top.over_budget, top.settled, top.held, clocks);
}

#define INPUT(name) {#name, [](long v) { top.name = v; }}

int main() {
  const std::map<std::string, void (*)(long)> inputs = {
      INPUT(parked), INPUT(dither_on), INPUT(dither_cell), INPUT(dither_value),
      INPUT(overdrive_factor), INPUT(overdrive_ticks), INPUT(thermal_step),
      INPUT(thermal_inverse), INPUT(budget), INPUT(slew), INPUT(tick_clocks),
      INPUT(settle_clocks), INPUT(watchdog_clocks)};
  top.rst = 1;
  step();
  top.rst = 0;
  clocks = 0;
  std::string word;
  while (std::cin >> word) {
    if (word == "s") {
      std::string name;
      long value;
      std::cin >> name >> value;
      inputs.at(name)(value);
    } else if (word == "x") {
      std::cin >> word;
      load(top.states, word);
    } else if (word == "t" || word == "r") {
      long cell, field = 0, data;
      std::cin >> cell;
      if (word == "t") std::cin >> field;
      std::cin >> data;
      if (word == "t") {
        top.table_cell = cell, top.table_field = field, top.table_data = data;
        top.table_write = 1;
      } else {
        top.trim_cell = cell, top.trim_value = data;
        top.trim_write = 1;
      }
      step();
      top.table_write = top.trim_write = 0;
    } else if (word == "c" || word == "k" || word == "v") {
      (word == "c" ? top.change : word == "k" ? top.watchdog_kick : top.watchdog_release) = 1;
      step();
      top.change = top.watchdog_kick = top.watchdog_release = 0;
    } else if (word == "w") {
      long n;
      std::cin >> n;
      while (n-- > 0) step();
    } else if (word == "n") {
      int most = 1000000;
      do step();
      while (!top.tick && --most);
      if (!most) return 1;
      print();
    } else if (word == "p") {
      print();
    }
  }
}
