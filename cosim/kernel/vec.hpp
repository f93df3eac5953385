// Eight doubles at once, one a lane, and the elementary functions the models need.
//
// The functions are accurate to a few units in the last place, so that the numpy oracle agrees to 1e-9.
// Nothing here depends on a vector library or on -ffast-math: machines differ only where one fuses
// multiplication and addition and the other does not.

#pragma once

#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace lightloom {

constexpr int LANES = 8;

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define LIGHTLOOM_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define LIGHTLOOM_VECTOR_BYTES 32
#else
#define LIGHTLOOM_VECTOR_BYTES 16
#endif

// Eight elements in as many registers as this machine needs for them. The compiler would also take vectors
// of 64 bytes everywhere, but takes most operations on them apart into single elements where registers are
// shorter.
template <typename T> struct Pack {
    typedef T Part __attribute__((vector_size(LIGHTLOOM_VECTOR_BYTES)));
    typedef T Unaligned __attribute__((vector_size(LIGHTLOOM_VECTOR_BYTES), aligned(8)));
    static constexpr int EACH = LIGHTLOOM_VECTOR_BYTES / 8, PARTS = LANES / EACH;

    Part part[PARTS];

    Pack() : part{} {}
    Pack(T x) {
        // less zero is x itself, which the compiler knows; plus zero is not, for -0
        for (Part& p : part) p = x - Part{};
    }
    T& operator[](int k) { return reinterpret_cast<T*>(part)[k]; }
    T operator[](int k) const { return part[k / EACH][k % EACH]; }

#define LIGHTLOOM_OPERATOR(OP)                                                     \
    friend inline Pack operator OP(const Pack& a, const Pack& b) {                 \
        Pack r;                                                                    \
        for (int i = 0; i < PARTS; ++i) r.part[i] = a.part[i] OP b.part[i];        \
        return r;                                                                  \
    }
    LIGHTLOOM_OPERATOR(+)
    LIGHTLOOM_OPERATOR(-)
    LIGHTLOOM_OPERATOR(*)
    LIGHTLOOM_OPERATOR(/)
    LIGHTLOOM_OPERATOR(&)
    LIGHTLOOM_OPERATOR(|)
    LIGHTLOOM_OPERATOR(^)
#undef LIGHTLOOM_OPERATOR
    Pack& operator+=(const Pack& b) { return *this = *this + b; }
    friend inline Pack operator>>(const Pack& a, int count) {
        Pack r;
        for (int i = 0; i < PARTS; ++i) r.part[i] = a.part[i] >> count;
        return r;
    }
    friend inline Pack operator<<(const Pack& a, int count) {
        Pack r;
        for (int i = 0; i < PARTS; ++i) r.part[i] = a.part[i] << count;
        return r;
    }
};

typedef Pack<double> Vec;
typedef Pack<std::int64_t> Int;
typedef Pack<std::uint64_t> Word;

inline Vec load(const double* p) {
    Vec r;
    for (int i = 0; i < Vec::PARTS; ++i) r.part[i] = *reinterpret_cast<const Vec::Unaligned*>(p + i * Vec::EACH);
    return r;
}

inline void store(double* p, const Vec& x) {
    for (int i = 0; i < Vec::PARTS; ++i) *reinterpret_cast<Vec::Unaligned*>(p + i * Vec::EACH) = x.part[i];
}

template <typename To, typename From> inline To reinterpret(const From& x) {
    To r;
    for (int i = 0; i < To::PARTS; ++i) r.part[i] = (typename To::Part)x.part[i];
    return r;
}

inline Int bits(const Vec& x) { return reinterpret<Int>(x); }
inline Vec real(const Int& x) { return reinterpret<Vec>(x); }
inline Vec real(const Word& x) { return reinterpret<Vec>(x); }

// All bits set where the first is greater.
inline Int greater(const Vec& a, const Vec& b) {
    Int r;
    for (int i = 0; i < Vec::PARTS; ++i) r.part[i] = a.part[i] > b.part[i];
    return r;
}

inline Vec choose(const Int& mask, const Vec& yes, const Vec& no) {
    Vec r;
    for (int i = 0; i < Vec::PARTS; ++i) r.part[i] = mask.part[i] ? yes.part[i] : no.part[i];
    return r;
}

inline double sum(const Vec& x) {
#if LIGHTLOOM_VECTOR_BYTES == 64
    return _mm512_reduce_add_pd((__m512d)x.part[0]);
#else
    return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
#endif
}

inline Vec maximum(const Vec& a, const Vec& b) { return choose(greater(a, b), a, b); }

__attribute__((always_inline)) inline Vec root(const Vec& x) {
    Vec r;
    for (int i = 0; i < Vec::PARTS; ++i) {
#if LIGHTLOOM_VECTOR_BYTES == 64
        r.part[i] = (Vec::Part)_mm512_sqrt_pd((__m512d)x.part[i]);
#elif LIGHTLOOM_VECTOR_BYTES == 32
        r.part[i] = (Vec::Part)_mm256_sqrt_pd((__m256d)x.part[i]);
#else
        for (int k = 0; k < Vec::EACH; ++k) r.part[i][k] = __builtin_sqrt(x.part[i][k]);
#endif
    }
    return r;
}

