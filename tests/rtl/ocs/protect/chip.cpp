// The controller of a chip with light through it, under commands from stdin, each answered by one line.
//   w ADDRESS DATA, r ADDRESS   registers           t N    clocks
//   u LIMIT                     until not busy      c LIMIT  until the states are new: clocks
//   l INPUTS                    inputs that are lit (hex)
//   b INPUTS OUTPUTS PERIOD     sensors that invert, for PERIOD clocks of two PERIODs, 0 always (hex, hex, decimal)
//   d CLOCKS                    outputs are dark for so long after new states
//   g                           busy, interrupt, states, lit outputs
// PLAN, IN and OUT come before: columns of {upper slot, cell or -1}, slots of inputs and outputs.
#include "Vocs_controller.h"
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

static Vocs_controller top;
static uint64_t lit, seen, flip_in, flip_out;
static unsigned long long now, period, dark_for, moved_at;
static std::remove_reference_t<decltype(top.cell_states)> before;

static bool bit(const auto &word, unsigned k) {
    return reinterpret_cast<const uint8_t *>(&word)[k / 8] >> k % 8 & 1;
}

static uint64_t through() {
    bool lines[PORTS];
    uint64_t out = 0;
    for (unsigned i = 0; i < PORTS; i++) lines[IN[i]] = lit >> i & 1;
    for (const auto &[upper, cell] : PLAN)
        if (cell < 0 || bit(top.cell_states, cell)) std::swap(lines[upper], lines[upper + 1]);
    for (unsigned i = 0; i < PORTS; i++) out |= uint64_t(lines[OUT[i]]) << i;
    return out;
}

static bool tick() {
    const bool flip = !period || now / period & 1;
    seen = now - moved_at < dark_for ? 0 : through();
    top.light = lit ^ (flip ? flip_in : 0);
    top.light_out = seen ^ (flip ? flip_out : 0);
    top.clk = 1; top.eval();
    top.clk = 0; top.eval();
    now++;
    if (!std::memcmp(&before, &top.cell_states, sizeof before)) return false;
    std::memcpy(&before, &top.cell_states, sizeof before);
    moved_at = now;
    return true;
}

int main() {
    top.rst = 1; tick(); tick(); top.rst = 0; tick();
    char kind;
    while (std::scanf(" %c", &kind) == 1) {
        unsigned long a = 0, b = 0;
        if (kind == 'w') {
            std::scanf("%lu %lu", &a, &b);
            std::printf("%u\n", axi_write(top, tick, a, b));
        } else if (kind == 'r') {
            unsigned data = 0;
            std::scanf("%lu", &a);
            const unsigned response = axi_read(top, tick, a, &data);
            std::printf("%u %u\n", response, data);
        } else if (kind == 't') {
            std::scanf("%lu", &a);
            while (a--) tick();
            std::printf("\n");
        } else if (kind == 'u' || kind == 'c') {
            unsigned long n = 0;
            std::scanf("%lu", &a);
            while (n < a && (kind == 'c' || top.busy))
                if (n++, tick() && kind == 'c') break;
            std::printf("%lu\n", n);
        } else if (kind == 'l') {
            std::scanf("%" SCNx64, &lit);
            std::printf("\n");
        } else if (kind == 'b') {
            std::scanf("%" SCNx64 " %" SCNx64 " %llu", &flip_in, &flip_out, &period);
            std::printf("\n");
        } else if (kind == 'd') {
            std::scanf("%llu", &dark_for);
            std::printf("\n");
        } else if (kind == 'g') {
            std::printf("%u %u ", top.busy, top.__SYM__interrupt);
            for (unsigned k = CELLS; k-- > 0;) std::printf("%u", bit(top.cell_states, k));
            std::printf(" %" PRIx64 "\n", seen);
        }
        std::fflush(stdout);
    }
}
