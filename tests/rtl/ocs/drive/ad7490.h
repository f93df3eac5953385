// Behaviour and timing of an AD7490, by lightloom.rtl.ocs.drive.parts: a pin that moves against the
// data sheet throws. Times in ns. The pull is what a released DOUT goes to.
#pragma once
#include "ltc2668.h"

struct Ad7490 {
  double period = 62.5, duty = 0.4, lead = 12, first_bit = 30, delay = 60, setup = 20, hold = 5;
  double lag = 20, quiet = 50, release = 50;
  bool trusted = true, pull = false;
  std::array<std::uint16_t, 16> analog{};
  Line dout;
  long conversions = 0;

  bool cs = true, sck = true, first = true;
  double t_cs = -1e9, t_rise = -1e9, t_fall = -1e9, t_end = -1e9;
  int falls = 16;

  void check(bool ok, const std::string& what) const {
    if (!ok && trusted) throw std::runtime_error("AD7490: " + what);
  }

  void step(double t, bool cs_n, bool clock, const Line& din) {
    if (first) first = false, cs = cs_n, sck = clock;
    if (cs_n != cs) {
      cs = cs_n;
      t_cs = t;
      if (cs) {
        check(t - t_fall >= lag, "16th falling edge of SCLK to CS high");
        check(falls == 16, "length of a frame");
        dout.set(pull, t);
      } else {
        check(t - (t_end + release) >= quiet, "quiet time before CS");
        falls = 0;
        word = awake && dummies >= 1 ? address << 12 | analog[address] : 0xF000;
        conversions++;
        dout.set(word >> 15 & 1, t + first_bit);
      }
    }
    if (!cs && falls && din.since <= t && din.since > t_fall)
      check(din.since - t_fall >= hold, "hold of DIN");
    if (clock != sck) {
      sck = clock;
      if (clock) {
        check(cs || t - t_fall >= duty * period, "SCLK low");
        t_rise = t;
        return;
      }
      if (!cs && falls < 16) {
        check(t - t_cs >= lead, "CS to SCLK");
        check(din.since > t || t - din.since >= setup, "setup of DIN");
        if (falls) {
          double length = t - t_fall;
          check(length >= period, "SCLK period");
          check(t - t_rise >= duty * length - 1e-6, "SCLK high");
          check(t_rise - t_fall >= duty * length - 1e-6, "SCLK low");
        }
        control = control << 1 | din.at(t);
        falls++;
        if (falls == 12) write(control & 0xFFF);
        if (falls < 16) {
          dout.set(word >> (15 - falls) & 1, t + delay);
        } else {
          dout.set(pull, t + release);
          t_end = t;
        }
      }
      t_fall = t;
    }
  }

 private:
  unsigned word = 0, control = 0, address = 15;
  int dummies = 0;
  bool awake = false;

  void write(unsigned value) {
    if (!(value >> 11)) return;
    address = value >> 6 & 15;
    if (value == 0xFFF) {
      dummies++;
      return;
    }
    check((value >> 10 & 1) == 0 && (value >> 3 & 1) == 0, "sequencer is not expected");
    check((value & 1) == 1, "coding");
    awake = (value >> 4 & 3) == 3;
  }
};
