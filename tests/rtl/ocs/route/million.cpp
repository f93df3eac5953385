// Random permutations through a router; each is followed through the columns of the fabric.
//
// Arguments: seed, number of permutations, most cycles. The standard input is the plan: slots, then
// those of the inputs and of the outputs, then columns: `c` (cells) or `x` (crossings), the number
// of pairs of slots and the upper slot of each. Prints the least and the most cycles of an answer.
#include "VDUT.h"
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

struct Column { bool cells; std::vector<int> uppers; };

static VDUT top;

static void tick() {
    top.clk = 1; top.eval();
    top.clk = 0; top.eval();
}

template <class T> static uint8_t *bytes(T &port) { return reinterpret_cast<uint8_t *>(&port); }

static int number() {
    int value;
    if (std::scanf("%d", &value) != 1) std::exit(2);
    return value;
}

int main(int, char **argv) {
    std::mt19937_64 random(std::atoi(argv[1]));
    const long count = std::atol(argv[2]);
    const int limit = std::atoi(argv[3]);
    const int ports = number(), slots = number();
    std::vector<int> inputs(ports), outputs(ports);
    for (int &slot : inputs) slot = number();
    for (int &slot : outputs) slot = number();
    std::vector<Column> columns;
    char kind;
    while (std::scanf(" %c", &kind) == 1) {
        Column column{kind == 'c', std::vector<int>(number())};
        for (int &upper : column.uppers) upper = number();
        columns.push_back(column);
    }
    int bits = 0;
    while (1 << bits < ports) bits++;
    std::vector<int> map(ports), light(slots);
    std::iota(map.begin(), map.end(), 0);
    top.rst = 1; tick(); tick(); top.rst = 0; tick();
    std::memset(bytes(top.active), 0, sizeof top.active);
    for (int i = 0; i < ports; i++) bytes(top.active)[i / 8] |= 1 << i % 8;
    int least = 1 << 30, most = 0;
    for (long turn = 0; turn < count; turn++) {
        std::shuffle(map.begin(), map.end(), random);
        std::memset(bytes(top.destinations), 0, sizeof top.destinations);
        for (int i = 0; i < ports; i++)
            for (int b = 0; b < bits; b++)
                if (map[i] >> b & 1) {
                    const int at = i * bits + b;
                    bytes(top.destinations)[at / 8] |= 1 << at % 8;
                }
        top.start = 1; top.eval();
        int cycles = 0;
        while (!top.done && !top.failed && cycles <= limit) {
            tick(); cycles++;
            top.start = 0; top.eval();
        }
        least = std::min(least, cycles);
        most = std::max(most, cycles);
        if (!top.done || cycles > limit) { std::printf("no answer at %ld\n", turn); return 1; }
        std::fill(light.begin(), light.end(), -1);
        for (int i = 0; i < ports; i++) light[inputs[i]] = i;
        int cell = 0;
        for (const Column &column : columns)
            for (int upper : column.uppers) {
                bool swaps = true;
                if (column.cells) {
                    swaps = bytes(top.states)[cell / 8] >> cell % 8 & 1;
                    cell++;
                }
                if (swaps) std::swap(light[upper], light[upper + 1]);
            }
        for (int i = 0; i < ports; i++)
            if (light[outputs[map[i]]] != i) { std::printf("wrong at %ld\n", turn); return 1; }
        tick();
    }
    std::printf("%d %d\n", least, most);
}
