// Counter-based Gaussian numbers: Philox4x32-10 (Salmon et al., SC11, 2011) and Box-Muller.
//
// A number is a pure function of (seed, stream, lane, index), so noise is the same whatever the block size
// or the order of calls. Counter words: quad index low, quad index high, lane, stream; key: the seed.

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

struct Quad {
    Vec g[4];
};

// Two standard normal numbers of two random words of 32 bits. Half a step off zero, the logarithm is finite:
// no number lies beyond 6.76, where one in 7e10 would.
__attribute__((always_inline)) inline void box_muller(const Word& a, const Word& b, Vec& first, Vec& second) {
    // 2^52 + x as a double has x in its mantissa
    constexpr std::uint64_t bias = 0x4330000000000000u;
    constexpr double two52 = 4503599627370496.0, step = 1.0 / 4294967296.0;
    const Vec u = (real(a | bias) - (two52 - 0.5)) * step;
    const Vec v = (real(b | bias) - two52) * step;
    const Vec radius = root(-2.0 * logarithm(u));
    Vec sine, cosine;
    sincos_turns(v, sine, cosine);
    first = radius * cosine;
    second = radius * sine;
}

// Four standard normal numbers for each of eight lanes: indices 4 * quad to 4 * quad + 3.
__attribute__((always_inline)) inline Quad gaussian(std::uint64_t seed, std::uint32_t stream, std::uint64_t quad) {
    Word lane;
    for (int k = 0; k < LANES; ++k) lane[k] = static_cast<std::uint64_t>(k);
    const Philox x = Philox::run(
        {{Word(quad & 0xffffffffu), Word(quad >> 32), lane, Word(std::uint64_t{stream})}}, seed);
    Quad out;
    box_muller(x.c[0], x.c[1], out.g[0], out.g[1]);
    box_muller(x.c[2], x.c[3], out.g[2], out.g[3]);
    return out;
}

}  // namespace lightloom
