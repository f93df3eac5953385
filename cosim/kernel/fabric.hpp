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
    // A ring: `ops` are those of one transceiver's switch, either side has one; the heaters of side A come
    // first. Lines of each lane: from the transmitter, to primary and backup fibre, from them, to the receiver.
    bool ring = false;
    int lines[6][LANES] = {};
};

enum RingLine { TX_IN = 0, FIBRE_OUT = 1, FIBRE_IN = 3, RX_OUT = 5 };  // of the primary; backup: one more

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
    // Through the switch of `side` in a ring: from the transmitters to a fibre, or from it to the receivers.
    Matrix outward(const std::vector<double>& phases, int side, int fibre) const;
    Matrix inward(const std::vector<double>& phases, int side, int fibre) const;
    // New codes of one side's switch.
    void set_side(int side, const std::vector<std::uint32_t>& codes, double time_fs);
    // Which change of codes is in force at a time.
    long event(double time_fs) const;
    int heaters() const { return static_cast<int>(setup_.p_pi_mw.size()); }
    bool present() const { return setup_.ports > 0; }
    bool ring() const { return setup_.ring; }
    int dac_bits() const { return setup_.dac_bits; }

private:
    struct Event {
        double time_fs;
        std::vector<double> state, target;
    };
    bool states(double time_fs, std::vector<double>& out) const;
    Matrix walk(const std::vector<double>& phases, std::size_t first, const int* entry, const int* leave) const;

    FabricSetup setup_;
    std::vector<std::uint32_t> codes_;
    std::vector<Event> events_;
    long dropped_ = 0;
};

}  // namespace lightloom
