// XXH64, for digests of waveforms: of a word that passed, seeded with the digest of those before it.
//
// The algorithm is that of the xxHash specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md), for
// little-endian machines.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lightloom {

class Xxh64 {
public:
    static std::uint64_t digest(const void* data, std::size_t size, std::uint64_t seed) {
        const unsigned char* at = static_cast<const unsigned char*>(data);
        const unsigned char* const end = at + size;
        std::uint64_t h;
        if (size >= 32) {
            std::uint64_t v[4] = {seed + P1 + P2, seed + P2, seed, seed - P1};
            for (; end - at >= 32; at += 32)
                for (int lane = 0; lane < 4; ++lane) v[lane] = mix(v[lane], load<std::uint64_t>(at + 8 * lane));
            h = turn(v[0], 1) + turn(v[1], 7) + turn(v[2], 12) + turn(v[3], 18);
            for (const std::uint64_t value : v) h = (h ^ mix(0, value)) * P1 + P4;
        } else {
            h = seed + P5;
        }
        h += size;
        for (; end - at >= 8; at += 8) h = turn(h ^ mix(0, load<std::uint64_t>(at)), 27) * P1 + P4;
        if (end - at >= 4) {
            h = turn(h ^ load<std::uint32_t>(at) * P1, 23) * P2 + P3;
            at += 4;
        }
        for (; at < end; ++at) h = turn(h ^ *at * P5, 11) * P1;
        h = (h ^ h >> 33) * P2;
        h = (h ^ h >> 29) * P3;
        return h ^ h >> 32;
    }

private:
    static constexpr std::uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu,
                                   P3 = 0x165667B19E3779F9u, P4 = 0x85EBCA77C2B2AE63u,
                                   P5 = 0x27D4EB2F165667C5u;

    static std::uint64_t turn(std::uint64_t x, int by) { return x << by | x >> (64 - by); }
    static std::uint64_t mix(std::uint64_t sum, std::uint64_t value) { return turn(sum + value * P2, 31) * P1; }
    template <typename T> static std::uint64_t load(const unsigned char* at) {
        T value;
        std::memcpy(&value, at, sizeof value);
        return value;
    }
};

}  // namespace lightloom
