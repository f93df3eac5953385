// Eight doubles at once, one a lane, and the elementary functions the models need.
//
// The functions are accurate to a few units in the last place, so that the numpy oracle agrees to 1e-9, and
// are the same on every machine: nothing here depends on a vector library or on -ffast-math.

#pragma once

#include <cstdint>
#include <cstring>
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace lightloom {

constexpr int LANES = 8;

typedef double Vec __attribute__((vector_size(64)));
typedef double VecUnaligned __attribute__((vector_size(64), aligned(8)));
typedef std::int64_t Int __attribute__((vector_size(64)));
typedef std::uint64_t Word __attribute__((vector_size(64)));

inline Vec splat(double x) { return Vec{} + x; }
inline Vec load(const double* p) { return *reinterpret_cast<const VecUnaligned*>(p); }
inline void store(double* p, Vec x) { *reinterpret_cast<VecUnaligned*>(p) = x; }
inline Int bits(Vec x) { return (Int)x; }
inline Vec real(Int x) { return (Vec)x; }
inline Vec choose(Int mask, Vec yes, Vec no) { return mask ? yes : no; }

inline double sum(Vec x) {
    return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]));
}

inline Vec maximum(Vec a, Vec b) { return choose(a > b, a, b); }

inline Vec root(Vec x) {
#if defined(__AVX512F__)
    return (Vec)_mm512_sqrt_pd((__m512d)x);
#else
    for (int k = 0; k < LANES; ++k) x[k] = __builtin_sqrt(x[k]);
    return x;
#endif
}

// Product of the low halves of the 64-bit elements.
inline Word multiply_low(Word a, Word b) {
#if defined(__AVX512F__)
    return (Word)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#else
    constexpr std::uint64_t low = 0xffffffffu;
    return (a & low) * (b & low);
#endif
}

// 1.5 * 2^52: adding and subtracting it rounds to the nearest integer, whose low bits are then in the
// mantissa.
constexpr double MAGIC = 6755399441055744.0;

// Natural logarithm of positive normal numbers; the method and constants of fdlibm's e_log.c.
inline Vec logarithm(Vec x) {
    constexpr double sqrt2 = 1.41421356237309504880;
    constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    Int raw = bits(x);
    Vec exponent = real((raw >> 52) - 1023 + bits(splat(MAGIC))) - MAGIC;
    Vec m = real((raw & 0x000fffffffffffffLL) | 0x3ff0000000000000LL);
    const Int large = m > sqrt2;
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
inline void sincos_turns(Vec t, Vec& sine, Vec& cosine) {
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
    const Int odd = (quadrant & 1) != 0;
    // sign bits: sine is negative in quadrants 2 and 3, cosine in 1 and 2
    sine = real(bits(choose(odd, c, s)) ^ ((quadrant & 2) << 62));
    cosine = real(bits(choose(odd, s, c)) ^ (((quadrant + 1) & 2) << 62));
}

// 2^x for -1000 < x < 1000.
inline Vec exponential2(Vec x) {
    const Vec shifted = x + MAGIC;
    const Vec y = (x - (shifted - MAGIC)) * 0.693147180559945309417;
    Vec p = splat(1.0 / 6227020800.0);
    constexpr double inverse_factorial[] = {
        1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0,
        1.0 / 5040.0,      1.0 / 720.0,      1.0 / 120.0,     1.0 / 24.0,     1.0 / 6.0,
        0.5,               1.0,              1.0};
    for (const double c : inverse_factorial) p = p * y + c;
    return real(bits(p) + ((bits(shifted) - bits(splat(MAGIC))) << 52));
}

}  // namespace lightloom
