// Rows through a transmit coder, a channel of bits and a receive coder; every row that comes out is
// compared with the one that went in. Arguments `name=value`; prints one line of JSON.
//
//   seed, clocks     random numbers, length
//   offset           bits of noise in front of the line's first bit
//   marker_rows      rows from a marker to the next
//   ber              probability of an error of a bit
//   burst, every     length of a burst of wrong bits, and bits from one to the next
//   run              percent of the clocks in which the line moves
//   quiet            line bits before which there is no error
//   bypass           input of the receiver
//   cut, cut_clocks  clock from which the receiver's `run` is low, and how long
//   slip             line bit that is left out
#include "Vpair.h"
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

enum { IDLE, DATA, START, MARKER, ERROR, TERM0 = 8 };

static uint64_t mix(uint64_t z) {
  z += 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

struct Random {
  uint64_t state;
  uint64_t next() { return mix(state += 0xD1B54A32D192ED03ull); }
  double unit() { return ((next() >> 11) + 0.5) * 0x1p-53; }
};

template <class T> struct Port {
  static unsigned word(const T& p, int n) { return unsigned(uint64_t(p) >> 32 * n); }
  static void set(T& p, int n, unsigned v) {
    p = T((uint64_t(p) & ~(0xFFFFFFFFull << 32 * n)) | uint64_t(v) << 32 * n);
  }
};
template <std::size_t W> struct Port<VlWide<W>> {
  static unsigned word(const VlWide<W>& p, int n) { return p[n]; }
  static void set(VlWide<W>& p, int n, unsigned v) { p[n] = v; }
};
template <class T> unsigned word(const T& p, int n) { return Port<T>::word(p, n); }
template <class T> void put(T& p, int n, unsigned v) { Port<T>::set(p, n, v); }
template <class T> uint64_t get64(const T& p, int n) {
  return word(p, 2 * n) | uint64_t(word(p, 2 * n + 1)) << 32;
}

struct Row {
  int kinds[4];
  uint64_t data[4];
};

static std::map<std::string, double> arg;
static uint64_t seed;
static long marker_rows;

static Row make(long n) {
  Row row;
  for (int j = 0; j < 4; j++) {
    uint64_t h = mix(seed ^ mix(uint64_t(n) * 4 + j));
    row.data[j] = mix(h);
    int pick = h % 40;
    static const int others[] = {IDLE, START, ERROR, 8, 9, 10, 11, 12, 13, 14, 15};
    row.kinds[j] = pick < 11 ? others[pick] : DATA;
  }
  if (n % marker_rows == 0) {
    for (int j = 0; j < 4; j++) row.kinds[j] = MARKER, row.data[j] = j ? 0 : row.data[j];
    row.data[0] = (row.data[0] & 0xFFFF) | (uint64_t(n / marker_rows) & 0xFFFF) << 16;
  }
  return row;
}

static bool same(const Row& sent, const Row& got) {
  for (int j = 0; j < 4; j++) {
    if (sent.kinds[j] != got.kinds[j]) return false;
    int kind = sent.kinds[j];
    if ((kind == DATA || kind == MARKER) && sent.data[j] != got.data[j]) return false;
    if (kind >= TERM0) {
      uint64_t kept = kind == TERM0 ? 0 : sent.data[j] & ((1ull << 8 * (kind - TERM0)) - 1);
      if (kept != got.data[j]) return false;
    }
  }
  return true;
}

int main(int argc, char** argv) {
  for (int n = 1; n < argc; n++) {
    char* equal = std::strchr(argv[n], '=');
    std::string name(argv[n], equal - argv[n]);
    arg[name] = std::atof(equal + 1);
  }
  auto given = [](const char* name, double other) { return arg.count(name) ? arg[name] : other; };
  seed = uint64_t(given("seed", 1));
  marker_rows = long(given("marker_rows", 80));
  long clocks = long(given("clocks", 10000)), offset = long(given("offset", 0));
  long quiet = long(given("quiet", 0)), slip = long(given("slip", -1));
  long burst = long(given("burst", 0)), every = long(given("every", 1));
  long cut = long(given("cut", -1)), cut_clocks = long(given("cut_clocks", 4));
  double ber = given("ber", 0), percent = given("run", 100);
  Random random{mix(seed + 77)};

  // Line bits that the receiver has not taken, the first of them `taken` bits from the start.
  std::vector<unsigned char> queue;
  for (long n = 0; n < offset; n++) queue.push_back(random.next() & 1);
  long line_bits = offset, next_error = -1;
  auto skip = [&] { return 1 + long(std::log(random.unit()) / std::log1p(-ber)); };
  if (ber > 0) next_error = std::max(quiet, line_bits) + skip() - 1;
  long errors = 0;

  long sent = 0, index = -1;
  long good = 0, bad = 0, wrong = 0, markers = 0, locks = 0, losses = 0, unknown = 0;
  long codewords = 0, corrected = 0, uncorrectable = 0, symbols = 0, headers = 0, locked_at = -1, slots = 0;
  long tx_first = -1, tx_worst = 0, misplaced = 0;
  std::vector<long> slot_clock, word_clock;  // of a row; of a line word at the receiver
  long row_least = 1 << 30, row_most = 0, first_least = 1 << 30, first_most = 0;
  long tx_words = 0;
  bool was_locked = false, feed = false;

  Vpair top;
  top.rst = 0;
  top.tx_seed = mix(seed) >> 6;
  top.rx_bypass = given("bypass", 0) != 0;
  for (long t = 0; t < clocks; t++) {
    Row row = make(sent);
    unsigned kinds = 0;
    for (int j = 0; j < 4; j++) {
      kinds |= row.kinds[j] << 4 * j;
      put(top.tx_data, 2 * j, unsigned(row.data[j]));
      put(top.tx_data, 2 * j + 1, unsigned(row.data[j] >> 32));
    }
    top.tx_kinds = kinds;
    top.tx_marker = unsigned(row.data[0]);
    bool run = percent >= 100 || random.unit() * 100 < percent;
    top.tx_run = run;
    top.rx_run = !(t >= cut && t < cut + cut_clocks);
    top.rx_i_valid = feed;
    if (feed) {
      for (int n = 0; n < LINE_BITS; n += 32) {
        unsigned value = 0;
        for (int b = 0; b < 32 && n + b < LINE_BITS; b++) value |= unsigned(queue[n + b]) << b;
        put(top.rx_i, n / 32, value);
      }
      queue.erase(queue.begin(), queue.begin() + LINE_BITS);
      word_clock.push_back(t);
    }
    top.clk = 0;
    top.eval();
    if (top.tx_slot) sent++, slots++, slot_clock.push_back(t);

    if (top.rx_locked && !was_locked) locks++, locked_at = locked_at < 0 ? t : locked_at;
    if (!top.rx_locked && was_locked) losses++;
    was_locked = top.rx_locked;
    if (!top.rx_locked) index = -1;
    codewords += top.rx_codeword;
    corrected += top.rx_corrected;
    uncorrectable += top.rx_uncorrectable;
    symbols += top.rx_symbol_errors;
    headers += top.rx_header_errors;
    if (top.rx_valid) {
      Row got;
      for (int j = 0; j < 4; j++) {
        got.kinds[j] = top.rx_kinds >> 4 * j & 15;
        got.data[j] = get64(top.rx_data, j);
      }
      if (got.kinds[0] == MARKER) {
        markers++;
        long number = got.data[0] >> 16 & 0xFFFF;
        if (index >= 0 && index != number * marker_rows) misplaced++;
        index = number * marker_rows;
      }
      bool error = true;
      for (int j = 0; j < 4; j++) error = error && got.kinds[j] == ERROR;
      if (index < 0) {
        unknown += !error;
      } else {
        if (same(make(index), got)) good++;
        else if (error) bad++;
        else wrong++;
        long in_group = index % GROUP_ROWS;
        long last = offset + (index / GROUP_ROWS + 1) * long(GROUP_BITS) - 1;
        if (slip < 0 && last / LINE_BITS < long(word_clock.size())) {
          long late = t - word_clock[last / LINE_BITS];
          if (in_group == 0) first_least = std::min(first_least, late);
          if (in_group == 0) first_most = std::max(first_most, late);
          row_least = std::min(row_least, late - in_group);
          row_most = std::max(row_most, late - in_group);
        }
        index++;
      }
    }
    top.clk = 1;
    top.eval();

    feed = false;
    if (run) {
      // The first bit of row r of group g stands at a place of the line that the code gives.
      long start = tx_words * LINE_BITS;
      bool live = t >= TX_LATENCY - 1;
      tx_words += live;
      for (int n = 0; live && n < LINE_BITS; n++) {
        long at = start + n;
        if (at % GROUP_BITS < GROUP_ROWS * 257L && at % GROUP_BITS % 257 == 0) {
          long r = at / GROUP_BITS * GROUP_ROWS + at % GROUP_BITS / 257;
          long late = t + 1 - slot_clock[r];
          if (r == 0) tx_first = late;
          tx_worst = std::max(tx_worst, late);
        }
        bool bit = word(top.tx_word, n / 32) >> n % 32 & 1;
        bool flip = false;
        if (ber > 0 && line_bits == next_error) flip = true, next_error += skip();
        if (burst && line_bits >= quiet && (line_bits - offset) % every < burst) flip = true;
        errors += flip;
        if (line_bits++ != slip) queue.push_back(bit ^ flip);
      }
      feed = long(queue.size()) >= LINE_BITS;
    }
  }
  std::printf(
      "{\"good\": %ld, \"bad\": %ld, \"wrong\": %ld, \"unknown\": %ld, \"markers\": %ld, "
      "\"misplaced\": %ld, \"locks\": %ld, \"losses\": %ld, \"locked\": %d, \"locked_at\": %ld, "
      "\"codewords\": %ld, \"corrected\": %ld, \"uncorrectable\": %ld, \"symbols\": %ld, \"headers\": %ld, "
      "\"errors\": %ld, \"slots\": %ld, \"line_bits\": %ld, \"tx_first\": %ld, "
      "\"tx_worst\": %ld, \"first_least\": %ld, \"first_most\": %ld, \"row_least\": %ld, "
      "\"row_most\": %ld}\n",
      good, bad, wrong, unknown, markers, misplaced, locks, losses, int(was_locked), locked_at,
      codewords, corrected, uncorrectable, symbols, headers, errors, slots, line_bits - offset, tx_first,
      tx_worst, first_least, first_most, row_least, row_most);
}
