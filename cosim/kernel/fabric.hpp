// The optical switch: a program of 2x2 couplers, paths and heaters over lines, and the heaters' thermal
// states.
//
// A heater's own excess temperature relaxes with one time constant towards its power; phases are mixed from
// all of them by the thermal crosstalk matrix. States between two code changes are evaluated in closed form
// at any time, so nothing depends on how often or in which order they are asked for.

#pragma once

#include <cstdint>
#include <vector>

#include "vec.hpp"

namespace lightloom {

struct FabricOp {
    int kind;  // 0 couple, 1 path, 2 heater
    int a, b, heater;
    double s[8];  // couple: four complex numbers; path: one
};

struct FabricSetup {
    int ports = 0;  // lines of the program, at most 64; 0: no switch
    int dac_bits = 10;
    double full_scale_mw = 0.0;
    std::vector<FabricOp> ops;
    std::vector<double> p_pi_mw, tau_fs, crosstalk;  // crosstalk: heaters x heaters, row major
};

// Field transfer: element i of re[o], im[o] is output line o from input lane i.
struct Matrix {
    Vec re[LANES], im[LANES];
};

class Fabric {
public:
    void start(const FabricSetup& setup);
    // New DAC codes at a time; codes are in the order of the heaters.
    void set_codes(const std::vector<std::uint32_t>& codes, double time_fs);
    // Phase of every heater, and whether none of them moves any more.
    bool phases(double time_fs, std::vector<double>& out) const;
    Matrix matrix(const std::vector<double>& phases) const;
    // Which change of codes is in force at a time.
    long event(double time_fs) const;
    int heaters() const { return static_cast<int>(setup_.p_pi_mw.size()); }
    bool present() const { return setup_.ports > 0; }
    int dac_bits() const { return setup_.dac_bits; }

private:
    struct Event {
        double time_fs;
        std::vector<double> state, target;
    };
    bool states(double time_fs, std::vector<double>& out) const;

    FabricSetup setup_;
    std::vector<Event> events_;
    long dropped_ = 0;
};

}  // namespace lightloom
