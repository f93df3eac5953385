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
    dropped_ = 0;
}

void Fabric::set_codes(const std::vector<std::uint32_t>& codes, double time_fs) {
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
    Matrix result;
    Vec re[64], im[64];
    for (int line = 0; line < setup_.ports; ++line) {
        re[line] = im[line] = Vec{};
        if (line < LANES) re[line][line] = 1.0;
    }
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
                const double phase = phases[static_cast<std::size_t>(op.heater)];
                c = std::cos(phase), s = -std::sin(phase);
            }
            const Vec xr = c * ar - s * ai, xi = c * ai + s * ar;
            ar = xr, ai = xi;
        }
    }
    for (int line = 0; line < LANES; ++line) {
        const bool used = line < setup_.ports;
        result.re[line] = used ? re[line] : Vec{};
        result.im[line] = used ? im[line] : Vec{};
    }
    return result;
}

}  // namespace lightloom
