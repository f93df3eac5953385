// A board with a switch chip: LTC2668 and AD7490 on the pins. Commands from standard input, one a
// line of a letter and up to three numbers or words; each is answered by one line:
//   w ADDRESS DATA, r ADDRESS    access of a register: response (and data)
//   t N                          N clocks
//   u N                          clocks until not busy, at most N
//   v TAP VALUE                  what the ADC measures more with the pilot
//   l LIGHT                      light at the inputs
//   f WHAT [DEVICE]              fault of the chain of DACs: sdi0 sdi1 sdo0 sdo1 sck0 cs0 cs1
//                                clr1 open0 DEVICE none
//   a WHAT                       fault of the ADC: dout0 dout1 none
//   g                            busy, done, interrupt, supply_off, clr_n, states, DAC outputs
// A pin that moves against the data sheet ends the run with its message.
#include "Vocs_board.h"
#include "verilated.h"
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

static Vocs_board top;
static long now = 0;
static std::string dac_fault = "none", adc_fault = "none";
static int device = 0;
static std::vector<Ltc2668> dacs(DEVICES);
static Ad7490 adc;
static unsigned levels[16];
static Line sdi, sdo, gone, din;
static bool was_cs = false;

static bool stuck(const char* line, bool value) {
  if (dac_fault == std::string(line) + "0") return false;
  if (dac_fault == std::string(line) + "1") return true;
  return value;
}

static void tick() {
  const double t = now * (1000.0 / CLOCK_MHZ);
  const bool falls = was_cs && !top.dac_cs_n;
  was_cs = top.dac_cs_n;
  sdi.set(stuck("sdi", top.dac_sdi), t);
  const Line* line = &sdi;
  for (int d = 0; d < DEVICES; d++) {
    auto& chip = dacs[d];
    chip.chain = DEVICES;
    if (dac_fault != "none") chip.trusted = false;
    chip.step(t, stuck("cs", top.dac_cs_n), stuck("sck", top.dac_sck), *line,
              stuck("clr", top.dac_clr_n));
    if (dac_fault == "none" && falls) chip.trusted = true;
    line = &chip.sdo;
    if (dac_fault == "open0" && d == device) gone.set(false, t), line = &gone;
  }
  sdo.set(stuck("sdo", line->at(t)), t);
  top.dac_sdo = sdo.at(t);
  din.set(top.adc_din, t);
  for (int n = 0; n < 16; n++) {
    const bool lit = top.pilot_on && top.pilot_level;
    adc.analog[n] = 500 + (lit ? levels[n] : 0);
  }
  adc.step(t, top.adc_cs_n, top.adc_sck, din);
  top.adc_dout = adc_fault == "none" ? adc.dout.at(t) : adc_fault == "dout1";
  top.clk = 1; top.eval();
  top.clk = 0; top.eval();
  now++;
}

static unsigned write(unsigned address, unsigned data) { return axi_write(top, tick, address, data); }

static unsigned read(unsigned address, unsigned* data) { return axi_read(top, tick, address, data); }

int main() try {
  top.rst = 1; top.eval(); tick(); tick(); top.rst = 0; tick();
  std::string text;
  while (std::getline(std::cin, text)) {
    std::istringstream words(text);
    char kind;
    words >> kind;
    unsigned a = 0, b = 0;
    if (kind == 'f') {
      words >> dac_fault >> device;
      std::printf("\n");
    } else if (kind == 'a') {
      words >> adc_fault;
      adc.trusted = adc.trusted && adc_fault == "none";
      std::printf("\n");
    } else {
      words >> a >> b;
    }
    if (kind == 'w') {
      std::printf("%u\n", write(a, b));
    } else if (kind == 'r') {
      unsigned data = 0;
      const unsigned response = read(a, &data);
      std::printf("%u %u\n", response, data);
    } else if (kind == 't') {
      while (a--) tick();
      std::printf("\n");
    } else if (kind == 'u') {
      unsigned n = 0;
      while (top.busy && n < a) tick(), n++;
      std::printf("%u\n", n);
    } else if (kind == 'v') {
      levels[a] = b;
      std::printf("\n");
    } else if (kind == 'l') {
      top.light = a;
      std::printf("\n");
    } else if (kind == 'g') {
      std::printf("%u %u %u %u %u %u", top.busy, top.done, top.__SYM__interrupt, top.supply_off,
                  top.dac_clr_n, top.cell_states);
      for (auto& chip : dacs)
        for (auto out : chip.output) std::printf(" %u", out);
      std::printf("\n");
    }
    std::fflush(stdout);
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s at %g ns\n", error.what(), now * 1000.0 / CLOCK_MHZ);
  return 3;
}
