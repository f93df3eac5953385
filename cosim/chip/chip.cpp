// A switch chip with its lock and drive: verilated RTL, heaters, light and converters, at the controller's clock.
//
// The first argument is the chip as `lightloom.cosim.chip.session` writes it; commands come from standard input:
//   set NAME VALUE     an input of the RTL           pulse NAME         for one clock
//   states HEX         cell 0 lowest                 light HEX          input 0 lowest
//   table C F D        a write of the calibration    level I P          power of input I, 1 = design
//   depth D            of the pilot                  ramp FROM TO S     temperature over S seconds from now
//   run S STEP         prints a record each STEP seconds
//   until NAME S       until an output of the RTL is not 0, at most S seconds
//   get NAME...        outputs of the RTL            codes              heater codes
//   fields             power at each output and tap from each input
//   phases             of the heaters in rad
// Each command but the settings ends its answer with a line `ok TIME`.
#include "Vchip.h"
#include "verilated.h"
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

using Complex = std::complex<double>;

// Normal numbers by a counter: the same whatever was asked before.
struct Noise {
  std::uint64_t key = 0, count = 0;
  double uniform() {
    std::uint64_t z = (key + ++count) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    return ((z >> 11) + 0.5) * 0x1p-53;
  }
  double normal() {
    const double u = uniform(), v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * M_PI * v);
  }
};

struct Step {
  int a, b = -1, heater = -1;
  double per_k, angle = 0;
  Complex m[4];
};

struct Chip {
  int lines, inputs, outputs, taps, heaters;
  double rise, conduct, resist;  // temperature coefficients of the heaters
  std::vector<Step> steps;
  std::vector<int> ends;  // lines of the outputs, then of the taps
  std::vector<double> radians, tau_s, mix;
  double kelvin = 0;
  std::vector<double> heat, target;  // of each heater, as a share of the full power
  std::vector<double> power;         // [end][input]
  std::vector<double> phases;
  std::vector<int> lit;  // inputs with light; nothing is computed of others but for records
  double done_kelvin = 1e9;
  bool stale = true, whole = false;

  void read(const char* path) {
    std::ifstream in(path);
    std::size_t count;
    in >> lines >> inputs >> outputs >> taps >> heaters >> rise >> conduct >> resist >> count;
    for (std::size_t i = 0; i < count; i++) {
      Step s;
      int parts = 0;
      in >> s.a >> s.b >> s.heater >> s.per_k >> s.angle;
      parts = s.b < 0 ? 1 : 4;
      for (int k = 0; k < parts; k++) {
        double re, im;
        in >> re >> im;
        s.m[k] = {re, im};
      }
      steps.push_back(s);
    }
    ends.resize(outputs + taps);
    for (int& e : ends) in >> e;
    radians.resize(heaters), tau_s.resize(heaters), mix.resize(heaters * heaters);
    for (double& v : radians) in >> v;
    for (double& v : tau_s) in >> v;
    for (double& v : mix) in >> v;
    if (!in) std::fprintf(stderr, "chip: file ends early\n"), std::exit(2);
    heat.assign(heaters, 0), target = heat;
  }

  void pass(double seconds) {
    for (int h = 0; h < heaters; h++) {
      const double rest = heat[h] - target[h];
      if (rest == 0) continue;
      heat[h] = std::fabs(rest) < 1e-8 ? target[h] : target[h] + rest * std::exp(-seconds / tau_s[h]);
      stale = true;
    }
  }

  // Light at all ends; of the inputs that are lit, or of all.
  void shine(bool all = false) {
    if (!stale && std::fabs(kelvin - done_kelvin) < 1e-3 && whole >= all) return;
    stale = false, done_kelvin = kelvin, whole = all;
    const double gain = (1 + rise * kelvin) / (1 + conduct * kelvin) / (1 + resist * kelvin);
    phases.assign(heaters, 0);
    for (int h = 0; h < heaters; h++)
      for (int k = 0; k < heaters; k++) phases[h] += mix[h * heaters + k] * radians[k] * heat[k] * gain;
    const int n = all ? inputs : int(lit.size());
    const auto input = [&](int i) { return all ? i : lit[i]; };
    std::vector<Complex> field(lines * n);
    for (int i = 0; i < n; i++) field[input(i) * n + i] = 1;
    for (const Step& s : steps) {
      Complex* a = &field[s.a * n];
      if (s.b < 0) {
        const double turn = s.per_k * kelvin + (s.heater < 0 ? 0 : phases[s.heater]);
        const Complex t = s.m[0] * std::polar(1.0, -turn);
        for (int i = 0; i < n; i++) a[i] *= t;
        continue;
      }
      Complex* b = &field[s.b * n];
      const double angle = s.angle * (1 + s.per_k * kelvin);
      const Complex c = std::cos(angle), x = Complex(0, -std::sin(angle));
      const Complex m0 = c * s.m[0] + x * s.m[2], m1 = c * s.m[1] + x * s.m[3];
      const Complex m2 = x * s.m[0] + c * s.m[2], m3 = x * s.m[1] + c * s.m[3];
      for (int i = 0; i < n; i++) {
        const Complex p = a[i], q = b[i];
        a[i] = m0 * p + m1 * q, b[i] = m2 * p + m3 * q;
      }
    }
    power.assign(ends.size() * inputs, 0);
    for (std::size_t e = 0; e < ends.size(); e++)
      for (int i = 0; i < n; i++) power[e * inputs + input(i)] = std::norm(field[ends[e] * n + i]);
  }
};

