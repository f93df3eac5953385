// Codewords from standard input (16-bit symbols), one after the other in a circle, with random
// errors through the decoder; the result is checked here and written as one line of JSON.
// Arguments: seed, codewords, percent of clocks with a word, bit error rate; with a rate below 0
// the weights 0 to T + 3, bursts and codewords with wrong parity follow each other instead.
#include <cstring>
#include "Vdecoder.h"

constexpr int WORDS = (N + P - 1) / P;

struct Sent {
  std::size_t word;
  int weight;
  long first;
};

static long failures = 0;

static void check(bool ok, const char* what, long t) {
  if (!ok && failures++ < 10) std::fprintf(stderr, "clock %ld: %s\n", t, what);
}

// Adds errors to `symbols`; returns how many symbols are wrong.
static int damage(Random& random, uint16_t* symbols, long n, double rate) {
  uint16_t error[N] = {};
  if (rate >= 0) {
    double gap = std::log1p(-rate);
    for (double at = std::log(1 - random.unit()) / gap; at < N * BITS;
         at += 1 + std::floor(std::log(1 - random.unit()) / gap)) {
      int bit = int(at);
      error[bit / BITS] ^= 1 << (bit % BITS);
    }
  } else if (n % 8 == 6) {  // a burst of bits
    int length = 1 + random.below((T + 2) * BITS), start = random.below(N * BITS - length);
    for (int bit = start; bit < start + length; bit++) {
      if (random.below(2)) error[bit / BITS] |= 1 << (bit % BITS);
    }
  } else if (n % 64 == 7) {  // all of the parity
    for (int at = K; at < N; at++) error[at] = 1 + random.below(1023);
  } else {
    for (int left = n * 7 % (T + 4); left;) {
      int at = random.below(N);
      if (!error[at]) error[at] = 1 + random.below(1023), left--;
    }
  }
  int weight = 0;
  for (int at = 0; at < N; at++) weight += error[at] != 0, symbols[at] ^= error[at];
  return weight;
}

int main(int, char** argv) {
  Random random(std::atoi(argv[1]));
  long total = std::atol(argv[2]);
  unsigned valid = std::atoi(argv[3]);
  double rate = std::atof(argv[4]);
  std::vector<uint16_t> pool;
  uint16_t symbols[N];
  while (std::fread(symbols, 2, N, stdin) == N) pool.insert(pool.end(), symbols, symbols + N);
  std::vector<Sent> sent(total);
  std::vector<long> weights(N + 1), histogram(T + 1);
  long entered = 0, left = 0, failed = 0, miscorrected = 0, latest = 0, t = 0;
  int in = 0, out = 0;
  Vdecoder top;
  top.rst = 0;
  top.bypass = 0;
  for (; left < total; t++) {
    bool present = entered < total && random.below(100) < valid;
    top.i_valid = present;
    top.i_first = present && in == 0;
    if (present) {
      if (in == 0) {
        Sent& next = sent[entered];
        next.word = entered % (pool.size() / N);
        std::memcpy(symbols, &pool[next.word * N], sizeof symbols);
        next.weight = damage(random, symbols, entered, rate);
        next.first = t;
        weights[next.weight]++;
      }
      for (int j = 0; j < P; j++) {
        int at = in * P + j;
        set(top.i, j, at < N ? symbols[at] : random.below(1024));
      }
      if (++in == WORDS) in = 0, entered++;
    }
    top.clk = 0;
    top.eval();
    if (top.o_valid) {
      const Sent& now = sent[left];
      static bool equal;
      check(top.o_first == (out == 0), "o_first", t);
      check(top.o_last == (out == WORDS - 1), "o_last", t);
      if (out == 0) {
        equal = true;
        latest = std::max(latest, t - now.first);
        if (HOLD) check(top.o_failed == (now.weight > T), "o_failed with o_first", t);
      }
      for (int j = 0; j < P && out * P + j < N; j++) {
        equal &= get(top.o, j) == pool[now.word * N + out * P + j];
      }
      if (++out == WORDS) {
        out = 0;
        left++;
        bool lost = now.weight > T;
        if (lost && !top.o_failed) miscorrected++;
        else check(top.o_failed == lost, "o_failed", t);
        check(lost || equal, "not corrected", t);
        check(lost || top.o_errors == now.weight, "o_errors", t);
        check(top.uncorrectable == top.o_failed, "uncorrectable", t);
        check(top.corrected == (!top.o_failed && now.weight), "corrected", t);
        failed += top.o_failed;
        if (!top.o_failed) histogram[top.o_errors]++;
      }
    } else {
      check(out == 0, "a gap in a codeword", t);
    }
    top.clk = 1;
    top.eval();
    if (t > sent[left < total ? left : total - 1].first + 100000 && entered > left) {
      check(false, "no end", t);
      break;
    }
  }
  std::printf("{\"codewords\": %ld, \"clocks\": %ld, \"failed\": %ld, \"miscorrected\": %ld, "
              "\"latency\": %ld, \"histogram\": [", left, t, failed, miscorrected, latest);
  for (int n = 0; n <= T; n++) std::printf("%s%ld", n ? ", " : "", histogram[n]);
  std::printf("], \"weights\": [");
  for (int n = 0; n <= T + 4; n++) std::printf("%s%ld", n ? ", " : "", weights[n]);
  std::printf("]}\n");
  return failures != 0;
}
