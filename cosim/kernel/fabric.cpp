#include "fabric.hpp"

#include <algorithm>
#include <cmath>

namespace lightloom {

namespace {
constexpr double SETTLED_RAD = 1e-12;
constexpr std::size_t MOST_EVENTS = 4096;
}  // namespace

void Fabric::start(const FabricSetup& setup) {
    setup_ = setup;
    const std::vector<double> zero(setup.p_pi_mw.size(), 0.0);
    events_.assign(1, Event{-1e300, zero, zero});
    codes_.assign(setup.p_pi_mw.size(), 0);
    dropped_ = 0;
}

void Fabric::set_side(int side, const std::vector<std::uint32_t>& codes, double time_fs) {
    std::vector<std::uint32_t> all = codes_;
    std::copy(codes.begin(), codes.end(), all.begin() + static_cast<std::ptrdiff_t>(side * codes.size()));
    set_codes(all, time_fs);
}

void Fabric::set_codes(const std::vector<std::uint32_t>& codes, double time_fs) {
    codes_ = codes;
    Event next;
    next.time_fs = std::max(time_fs, events_.back().time_fs);
    states(next.time_fs, next.state);
    next.target.resize(next.state.size());
    const double top = static_cast<double>((1u << setup_.dac_bits) - 1u);
    for (std::size_t h = 0; h < next.target.size(); ++h) {
        const double drive = codes[h] / top;
        next.target[h] = M_PI * setup_.full_scale_mw * drive * drive / setup_.p_pi_mw[h];
    }
    events_.push_back(std::move(next));
    if (events_.size() > MOST_EVENTS) {
        events_.erase(events_.begin(), events_.begin() + MOST_EVENTS / 2);
        dropped_ += MOST_EVENTS / 2;
    }
}

long Fabric::event(double time_fs) const {
    std::size_t at = events_.size() - 1;
    while (at > 0 && events_[at].time_fs > time_fs) --at;
    return static_cast<long>(at) + dropped_;
}

bool Fabric::states(double time_fs, std::vector<double>& out) const {
    const Event& e = events_[static_cast<std::size_t>(event(time_fs) - dropped_)];
    out.resize(e.state.size());
    bool settled = true;
    for (std::size_t h = 0; h < out.size(); ++h) {
        const double rest = (e.state[h] - e.target[h]) * std::exp(-(time_fs - e.time_fs) / setup_.tau_fs[h]);
        const bool still = std::fabs(rest) < SETTLED_RAD;
        out[h] = still ? e.target[h] : e.target[h] + rest;
        settled = settled && still;
    }
    return settled;
}

bool Fabric::phases(double time_fs, std::vector<double>& out) const {
    std::vector<double> own;
    const bool settled = states(time_fs, own);
    const std::size_t count = own.size();
    out.assign(count, 0.0);
    for (std::size_t k = 0; k < count; ++k)
        for (std::size_t j = 0; j < count; ++j) out[k] += setup_.crosstalk[k * count + j] * own[j];
    return settled;
}

Matrix Fabric::matrix(const std::vector<double>& phases) const {
    int straight[LANES];
    for (int lane = 0; lane < LANES; ++lane) straight[lane] = lane < setup_.ports ? lane : -1;
    return walk(phases, 0, straight, straight);
}

Matrix Fabric::outward(const std::vector<double>& phases, int side, int fibre) const {
    const std::size_t first = static_cast<std::size_t>(side) * phases.size() / 2;
    return walk(phases, first, setup_.lines[TX_IN], setup_.lines[FIBRE_OUT + fibre]);
}

Matrix Fabric::inward(const std::vector<double>& phases, int side, int fibre) const {
    const std::size_t first = static_cast<std::size_t>(side) * phases.size() / 2;
    return walk(phases, first, setup_.lines[FIBRE_IN + fibre], setup_.lines[RX_OUT]);
}

// From lane i on line entry[i] to output o on line leave[o]; a lane with line -1 is dark.
Matrix Fabric::walk(const std::vector<double>& phases, std::size_t first, const int* entry,
                    const int* leave) const {
    Matrix result;
    Vec re[64], im[64];
    for (int line = 0; line < setup_.ports; ++line) re[line] = im[line] = Vec{};
    for (int lane = 0; lane < LANES; ++lane)
        if (entry[lane] >= 0) re[entry[lane]][lane] = 1.0;
    for (const FabricOp& op : setup_.ops) {
        Vec &ar = re[op.a], &ai = im[op.a];
        if (op.kind == 0) {
            Vec &br = re[op.b], &bi = im[op.b];
            const double* s = op.s;
            const Vec xr = s[0] * ar - s[1] * ai + s[2] * br - s[3] * bi;
            const Vec xi = s[0] * ai + s[1] * ar + s[2] * bi + s[3] * br;
            const Vec yr = s[4] * ar - s[5] * ai + s[6] * br - s[7] * bi;
            const Vec yi = s[4] * ai + s[5] * ar + s[6] * bi + s[7] * br;
            ar = xr, ai = xi, br = yr, bi = yi;
        } else {
            double c = op.s[0], s = op.s[1];
            if (op.kind == 2) {
                const double phase = phases[first + static_cast<std::size_t>(op.heater)];
                c = std::cos(phase), s = -std::sin(phase);
            }
            const Vec xr = c * ar - s * ai, xi = c * ai + s * ar;
            ar = xr, ai = xi;
        }
    }
    for (int lane = 0; lane < LANES; ++lane) {
        result.re[lane] = leave[lane] >= 0 ? re[leave[lane]] : Vec{};
        result.im[lane] = leave[lane] >= 0 ? im[leave[lane]] : Vec{};
    }
    return result;
}

}  // namespace lightloom