static Vchip top;
static Chip chip;
static Noise noise;
static std::uint64_t clocks = 0, driven = 0;
static double clock_s, depth = 0.1;
static double shot, thermal, full;  // of a conversion: shot noise per root of full scale, noise in LSB, light
static std::vector<double> level;
static double ramp_from = 0, ramp_to = 0, ramp_start = 0, ramp_s = 0;
static int sample_clocks, latency_clocks, dac_bits, converting = 0;
static unsigned pending_channel = 0;
static unsigned pending_value = 0;

static double now() { return clocks * clock_s; }

template <class T> static unsigned bits(const T& wide, int at, int width) {
  unsigned out = 0;
  for (int i = 0; i < width; i++) {
    const int b = at + i;
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
    for (std::size_t i = 0; i < sizeof(wide) / 4; i++) wide[i] = 0;
    for (std::size_t i = 0; i < digits.size(); i++) {
      const unsigned v = std::stoul(digits.substr(digits.size() - 1 - i, 1), nullptr, 16);
      wide[i / 8] |= v << 4 * (i % 8);
    }
  }
}

static void temperature() {
  const double t = ramp_s > 0 ? std::min(1.0, (now() - ramp_start) / ramp_s) : 1.0;
  chip.kelvin = ramp_from + (ramp_to - ramp_from) * t;
}

// What the converter sees of a tap in this moment.
static unsigned convert(unsigned channel) {
  temperature();
  chip.pass((clocks - driven) * clock_s);
  driven = clocks;
  chip.shine();
  double light = 0;
  if (channel < unsigned(chip.taps)) {
    const double* p = &chip.power[(chip.outputs + channel) * chip.inputs];
    for (int i = 0; i < chip.inputs; i++) {
      double mark = 1;
      if (top.pilot_on && int(top.pilot_source) == i) mark += top.pilot_level ? depth : -depth;
      light += p[i] * level[i] * mark;
    }
  }
  light /= full;
  const double lsb = 4095 * light + noise.normal() * std::hypot(thermal, shot * std::sqrt(light));
  return unsigned(std::min(4095.0, std::max(0.0, std::floor(lsb + 0.5))));
}

static void step() {
  top.sample_valid = 0;
  if (++converting >= sample_clocks) {
    converting = 0;
    pending_channel = top.channel;
    pending_value = convert(pending_channel);
  } else if (converting == latency_clocks) {
    top.sample_valid = 1;
    top.sample_channel = pending_channel;
    top.sample_value = pending_value;
  }
  top.clk = 1;
  top.eval();
  top.clk = 0;
  top.eval();
  clocks++;
  if (top.tick) {
    chip.pass((clocks - driven) * clock_s);
    driven = clocks;
    const double most = (1 << dac_bits) - 1;
    for (int h = 0; h < chip.heaters; h++) {
      const double u = bits(top.codes, h * dac_bits, dac_bits) / most;
      if (chip.target[h] != u * u) chip.target[h] = u * u, chip.stale = true;
    }
  }
}

static void record() {
  temperature();
  chip.pass((clocks - driven) * clock_s);
  driven = clocks;
  chip.shine(true);
}

#define IN(name) {#name, [](long v) { top.name = v; }}
#define OUT(name, width) {#name, []() { return long(std::int64_t(std::uint64_t(top.name) << (64 - width)) >> (64 - width)); }}
#define FLAG(name) {#name, []() { return long(top.name); }}

