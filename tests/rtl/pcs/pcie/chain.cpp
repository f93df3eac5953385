// Frames through eight lanes: each lane late by its own number of bits and in another place, the
// receiver's core clock off by some ppm. Arguments: seed, ppm, frames, bit errors in 1e9 bits.
// The far end and the recovered clock are rx_clk, the receiver's core is clk.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "Vchain.h"
#include "verilated.h"

namespace {
constexpr int kLanes = 8, kBytes = 128, kBits = 64;

uint64_t mix(uint64_t x) {
    x ^= x >> 31;
    x *= 0x7fb5d329728ea185ull;
    x ^= x >> 27;
    x *= 0x81dadef4bc2dd44dull;
    return x ^ x >> 33;
}

std::vector<uint8_t> frame(uint32_t number) {
    std::vector<uint8_t> bytes(4 + mix(number) % 700);
    for (size_t n = 0; n < bytes.size(); ++n) bytes[n] = mix((uint64_t(number) << 20) + n);
    std::memcpy(bytes.data(), &number, 4);
    return bytes;
}
}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    std::mt19937_64 random(std::atoll(argv[1]));
    const double ppm = std::atof(argv[2]), rate = std::atof(argv[4]) * 1e-9;
    const uint32_t frames = std::atoi(argv[3]);
    VerilatedContext context;
    Vchain top(&context);

    int place[kLanes], delay[kLanes];
    for (int n = 0; n < kLanes; ++n) place[n] = n;
    for (int n = kLanes - 1; n > 0; --n) std::swap(place[n], place[random() % (n + 1)]);
    for (int& bits : delay) bits = random() % (11 * 130);
    std::vector<uint64_t> history[kLanes];
    for (auto& words : history)
        for (int n = 0; n < 32; ++n) words.push_back(random());

    uint32_t sending = 0;
    std::vector<uint8_t> out = frame(0), in;
    size_t sent = 0;
    long good = 0, damaged = 0, wrong = 0, longest_gap = 0, flipped = 0;
    long deleted = 0, inserted = 0, overflow = 0, rx_clocks = 0, aligned_at = -1, last = 0;
    long next_error = rate > 0 ? long(1 + std::geometric_distribution<long>(rate)(random)) : -1;
    int64_t expect = 0;
    double time = 0, next_rx = 0.3, next = 0;

    while (last < 4000 && rx_clocks < 4000000) {
        if (next_rx <= next) {
            time = next_rx;
            next_rx += 1 / (1 + ppm * 1e-6);
            const bool taken = top.f_valid && top.f_ready;
            uint64_t words[kLanes];
            for (int n = 0; n < kLanes; ++n)
                words[n] = top.line_out[2 * n] | uint64_t(top.line_out[2 * n + 1]) << 32;
            deleted += top.deleted;
            overflow += top.overflow;
            top.rx_clk = 1;
            top.eval();
            for (int n = 0; n < kLanes; ++n) {
                auto& past = history[n];
                past.push_back(words[n]);
                const size_t at = past.size() - 1 - delay[n] / kBits;
                const int part = delay[n] % kBits;
                uint64_t word = past[at] << part;
                if (part) word |= past[at - 1] >> (kBits - part);
                while (next_error >= 0 && next_error < kBits) {
                    word ^= uint64_t(1) << next_error;
                    next_error += 1 + std::geometric_distribution<long>(rate)(random);
                    ++flipped;
                }
                if (next_error >= 0) next_error -= kBits;
                top.line_in[2 * place[n]] = uint32_t(word);
                top.line_in[2 * place[n] + 1] = uint32_t(word >> 32);
            }
            if (taken) {
                sent += top.f_count;
                if (sent == out.size()) {
                    out = frame(++sending);
                    sent = 0;
                }
            }
            // A word that was offered stays.
            if (taken || !top.f_valid) {
                const bool pause = random() % 8 == 0;
                top.f_valid = aligned_at >= 0 && rx_clocks > aligned_at + 500 &&
                              sending < frames && !pause;
                uint8_t bytes[kBytes] = {};
                const size_t count = std::min<size_t>(kBytes, out.size() - sent);
                std::memcpy(bytes, out.data() + sent, count);
                for (int n = 0; n < kBytes / 4; ++n)
                    std::memcpy(&top.f_data[n], bytes + 4 * n, 4);
                top.f_count = count;
                top.f_last = sent + count == out.size();
            }
            if (aligned_at < 0 && top.aligned) aligned_at = rx_clocks;
            last = sending == frames ? last + 1 : 0;
            ++rx_clocks;
            top.rx_clk = 0;
            top.eval();
        } else {
            time = next;
            next += 1;
            if (top.o_valid) {
                uint8_t bytes[kBytes];
                for (int n = 0; n < kBytes / 4; ++n) std::memcpy(bytes + 4 * n, &top.o_data[n], 4);
                in.insert(in.end(), bytes, bytes + top.o_count);
                if (top.o_last) {
                    uint32_t number = 0;
                    std::memcpy(&number, in.data(), std::min<size_t>(4, in.size()));
                    if (top.o_error) {
                        ++damaged;
                    } else if (number < frames && number >= expect && in == frame(number)) {
                        longest_gap = std::max<long>(longest_gap, number - expect);
                        expect = number + 1;
                        ++good;
                    } else {
                        ++wrong;
                    }
                    in.clear();
                }
            }
            inserted += top.inserted;
            top.clk = 1;
            top.eval();
            top.clk = 0;
            top.eval();
        }
    }
    std::printf("{\"good\": %ld, \"damaged\": %ld, \"wrong\": %ld, \"gap\": %ld, \"deleted\": %ld, "
                "\"inserted\": %ld, \"overflow\": %ld, \"clocks\": %ld, \"aligned_at\": %ld, "
                "\"aligned\": %d, \"flipped\": %ld}\n",
                good, damaged, wrong, longest_gap, deleted, inserted, overflow, rx_clocks,
                aligned_at, int(top.aligned), flipped);
    return 0;
}
