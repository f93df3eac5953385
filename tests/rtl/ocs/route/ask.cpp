// Asks a router what the standard input says; prints the answers.
//
// A line of the input: destinations, active, fixed, value, unusable, prefer as hexadecimal numbers,
// then after how many cycles the next start comes when there is no answer yet (0: after the answer).
// A line of the output: done, reason, cycles, states.
#include "VDUT.h"
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

static VDUT top;

template <class T> static void put(T &port, const char *text) {
    auto *bytes = reinterpret_cast<uint8_t *>(&port);
    std::memset(bytes, 0, sizeof port);
    const size_t digits = std::strlen(text);
    for (size_t k = 0; k < digits; k++) {
        const char c = text[digits - 1 - k];
        const unsigned digit = c <= '9' ? c - '0' : c - 'a' + 10;
        bytes[k / 2] |= digit << (k % 2 * 4);
    }
}

template <class T> static std::string get(const T &port) {
    const auto *bytes = reinterpret_cast<const uint8_t *>(&port);
    std::string text;
    char two[3];
    for (size_t k = sizeof port; k-- > 0;) {
        std::snprintf(two, sizeof two, "%02x", bytes[k]);
        text += two;
    }
    return text;
}

// With 2 ports there is no clock.
template <class T> static void tick(T &dut) {
    if constexpr (requires { dut.clk; }) {
        dut.clk = 1; dut.eval();
        dut.clk = 0; dut.eval();
    }
}

template <class T> static void reset(T &dut) {
    if constexpr (requires { dut.rst; }) {
        dut.rst = 1; tick(dut); tick(dut);
        dut.rst = 0; tick(dut);
    }
}

int main() {
    static char a[2048], b[2048], c[2048], d[2048], e[2048], f[2048];
    int early;
    reset(top);
    const char *line = "%2047s %2047s %2047s %2047s %2047s %2047s %d";
    while (std::scanf(line, a, b, c, d, e, f, &early) == 7) {
        put(top.destinations, a); put(top.active, b); put(top.fixed, c);
        put(top.value, d); put(top.unusable, e); put(top.prefer, f);
        top.start = 1; top.eval();
        int cycles = 0;
        while (!top.done && !top.failed && cycles < 400000 && !(early && cycles == early)) {
            tick(top); cycles++;
            top.start = 0; top.eval();
        }
        if (early && cycles == early && !top.done && !top.failed) { std::puts("dropped"); continue; }
        if (top.done && top.failed) { std::puts("both"); return 1; }
        const int done = top.done, reason = top.reason;
        std::printf("%d %d %d %s\n", done, reason, cycles, get(top.states).c_str());
        top.start = 0; top.eval();
        for (int k = 0; k < 3; k++) {
            tick(top);
            if (top.done || top.failed) { std::puts("answers twice"); return 1; }
        }
    }
}