// Product of the low halves of the 64-bit elements.
inline Word multiply_low(const Word& a, const Word& b) {
    Word r;
    for (int i = 0; i < Word::PARTS; ++i) {
#if LIGHTLOOM_VECTOR_BYTES == 64
        r.part[i] = (Word::Part)_mm512_mul_epu32((__m512i)a.part[i], (__m512i)b.part[i]);
#elif LIGHTLOOM_VECTOR_BYTES == 32
        r.part[i] = (Word::Part)_mm256_mul_epu32((__m256i)a.part[i], (__m256i)b.part[i]);
#elif defined(__SSE2__)
        r.part[i] = (Word::Part)_mm_mul_epu32((__m128i)a.part[i], (__m128i)b.part[i]);
#else
        r.part[i] = (a.part[i] & 0xffffffffu) * (b.part[i] & 0xffffffffu);
#endif
    }
    return r;
}

// 1.5 * 2^52: adding and subtracting it rounds to the nearest integer, whose low bits are then in the
// mantissa.
constexpr double MAGIC = 6755399441055744.0;

// Natural logarithm of positive normal numbers; the method and constants of fdlibm's e_log.c.
__attribute__((always_inline)) inline Vec logarithm(const Vec& x) {
    constexpr double sqrt2 = 1.41421356237309504880;
    constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    Int raw = bits(x);
    Vec exponent = real((raw >> 52) - 1023 + bits(Vec(MAGIC))) - MAGIC;
    Vec m = real((raw & 0x000fffffffffffffLL) | 0x3ff0000000000000LL);
    const Int large = greater(m, sqrt2);
    m = choose(large, m * 0.5, m);
    exponent = choose(large, exponent + 1.0, exponent);
    const Vec f = m - 1.0;
    const Vec s = f / (f + 2.0);
    const Vec z = s * s, w = z * z;
    const Vec odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    const Vec even = z * (6.666666666666735130e-01 +
                          w * (2.857142874366239149e-01 +
                               w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    const Vec half = 0.5 * f * f;
    return exponent * ln2_high - ((half - (s * (half + odd + even) + exponent * ln2_low)) - f);
}

// Sine and cosine of 2 pi t.
__attribute__((always_inline)) inline void sincos_turns(const Vec& t, Vec& sine, Vec& cosine) {
    constexpr double two_pi = 6.28318530717958647693;
    const Vec shifted = t * 4.0 + MAGIC;
    const Int quadrant = bits(shifted);
    const Vec a = (t - (shifted - MAGIC) * 0.25) * two_pi;
    const Vec z = a * a;
    const Vec s = a + a * z * (-1.66666666666666324348e-01 +
                               z * (8.33333333332248946124e-03 +
                                    z * (-1.98412698298579493134e-04 +
                                         z * (2.75573137070700676789e-06 +
                                              z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
    const Vec c = 1.0 - 0.5 * z +
                  z * z * (4.16666666666666019037e-02 +
                           z * (-1.38888888888741095749e-03 +
                                z * (2.48015872894767294178e-05 +
                                     z * (-2.75573143513906633035e-07 +
                                          z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
    const Int odd = Int(0) - (quadrant & 1);
    // sign bits: sine is negative in quadrants 2 and 3, cosine in 1 and 2
    sine = real(bits(choose(odd, c, s)) ^ ((quadrant & 2) << 62));
    cosine = real(bits(choose(odd, s, c)) ^ (((quadrant + 1) & 2) << 62));
}

// Sine of 2 pi t alone: its series within a quarter turn either way of a multiple of half a turn.
__attribute__((always_inline)) inline Vec sine_turns(const Vec& t) {
    constexpr double two_pi = 6.28318530717958647693;
    const Vec shifted = t * 2.0 + MAGIC;
    const Vec a = (t - (shifted - MAGIC) * 0.5) * two_pi;
    const Vec z = a * a;
    Vec s(-1.0 / 121645100408832000.0);
    constexpr double terms[] = {1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0,
                                -1.0 / 39916800.0,       1.0 / 362880.0,         -1.0 / 5040.0,
                                1.0 / 120.0,             -1.0 / 6.0};
    for (const double c : terms) s = s * z + c;
    s = a + a * z * s;
    return real(bits(s) ^ (bits(shifted) << 63));
}

// 2^x for -1000 < x < 1000.
__attribute__((always_inline)) inline Vec exponential2(const Vec& x) {
    const Vec shifted = x + MAGIC;
    const Vec y = (x - (shifted - MAGIC)) * 0.693147180559945309417;
    Vec p(1.0 / 6227020800.0);
    constexpr double inverse_factorial[] = {
        1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0,
        1.0 / 5040.0,      1.0 / 720.0,      1.0 / 120.0,     1.0 / 24.0,     1.0 / 6.0,
        0.5,               1.0,              1.0};
    for (const double c : inverse_factorial) p = p * y + c;
    return real(bits(p) + ((bits(shifted) - bits(Vec(MAGIC))) << 52));
}

}  // namespace lightloom
