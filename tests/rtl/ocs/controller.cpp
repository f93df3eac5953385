// The controller under commands from stdin, one a line; each is answered by one line.
#include "Vocs_controller.h"
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

static Vocs_controller top;
static std::vector<std::string> trace;
static std::string last;

static std::string hex(uint64_t v) {
    char text[20];
    std::snprintf(text, sizeof text, "%llx", (unsigned long long)v);
    return text;
}

template <std::size_t N> static std::string hex(const VlWide<N> &v) {
    std::string text;
    char part[12];
    for (std::size_t k = N; k-- > 0;) {
        std::snprintf(part, sizeof part, "%08x", v[k]);
        text += part;
    }
    return text;
}

static void tick() {
    top.clk = 1; top.eval();
    top.clk = 0; top.eval();
    const std::string now = hex(top.cell_states);
    if (now != last) trace.push_back(last = now);
}

static unsigned write(unsigned address, unsigned data) { return axi_write(top, tick, address, data); }

static unsigned read(unsigned address, unsigned *data) { return axi_read(top, tick, address, data); }

// Every permutation of 8 after the one before: states, and what the last change cost.
static void permutations(unsigned control, unsigned destination, unsigned change, unsigned cycles) {
    unsigned map[8] = {0, 1, 2, 3, 4, 5, 6, 7}, old[8];
    std::fill(old, old + 8, 99);
    do {
        for (unsigned i = 0; i < 8; i++)
            if (map[i] != old[i]) write(destination + 4 * i, 256 | (old[i] = map[i]));
        write(control, 1);
        for (int n = 0; top.busy && n < 5000; n++) tick();
        unsigned cost = 0, clocks = 0;
        read(change, &cost);
        read(cycles, &clocks);
        for (unsigned output : map) std::printf("%u", output);
        std::printf(" %u %u %s %u %u\n", top.done, top.error, hex(top.cell_states).c_str(), cost, clocks);
    } while (std::next_permutation(map, map + 8));
}

int main() {
    top.rst = 1; tick(); tick(); top.rst = 0; tick();
    char kind;
    unsigned a, b, c, d;
    while (std::scanf(" %c %u %u %u %u", &kind, &a, &b, &c, &d) == 5) {
        if (kind == 'w') {
            std::printf("%u\n", write(a, b));
        } else if (kind == 'r') {
            unsigned data = 0;
            const unsigned response = read(a, &data);
            std::printf("%u %u\n", response, data);
        } else if (kind == 't') {
            while (a--) tick();
            std::printf("\n");
        } else if (kind == 'u') {  // until not busy
            unsigned n = 0;
            while (top.busy && n < a) { tick(); n++; }
            std::printf("%u\n", n);
        } else if (kind == 'g') {
            std::printf("%u %u %u %u %s %s\n", top.busy, top.done, top.error, top.__SYM__interrupt,
                        hex(top.cell_states).c_str(), hex(top.dac_codes).c_str());
        } else if (kind == 'l') {  // states since the last look
            for (const auto &states : trace) std::printf("%s ", states.c_str());
            std::printf(".\n");
            trace.clear();
        } else if (kind == 'p') {
            permutations(a, b, c, d);
            std::printf(".\n");
        }
        std::fflush(stdout);
    }
}
