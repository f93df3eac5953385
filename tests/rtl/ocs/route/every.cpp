// Every permutation through a router: with whole cells, then partly and with a dead cell.
//
// Arguments: seed, clocks of an answer with whole cells, most clocks of any. The standard input is
// the plan as in million.cpp. Prints how many maps with a dead cell were routed in the clocks of
// whole cells, routed later, and refused with NO_ROUTE.
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
static int ports, bits = 0, cells = 0;
static std::vector<int> inputs, outputs;
static std::vector<Column> columns;

static void tick() {
    top.clk = 1; top.eval();
    top.clk = 0; top.eval();
}

template <class T> static uint8_t *bytes(T &port) { return reinterpret_cast<uint8_t *>(&port); }

template <class T> static void put(T &port, int at, bool value) {
    bytes(port)[at / 8] &= ~(1 << at % 8);
    bytes(port)[at / 8] |= value << at % 8;
}

template <class T> static bool get(T &port, int at) { return bytes(port)[at / 8] >> at % 8 & 1; }

static int number() {
    int value;
    if (std::scanf("%d", &value) != 1) std::exit(2);
    return value;
}

// Clocks to the answer; -1 when it does not come.
static int ask(int limit) {
    top.start = 1; top.eval();
    for (int cycles = 0; cycles <= limit; cycles++) {
        if (top.done || top.failed) return top.done && top.failed ? -1 : cycles;
        tick();
        top.start = 0; top.eval();
    }
    return -1;
}

// Whether the light of all inputs that are asked for arrives, and none passes an unusable cell.
static bool arrives(const std::vector<int> &map) {
    std::vector<int> light(2 * ports, -1);
    for (int i = 0; i < ports; i++)
        if (get(top.active, i)) light[inputs[i]] = i;
    int cell = 0;
    for (const Column &column : columns)
        for (int upper : column.uppers) {
            bool swaps = true;
            if (column.cells) {
                swaps = get(top.states, cell);
                if (get(top.fixed, cell) && get(top.value, cell) != swaps) return false;
                if (get(top.unusable, cell) && (light[upper] >= 0 || light[upper + 1] >= 0))
                    return false;
                cell++;
            }
            if (swaps) std::swap(light[upper], light[upper + 1]);
        }
    for (int i = 0; i < ports; i++)
        if (get(top.active, i) && light[outputs[map[i]]] != i) return false;
    return true;
}

int main(int, char **argv) {
    std::mt19937 random(std::atoi(argv[1]));
    const int direct = std::atoi(argv[2]), limit = std::atoi(argv[3]);
    ports = number();
    number();
    inputs.resize(ports); outputs.resize(ports);
    for (int &slot : inputs) slot = number();
    for (int &slot : outputs) slot = number();
    char kind;
    while (std::scanf(" %c", &kind) == 1) {
        Column column{kind == 'c', std::vector<int>(number())};
        for (int &upper : column.uppers) upper = number();
        if (column.cells) cells += column.uppers.size();
        columns.push_back(column);
    }
    while (1 << bits < ports) bits++;
    std::vector<int> map(ports);
    std::iota(map.begin(), map.end(), 0);
    top.rst = 1; tick(); tick(); top.rst = 0; tick();
    long turn = 0, straight = 0, around = 0, none = 0;
    do {
        for (int i = 0; i < ports; i++)
            for (int b = 0; b < bits; b++) put(top.destinations, i * bits + b, map[i] >> b & 1);
        for (int broken = 0; broken < 2; broken++) {
            const int cell = random() % cells, ill = random() % 3, some = random() % 2;
            put(top.fixed, cell, broken && ill < 2);
            put(top.value, cell, ill);
            put(top.unusable, cell, broken && ill == 2);
            for (int i = 0; i < ports; i++)
                put(top.active, i, !broken || some || random() % 2);
            const int cycles = ask(limit);
            const bool good = cycles >= 0 && (top.failed || arrives(map));
            if (!good || (!broken && (!top.done || cycles != direct))) {
                std::printf("wrong at %ld\n", turn);
                return 1;
            }
            if (broken && top.failed) {
                if (top.reason != 5) std::printf("reason %d at %ld\n", int(top.reason), turn);
                none += top.reason == 5;
            } else if (broken) (cycles == direct ? straight : around)++;
            put(top.fixed, cell, 0);
            put(top.unusable, cell, 0);
            tick();
        }
        turn++;
    } while (std::next_permutation(map.begin(), map.end()));
    std::printf("%ld %ld %ld %ld\n", turn, straight, around, none);
}
