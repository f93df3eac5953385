// RINGS add-drop rings on a bus, each by its closed form, under the verilated lock.
// Arguments: drift in pm a millisecond from 60 ms on, laser to cut (-1 none), time to cut it and to restore it in ms, duration in ms,
// rest wavelengths in pm below the first laser, one a ring, then dead heater (-1 none).
#include "Vring.h"
#include "verilated.h"
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int, char** a) {
  const double drift = std::atof(a[1]);
  const int cut = std::atoi(a[2]);
  const double off = std::atof(a[3]), on = std::atof(a[4]), end = std::atof(a[5]);
  std::vector<double> rest;
  for (int k = 0; k < RINGS; k++) rest.push_back(-std::atof(a[6 + k]));
  const int dead = std::atoi(a[6 + RINGS]);
  Vring top;
  top.rst = 1, top.clk = 1, top.eval(), top.clk = 0, top.eval(), top.rst = 0;
  top.enable = 1, top.wait = 40, top.sweep_step = 4, top.amplitude = 3, top.slack = SPACING / PM / 2, top.gain = 3;
  top.threshold = 800, top.hold = 200, top.patience = 50;
  double heat[RINGS] = {};
  unsigned seed = 1;
  const double clocks_ms = 1000;  // 1 MHz
  for (long n = 0; n < end * clocks_ms; n++) {
    const double ms = n / clocks_ms, shift = drift * std::fmax(0.0, ms - 60);
    const int k = top.channel;
    top.sample_valid = n % 2 == 0;
    if (top.sample_valid) {
      for (int r = 0; r < RINGS; r++) {
        unsigned long long all = 0;
        for (int bit = 0; bit < BITS; bit++) {
          const int at = r * BITS + bit;
          all |= (unsigned long long)(WORD(at) & 1) << bit;
        }
        const double target = r == dead ? 0 : all * PM;
        heat[r] += (target - heat[r]) * (1 - std::exp(-2.0 / 10.0));  // 10 us
      }
      double seen = 0;
      for (int laser = 0; laser < RINGS; laser++) {
        double light = laser == cut && ms >= off && ms < on ? 0.0 : 1.0;
        for (int r = 0; r <= k; r++) {
          const double d = (rest[r] + heat[r] + shift - laser * SPACING) / (FWHM / 2);
          // Field closed form of rings.py at the equal couplers of FINESSE, near a resonance a Lorentzian.
          const double drop = 0.9 / (1 + d * d);
          if (r == k) seen += light * drop;
          light *= 1 - drop;
        }
      }
      seed = seed * 1664525u + 1013904223u;
      const double noise = ((seed >> 16) / 65536.0 - 0.5) * 8;
      const double value = 3000 * seen + noise;
      top.sample_value = value < 0 ? 0 : value > 4095 ? 4095 : value, top.sample_channel = k;
    }
    top.clk = 1, top.eval(), top.clk = 0, top.eval();
    if (n % 1000 == 999) {
      std::printf("%.0f %d %d %d %d %d", ms, top.locked, top.failed, top.dark, top.searching, top.order);
      for (int r = 0; r < RINGS; r++) {
        const double tuned = rest[r] + heat[r] + shift;
        std::printf(" %.3f", tuned);
      }
      std::printf("\n");
    }
  }
}
