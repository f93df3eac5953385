// Counter-based Gaussian numbers: Philox4x32-10 (Salmon et al., SC11, 2011) and Box-Muller.
//
// A number is a pure function of (seed, stream, lane, index), so noise is the same whatever the block size
// or the order of calls. Counter words: pair index low, pair index high, lane, stream; key: the seed.

#pragma once

#include "vec.hpp"

namespace lightloom {

enum Stream : std::uint32_t { CURRENT_NOISE = 0, LASER_PHASE = 2 };  // plus the direction or side, 0 or 1

struct Philox {
    Word c[4];

    // Ten rounds on eight counters, each element in the low half of 64 bits.
    __attribute__((always_inline)) static Philox run(Philox x, std::uint64_t seed) {
        constexpr std::uint64_t low = 0xffffffffu;
        const Word m0 = std::uint64_t{0xD2511F53u}, m1 = std::uint64_t{0xCD9E8D57u};
        std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
        for (int round = 0; round < 10; ++round) {
            const Word a = multiply_low(m0, x.c[0]), b = multiply_low(m1, x.c[2]);
            x.c[0] = (b >> 32) ^ x.c[1] ^ std::uint64_t{k0};
            x.c[1] = b & low;
            x.c[2] = (a >> 32) ^ x.c[3] ^ std::uint64_t{k1};
            x.c[3] = a & low;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        return x;
    }
};

struct Pair {
    Vec first, second;
};

// Two standard normal numbers for each of eight lanes: index 2 * pair and 2 * pair + 1.
__attribute__((always_inline)) inline Pair gaussian(std::uint64_t seed, std::uint32_t stream, std::uint64_t pair) {
    constexpr std::uint64_t one = 0x3ff0000000000000u;
    Word lane;
    for (int k = 0; k < LANES; ++k) lane[k] = static_cast<std::uint64_t>(k);
    const Philox x = Philox::run(
        {{Word(pair & 0xffffffffu), Word(pair >> 32), lane, Word(std::uint64_t{stream})}}, seed);
    // 52 random bits make a double in [1, 2)
    const Vec u = real((((x.c[1] << 32) | x.c[0]) >> 12) | one);
    const Vec v = real((((x.c[3] << 32) | x.c[2]) >> 12) | one);
    const Vec radius = root(-2.0 * logarithm(2.0 - u));
    Vec sine, cosine;
    sincos_turns(v - 1.0, sine, cosine);
    return {radius * cosine, radius * sine};
}

}  // namespace lightloom
