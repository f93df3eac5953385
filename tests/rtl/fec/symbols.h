// Symbols of 10 bits in the ports of a Verilated model, and a small generator of random numbers.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>
#include "verilated.h"

constexpr int BITS = 10;

template <class T> struct Port {
  static unsigned get(const T& port, int j) { return unsigned(port >> (BITS * j)) & 1023; }
  static void set(T& port, int j, unsigned value) {
    port = T((port & ~(T(1023) << (BITS * j))) | (T(value) << (BITS * j)));
  }
};

template <std::size_t W> struct Port<VlWide<W>> {
  static unsigned get(const VlWide<W>& port, int j) {
    unsigned bit = BITS * j, word = bit / 32, at = bit % 32;
    uint64_t pair = port[word] | (word + 1 < W ? uint64_t(port[word + 1]) << 32 : 0);
    return (pair >> at) & 1023;
  }
  static void set(VlWide<W>& port, int j, unsigned value) {
    for (int b = 0; b < BITS; b++) {
      unsigned bit = BITS * j + b;
      uint32_t mask = 1u << (bit % 32);
      port[bit / 32] = (port[bit / 32] & ~mask) | ((value >> b & 1) ? mask : 0);
    }
  }
};

template <class T> unsigned get(const T& port, int j) { return Port<T>::get(port, j); }
template <class T> void set(T& port, int j, unsigned value) { Port<T>::set(port, j, value); }

struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15ull + 1) {}
  uint64_t next() {
    uint64_t z = (state += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  unsigned below(unsigned limit) { return unsigned((next() >> 32) * limit >> 32); }
  double unit() { return (next() >> 11) * 0x1p-53; }
};

template <class Top> void clock(Top& top) {
  top.clk = 0;
  top.eval();
  top.clk = 1;
  top.eval();
}