int main(int count, char** arguments) {
  if (count != 9) return std::fprintf(stderr, "chip: 8 arguments\n"), 2;
  chip.read(arguments[1]);
  clock_s = 1 / std::atof(arguments[2]);
  dac_bits = std::atoi(arguments[3]);
  full = std::atof(arguments[4]);
  thermal = std::atof(arguments[5]);
  shot = std::atof(arguments[6]);
  sample_clocks = std::atoi(arguments[7]);
  noise.key = std::strtoull(arguments[8], nullptr, 10) << 32;
  latency_clocks = sample_clocks - 1;
  level.assign(chip.inputs, 0.0);
  const std::map<std::string, void (*)(long)> inputs = {
      IN(enable), IN(parked), IN(amplitude), IN(wait), IN(groups), IN(repeats), IN(guard), IN(patience), IN(gain), IN(step),
      IN(limit), IN(floor), IN(tolerance), IN(tick_clocks), IN(settle_clocks), IN(sweep_cell), IN(sweep_source),
      IN(sweep_tap), IN(sweep_first), IN(sweep_step), IN(sweep_count), IN(sweep_threshold), IN(budget),
      IN(sweep_start), IN(sweep_stop), IN(change), IN(clear)};
  const std::map<std::string, long (*)()> outputs = {
      FLAG(settled), FLAG(locked), FLAG(round), FLAG(visited), FLAG(visited_cell), FLAG(held), FLAG(limited),
      OUT(error, 17), FLAG(sweep_busy), FLAG(sweep_done), FLAG(sweep_silent), OUT(sweep_low, 31),
      OUT(sweep_high, 31), FLAG(sweep_low_at), FLAG(sweep_high_at), FLAG(sweep_below_first),
      FLAG(sweep_below_last), FLAG(sweep_below), FLAG(sweep_edge), FLAG(sweep_parts), FLAG(trim_write),
      FLAG(trim_cell), OUT(trim_value, 16), FLAG(power)};
  top.parked = 1;
  top.rst = 1;
  step();
  top.rst = 0;
  std::string line, word;
  while (std::getline(std::cin, line)) {
    std::istringstream in(line);
    in >> word;
    if (word == "set") {
      long value;
      in >> word >> value;
      inputs.at(word)(value);
      continue;
    } else if (word == "pulse") {
      in >> word;
      inputs.at(word)(1);
      step();
      inputs.at(word)(0);
      continue;
    } else if (word == "states") {
      in >> word;
      load(top.states, word);
      continue;
    } else if (word == "light") {
      in >> word;
      load(top.light, word);
      continue;
    } else if (word == "table") {
      long cell, field, data;
      in >> cell >> field >> data;
      top.table_cell = cell, top.table_field = field, top.table_data = data, top.table_write = 1;
      step();
      top.table_write = 0;
      continue;
    } else if (word == "level") {
      int i;
      double p;
      in >> i >> p;
      level.at(i) = p;
      chip.lit.clear(), chip.stale = true;
      for (int k = 0; k < chip.inputs; k++)
        if (level[k] > 0) chip.lit.push_back(k);
      continue;
    } else if (word == "depth") {
      in >> depth;
      continue;
    } else if (word == "ramp") {
      in >> ramp_from >> ramp_to >> ramp_s;
      ramp_start = now();
      continue;
    } else if (word == "run") {
      double seconds, every;
      in >> seconds >> every;
      const double start = now();
      double next = start;
      long rounds = 0, lost = 0, limited = 0;
      while (now() - start < seconds) {
        step();
        rounds += top.round, lost += top.visited & top.held, limited += top.visited & top.limited;
        if (now() >= next) {
          next += every;
          record();
          std::printf("r %.9g %.6g %d %ld %ld %ld %d", now(), chip.kelvin, int(top.locked), rounds, lost, limited,
                      top.dither_on ? int(top.dither_cell) : -1);
          for (int e = 0; e < chip.outputs * chip.inputs; e++) std::printf(" %.6e", chip.power[e]);
          std::printf("\n");
        }
      }
    } else if (word == "until") {
      double seconds;
      in >> word >> seconds;
      const double start = now();
      const auto test = outputs.at(word);
      do step();
      while (!test() && now() - start < seconds);
      std::printf("v %d\n", test() != 0);
    } else if (word == "get") {
      std::printf("v");
      while (in >> word) std::printf(" %ld", outputs.at(word)());
      std::printf("\n");
    } else if (word == "codes") {
      std::printf("v");
      for (int h = 0; h < chip.heaters; h++) std::printf(" %u", bits(top.codes, h * dac_bits, dac_bits));
      std::printf("\n");
    } else if (word == "phases") {
      record();
      std::printf("v");
      for (double p : chip.phases) std::printf(" %.9g", p);
      std::printf("\n");
    } else if (word == "fields") {
      record();
      std::printf("v");
      for (double p : chip.power) std::printf(" %.9e", p);
      std::printf("\n");
    } else {
      return std::fprintf(stderr, "chip: unknown command %s\n", word.c_str()), 2;
    }
    std::printf("ok %.9g\n", now());
    std::fflush(stdout);
  }
}
