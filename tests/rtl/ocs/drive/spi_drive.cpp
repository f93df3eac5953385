// The drive with chains of LTC2668 on its pins. Commands from standard input, one a line:
//   s NAME VALUE, t CELL FIELD DATA, x DIGITS, c    as in drive.cpp
//   w N    N clocks
//   f CHAIN WHAT [DEVICE]    a fault from now on; chain -1 is all; WHAT is one of
//       sdi0 sdi1 sdo0 sdo1 sck0 sck1 cs0 cs1    a line stuck
//       bridge DEVICE, open0 DEVICE, open1 DEVICE    a chip bridged; gone, its output floats to
//       clr1 (CLR is cut and pulled up), none
//   q    clear_faults
//   p    prints: outputs of all DACs in the order of the heaters, then faults, kinds (hexadecimal),
//        failed, clr_n, held, clocks since the last print, updates since then
// A pin that moves against the data sheet ends the run with its message.
#include "Vspi_drive.h"
#include "ltc2668.h"
#include "verilated.h"
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

static Vspi_drive top;
static long now = 0, printed = 0, updates = 0;

struct Chain {
  std::vector<Ltc2668> chips = std::vector<Ltc2668>(DEVICES);
  Line sdi, sdo;
  std::string fault = "none";
  int device = 0;
  Chain() {
    for (auto& chip : chips) chip.chain = DEVICES;
  }

  static bool stuck(const std::string& fault, const char* line, bool value) {
    if (fault == std::string(line) + "0") return false;
    if (fault == std::string(line) + "1") return true;
    return value;
  }

  void step(double t, bool cs, bool sck, bool data, bool clr) {
    bool falls = was_cs && !cs;
    was_cs = cs;
    sdi.set(stuck(fault, "sdi", data), t);
    const Line* line = &sdi;
    for (int d = 0; d < DEVICES; d++) {
      auto& chip = chips[d];
      if (fault == "bridge" && d == device) {
        chip.output.fill(0);
        continue;
      }
      if (fault != "none") chip.trusted = false;
      chip.step(t, stuck(fault, "cs", cs), stuck(fault, "sck", sck), *line,
                stuck(fault, "clr", clr));
      if (fault == "none" && falls) chip.trusted = true;
      line = &chip.sdo;
      if (fault.rfind("open", 0) == 0 && d == device) {
        float_.set(fault == "open1", t);
        line = &float_;
      }
    }
    sdo.set(stuck(fault, "sdo", line->at(t)), t);
  }

 private:
  Line float_;
  bool was_cs = false;
};

static std::vector<Chain> chains(CHAINS);

static void step() {
  double t = now * (1000.0 / CLOCK_MHZ);
  unsigned long long sdo = 0;
  for (int c = 0; c < CHAINS; c++) {
    chains[c].step(t, top.cs_n, top.sck, top.sdi >> c & 1, top.clr_n);
    sdo |= (unsigned long long)chains[c].sdo.at(t) << c;
  }
  top.sdo = sdo;
  top.clk = 1;
  top.eval();
  top.clk = 0;
  top.eval();
  now++;
  updates += top.update;
}

template <class T> static void load(T& wide, const std::string& digits) {
  if constexpr (std::is_integral_v<T>) {
    wide = std::strtoull(digits.c_str(), nullptr, 16);
  } else {
    for (int i = 0; i < (CELLS + 31) / 32; i++) wide[i] = 0;
    for (std::size_t i = 0; i < digits.size(); i++) {
      unsigned v = std::stoul(digits.substr(digits.size() - 1 - i, 1), nullptr, 16);
      wide[i / 8] |= v << 4 * (i % 8);
    }
  }
}

#define INPUT(name) {#name, [](long v) { top.name = v; }}

int main() try {
  const std::map<std::string, void (*)(long)> inputs = {
      INPUT(parked), INPUT(budget), INPUT(slew), INPUT(tick_clocks), INPUT(settle_clocks)};
  top.rst = 1;
  top.eval();
  step();
  top.rst = 0;
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
    } else if (word == "t") {
      long cell, field, data;
      std::cin >> cell >> field >> data;
      top.table_cell = cell, top.table_field = field, top.table_data = data;
      top.table_write = 1;
      step();
      top.table_write = 0;
    } else if (word == "c") {
      top.change = 1;
      step();
      top.change = 0;
    } else if (word == "q") {
      top.clear_faults = 1;
      step();
      top.clear_faults = 0;
    } else if (word == "w") {
      long n;
      std::cin >> n;
      while (n-- > 0) step();
    } else if (word == "f") {
      int chain, device = 0;
      std::string what;
      std::cin >> chain >> what;
      if (what == "bridge" || what == "open0" || what == "open1") std::cin >> device;
      for (int c = 0; c < CHAINS; c++)
        if (chain < 0 || chain == c) chains[c].fault = what, chains[c].device = device;
    } else if (word == "p") {
      for (int c = 0; c < CHAINS; c++)
        for (auto& chip : chains[c].chips)
          for (auto out : chip.output) std::printf("%u ", out);
      std::printf("%x %x %d %d %d %ld %ld\n", unsigned(top.faults), unsigned(top.kinds),
                  top.failed, top.clr_n, top.held, now - printed, updates);
      printed = now;
      updates = 0;
    }
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s at %g ns\n", error.what(), now * 1000.0 / CLOCK_MHZ);
  return 3;
}
