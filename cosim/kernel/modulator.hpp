// Static characteristics of the modulators: drive voltage to power transmission, without insertion loss.
//
// The electrical pole stands before the non-linearity, inside the transmit response. All three are free of
// chirp: the field is the root of the power.

#pragma once

#include "vec.hpp"

namespace lightloom {

enum class ModulatorKind { MZM = 0, RING = 1, EAM = 2 };

// p: MZM {half a turn over v_pi, floor}; ring {depth, detuning / fwhm, efficiency / fwhm}; EAM {slope dB/V, bias V}.
template <ModulatorKind KIND>
__attribute__((always_inline)) inline Vec transmission(const Vec& v, const double* p) {
    if constexpr (KIND == ModulatorKind::MZM) {
        const double half = 0.5 * (1.0 - p[1]);
        return p[1] + half + half * sine_turns(v * p[0]);
    } else if constexpr (KIND == ModulatorKind::RING) {
        const Vec d = 2.0 * (p[1] + p[2] * v);
        return 1.0 - p[0] / (1.0 + d * d);
    } else {
        constexpr double log2_of_decibel = 0.332192809488736234787;  // log2(10) / 10
        const Vec loss = maximum(p[0] * (v + p[1]), 0.0);
        return exponential2(maximum(-log2_of_decibel * loss, -900.0));
    }
}

}  // namespace lightloom
