// Behaviour and timing of an LTC2668-16, by lightloom.rtl.ocs.drive.parts: a pin that moves against
// the data sheet throws. Times in ns.
#pragma once
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>

// A pin: what it was, what it is from a time on.
struct Line {
  bool before = false, after = false;
  double since = -1e9;
  bool at(double t) const { return t >= since ? after : before; }
  void set(bool value, double t) {
    if (value == after) return;
    before = after;
    after = value;
    since = t;
  }
};

struct Ltc2668 {
  // Limits of the data sheet.
  double period = 20, high = 9, low = 9, setup = 6, hold = 6, lead = 7, lag = 7, deselect = 10;
  double ignore = 7, delay = 30, clear = 20;
  int chain = 1;  // chips in the chain: words of a frame
  // Low while the board is broken, up to the first whole frame after that: what a chip then gets is
  // not the controller's doing.
  bool trusted = true;

  std::uint32_t shift = 0;
  std::array<std::uint16_t, 16> input{}, output{};
  Line sdo;
  long loads = 0;

  // Pins of the last call.
  bool cs = true, sck = false, clr = true, first = true;
  double t_cs = -1e9, t_rise = -1e9, t_fall = -1e9, t_clr = -1e9;
  int edges = 0;

  void check(bool ok, const std::string& what) const {
    if (!ok && trusted) throw std::runtime_error("LTC2668: " + what);
  }

  void step(double t, bool cs_n, bool clock, const Line& sdi, bool clr_n) {
    if (first) first = false, cs = cs_n, sck = clock, clr = clr_n;
    if (clr_n != clr) {
      if (clr_n) check(t - t_clr >= clear, "CLR low");
      t_clr = t;
      clr = clr_n;
    }
    if (cs_n != cs) {
      if (cs_n) {
        check(t - t_rise >= lag, "SCK high to CS/LD high");
        check(edges == 32 * chain, "length of a frame");
        load();
      } else {
        check(t - t_cs >= deselect, "CS/LD high");
        check(!clock && t - t_fall >= 0, "SCK high when CS/LD falls");
        edges = 0;
      }
      t_cs = t;
      cs = cs_n;
    }
    if (!cs && sdi.since <= t && sdi.since > t_rise && edges)
      check(sdi.since - t_rise >= hold, "hold of SDI");
    if (clock != sck) {
      sck = clock;
      if (clock) {
        check(t - t_fall >= low, "SCK low");
        check(t - t_rise >= period, "SCK period");
        t_rise = t;
        if (cs) {
          check(t - t_cs >= ignore, "CS/LD high to SCK");
        } else {
          check(t - t_cs >= lead, "CS/LD low to SCK");
          check(sdi.since > t || t - sdi.since >= setup, "setup of SDI");
          top = shift >> 31;
          shift = shift << 1 | sdi.at(t);
          edges++;
        }
      } else {
        check(t - t_rise >= high, "SCK high");
        t_fall = t;
        if (!cs) sdo.set(shift >> 31, t + delay);
      }
    }
    if (!clr) input.fill(0), output.fill(0);
  }

 private:
  bool top = false;

  void load() {
    loads++;
    unsigned command = shift >> 20 & 15, address = shift >> 16 & 15;
    std::uint16_t data = shift;
    switch (command) {
      case 0: input[address] = data; break;
      case 1: output[address] = input[address]; break;
      case 2: input[address] = data, output = input; break;
      case 3: input[address] = data, output[address] = data; break;
      case 8: input.fill(data); break;
      case 9: output = input; break;
      case 10: input.fill(data), output = input; break;
      case 15: break;
      default: check(false, "command " + std::to_string(command) + " is not expected");
    }
  }
};
