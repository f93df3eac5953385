// Rows of two blocks through a transmit coder, a channel of bits and a receive coder, from each
// offset of the first bit in turn; every row that comes out is compared with the one that went in.
// Arguments `name=value`; prints one line of JSON for each offset.
//
//   seed, clocks     random numbers, length
//   first, last      offsets: bits of noise in front of the line's first bit
//   marker_rows      rows from a marker to the next
//   cut_at, cut      bits that are left out of the line, and from which on
//   invert           the line has the wrong polarity
#include "Vpair.h"
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string>

enum { IDLE, DATA, START, MARKER, ERROR, TERM0 = 8 };

static uint64_t mix(uint64_t z) {
  z += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

struct Row {
  int kinds[2];
  uint64_t data[2];
};
static std::map<std::string, long> arg;

static Row make(long n) {
  static const int others[] = {IDLE, START, ERROR, 8, 9, 10, 11, 12, 13, 14, 15};
  Row row;
  for (int j = 0; j < 2; j++) {
    const uint64_t h = mix(arg["seed"] ^ mix(uint64_t(n) * 2 + j));
    row.data[j] = mix(h);
    row.kinds[j] = h % 30 < 11 ? others[h % 30] : DATA;
    if (n % arg["marker_rows"] == 0) row.kinds[j] = MARKER;
  }
  return row;
}
// Number of its marker is in the upper half of a marker word, the second block's bit apart.
static uint32_t marker_word(long n) { return uint32_t(n / arg["marker_rows"]) << 16 | 0x0103; }

static bool same(const Row& sent, const Row& got) {
  for (int j = 0; j < 2; j++) {
    if (got.kinds[j] != sent.kinds[j]) return false;
    if (sent.kinds[j] == DATA && got.data[j] != sent.data[j]) return false;
    if (sent.kinds[j] >= TERM0) {
      const uint64_t used = (1ull << 8 * (sent.kinds[j] - TERM0)) - 1;
      if (got.data[j] != (sent.data[j] & used)) return false;
    }
  }
  return true;
}

static void run(long offset) {
  Vpair top;
  std::deque<uint8_t> line;
  for (long n = 0; n < offset; n++) line.push_back(mix(arg["seed"] + n) & 1);
  long taken = 0, expected = -1, sent_bits = 0;
  long locked_at = -1, losses = 0, good = 0, wrong = 0, unknown = 0, headers = 0, markers = 0;
  bool was_locked = false;
  top.tx_run = 1;
  top.tx_seed = mix(arg["seed"]) >> 6;
  top.rx_run = 1;
  for (long clock = 0; clock < arg["clocks"]; clock++) {
    const Row row = make(taken);
    top.tx_kinds = row.kinds[0] | row.kinds[1] << 4;
    memcpy(&top.tx_data, row.data, 16);
    top.tx_marker = marker_word(taken);
    top.rx_i_valid = line.size() >= 128;
    uint32_t word[4] = {0, 0, 0, 0};
    for (int n = 0; top.rx_i_valid && n < 128; n++) {
      word[n >> 5] |= uint32_t(line.front() ^ arg["invert"]) << (n & 31);
      line.pop_front();
    }
    memcpy(&top.rx_i, word, 16);
    top.eval();
    const bool slot = top.tx_slot;
    top.clk = 1;
    top.eval();
    top.clk = 0;
    top.eval();
    taken += slot;
    memcpy(word, &top.tx_word, 16);
    for (int n = 0; n < 128; n++, sent_bits++)
      if (sent_bits < arg["cut_at"] || sent_bits >= arg["cut_at"] + arg["cut"])
        line.push_back(word[n >> 5] >> (n & 31) & 1);
    headers += top.rx_header_errors;
    if (top.rx_locked && locked_at < 0) locked_at = clock;
    losses += was_locked && !top.rx_locked;
    was_locked = top.rx_locked;
    if (!was_locked) expected = -1;
    if (!top.rx_valid) continue;
    Row got = {{top.rx_kinds & 15, top.rx_kinds >> 4}, {}};
    memcpy(got.data, &top.rx_data, 16);
    if (got.kinds[0] == MARKER) {
      markers++;
      const long n = (got.data[0] >> 16 & 0xFFFF) * arg["marker_rows"];
      const bool words = uint32_t(got.data[0]) == marker_word(n) &&
                         uint32_t(got.data[1]) == (marker_word(n) | 0x8000);
      if (!words || got.kinds[1] != MARKER || (expected >= 0 && n != expected)) wrong++;
      expected = n;
    }
    if (expected < 0)
      unknown++;
    else
      (same(make(expected++), got) ? good : wrong)++;
  }
  std::printf("{\"offset\": %ld, \"locked_at\": %ld, \"losses\": %ld, \"good\": %ld, "
              "\"wrong\": %ld, \"unknown\": %ld, \"headers\": %ld, \"markers\": %ld, "
              "\"locked\": %d, \"taken\": %ld}\n",
              offset, locked_at, losses, good, wrong, unknown, headers, markers, was_locked, taken);
}

int main(int count, char** values) {
  arg = {{"seed", 1}, {"clocks", 1000}, {"first", 0}, {"last", 131}, {"marker_rows", 64}};
  for (int n = 1; n < count; n++) {
    const char* equals = std::strchr(values[n], '=');
    arg[std::string(values[n], std::size_t(equals - values[n]))] = std::atol(equals + 1);
  }
  for (long offset = arg["first"]; offset <= arg["last"]; offset++) run(offset);
}
