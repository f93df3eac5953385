// Messages from standard input through the encoder under random handshakes, codewords to standard
// output: 16-bit symbols. Arguments: seed, percent of clocks with valid, percent with ready.
// Fails where the handshake, first or count are not as stated.
#include "Vencoder.h"

static void check(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

int main(int argc, char** argv) {
  Random random(std::atoi(argv[1]));
  unsigned valid = std::atoi(argv[2]), ready = std::atoi(argv[3]);
  std::vector<uint16_t> in, out;
  uint16_t message[K];
  while (std::fread(message, 2, K, stdin) == K) in.insert(in.end(), message, message + K);
  std::size_t total = in.size() / K, taken = 0;
  const int beats = (K + P - 1) / P, words = (N + P - 1) / P;
  int beat = 0, word = 0;
  bool present = false, begun = false;
  Vencoder top;
  top.rst = 0;
  for (long t = 0; out.size() < total * N; t++) {
    if (!present && taken < total && random.below(100) < valid) {
      present = true;
      for (int j = 0; j < P; j++) {
        int at = beat * P + j;
        set(top.i, j, at < K ? in[taken * K + at] : random.below(1024));
      }
    }
    top.i_valid = present;
    top.o_ready = random.below(100) < ready;
    top.clk = 0;
    top.eval();
    if (valid == 100 && ready == 100 && taken < total) {
      check(top.o_valid == (begun ? 1 : 0), "a gap between words");
    }
    bool accepted = top.i_valid && top.i_ready;
    if (top.o_valid && top.o_ready) {
      int count = word == words - 1 && N % P ? N % P : P;
      check(top.o_count == count, "count");
      check(top.o_first == (word == 0), "first");
      for (int j = 0; j < count; j++) out.push_back(get(top.o, j));
      for (int j = count; j < P; j++) check(get(top.o, j) == 0, "not zero after the end");
      word = word + 1 == words ? 0 : word + 1;
    }
    top.clk = 1;
    top.eval();
    if (accepted) {
      begun = true;
      present = false;
      if (++beat == beats) beat = 0, taken++;
    }
    check(t < 100000000, "no end");
  }
  std::fwrite(out.data(), 2, out.size(), stdout);
}
