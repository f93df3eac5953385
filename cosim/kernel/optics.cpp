// C interface of the signal kernel: named parameters in, DPI-C entry points for the RTL, and block access
// for Python. See binding.py for the Python side; the SystemVerilog imports are ll_tx, ll_rx and ll_heaters.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include "digest.hpp"
#include "path.hpp"

namespace {

using namespace lightloom;

constexpr int PHASE_BITS = 12;
constexpr long OP_FIELDS = 12;

const std::set<std::string> NAMES = {
    "baseline_rate", "bank_phases", "code_words", "dac_bits", "dac_full_scale_mw", "dark_a", "delay_ui",
    "detect_a", "detect_rate", "detector_field", "fabric_delay_fs", "fabric_ops", "fabric_ports",
    "fabric_shared", "heater_p_pi_mw", "heater_tau_fs", "history_words", "laser_turns", "laser_walk",
    "modulator", "noise", "noise_every", "noisy", "phase_steps", "rate_offset", "ring_delay_ui", "ring_field",
    "ring_flight_fs", "ring_lines", "rx_bank", "rx_gain", "seed", "source_field", "tap_mw",
    "thermal_crosstalk", "tx_response", "ui_fs", "volts_per_code", "volts_per_step"};

struct Link {
    int lanes, symbols, samples_per_ui, tx_bits, adc_bits;
    std::map<std::string, std::vector<double>> given;
    std::string error;
    bool started = false;
    Fabric fabric;
    Path path[2];  // by transmitting side
    double now_fs = 0.0;
    std::vector<std::int16_t> word;
    std::uint64_t sent_digest[2] = {}, received_digest[2] = {};  // by transmitting side

    const std::vector<double>& values(const char* name, std::size_t count = 0) const {
        const auto found = given.find(name);
        if (found == given.end()) throw std::runtime_error(std::string(name) + ": not set");
        if (count && found->second.size() != count)
            throw std::runtime_error(std::string(name) + ": " + std::to_string(found->second.size()) +
                                     " values, " + std::to_string(count) + " expected");
        return found->second;
    }
    double value(const char* name) const { return values(name, 1)[0]; }

    void start_fabric() {
        FabricSetup f;
        f.ports = static_cast<int>(value("fabric_ports"));
        if (f.ports) {
            if (f.ports < lanes || f.ports > 64) throw std::runtime_error("fabric_ports: out of range");
            f.dac_bits = static_cast<int>(value("dac_bits"));
            f.full_scale_mw = value("dac_full_scale_mw");
            f.p_pi_mw = values("heater_p_pi_mw");
            f.tau_fs = values("heater_tau_fs", f.p_pi_mw.size());
            f.crosstalk = values("thermal_crosstalk", f.p_pi_mw.size() * f.p_pi_mw.size());
            const std::vector<double>& ops = values("fabric_ops");
            if (ops.size() % OP_FIELDS) throw std::runtime_error("fabric_ops: not a multiple of 12 values");
            for (std::size_t k = 0; k < ops.size(); k += OP_FIELDS) {
                const double* v = &ops[k];
                FabricOp op{static_cast<int>(v[0]), static_cast<int>(v[1]), static_cast<int>(v[2]),
                            static_cast<int>(v[3]), {}};
                std::copy(v + 4, v + 12, op.s);
                const auto line = [&](int x) { return x >= 0 && x < f.ports; };
                const bool good = op.kind == 0   ? line(op.a) && line(op.b) && op.a != op.b
                                  : op.kind == 1 ? line(op.a)
                                                 : op.kind == 2 && line(op.a) && op.heater >= 0 &&
                                                       op.heater < static_cast<int>(f.p_pi_mw.size());
                if (!good)
                    throw std::runtime_error("fabric_ops: operation " + std::to_string(k / OP_FIELDS) +
                                             " is out of range");
                f.ops.push_back(op);
            }
            // One heater set a side, and a line of each lane at each of six places.
            const std::vector<double>& ring = values("ring_lines");
            f.ring = !ring.empty();
            if (f.ring && ring.size() != 6 * static_cast<std::size_t>(lanes))
                throw std::runtime_error("ring_lines: not six for each lane");
            for (int place = 0; place < 6; ++place)
                for (int lane = 0; lane < LANES; ++lane) {
                    const bool used = f.ring && lane < lanes;
                    const auto at = static_cast<std::size_t>(place * lanes + lane);
                    f.lines[place][lane] = used ? static_cast<int>(ring[at]) : -1;
                    if (used && (ring[at] < 0.0 || f.lines[place][lane] >= f.ports))
                        throw std::runtime_error("ring_lines: out of range");
                }
        }
        fabric.start(f);
    }

    void start() {
        start_fabric();
        for (int direction = 0; direction < 2; ++direction) {
            PathSetup p;
            const std::size_t d = static_cast<std::size_t>(direction), count = static_cast<std::size_t>(lanes);
            p.lanes = lanes, p.symbols = symbols, p.samples_per_ui = samples_per_ui, p.adc_bits = adc_bits;
            const std::vector<double>& seed = values("seed", 2);
            p.seed = static_cast<std::uint64_t>(seed[0]) | static_cast<std::uint64_t>(seed[1]) << 32;
            p.noisy = value("noisy") != 0.0;
            p.ui_fs = values("ui_fs", 2)[d];
            p.rate_offset = values("rate_offset", 2)[d];
            p.volts_per_code = value("volts_per_code");
            p.tx_response = values("tx_response");
            if (p.tx_response.empty() || p.tx_response.size() % static_cast<std::size_t>(samples_per_ui))
                throw std::runtime_error("tx_response: not a multiple of samples per UI");
            const std::vector<double>& modulator = values("modulator", 4);
            if (modulator[0] != 0.0 && modulator[0] != 1.0 && modulator[0] != 2.0)
                throw std::runtime_error("modulator: kind is none of 0, 1, 2");
            p.modulator = static_cast<ModulatorKind>(static_cast<int>(modulator[0]));
            std::copy(modulator.begin() + 1, modulator.end(), p.modulator_parameters);
            if (p.modulator == ModulatorKind::MZM) p.modulator_parameters[0] = 0.5 / p.modulator_parameters[0];
            const auto lane_values = [&](const char* name, double* out) {
                const std::vector<double>& v = values(name, 2 * count);
                std::copy(v.begin() + static_cast<std::ptrdiff_t>(d * count),
                          v.begin() + static_cast<std::ptrdiff_t>((d + 1) * count), out);
            };
            lane_values("source_field", p.source_field);
            lane_values("laser_turns", p.laser_turns);
            lane_values("laser_walk", p.laser_walk);
            lane_values("detector_field", p.detector_field);
            lane_values("delay_ui", p.delay_ui);
            p.dark_a = value("dark_a");
            const std::vector<double>& noise = values("noise", 3);
            std::copy(noise.begin(), noise.end(), p.noise);
            p.noise_every = static_cast<int>(value("noise_every"));
            if (p.noise_every < 1 || samples_per_ui % (4 * p.noise_every))
                throw std::runtime_error("noise_every: not a quarter of samples per UI or a part of it");
            p.fabric_delay_fs = values("fabric_delay_fs", 2)[d];
            if (fabric.ring()) {
                const std::vector<double>& delays = values("ring_delay_ui", 4 * count);
                for (std::size_t fibre = 0; fibre < 2; ++fibre) {
                    const auto at = delays.begin() + static_cast<std::ptrdiff_t>((2 * fibre + d) * count);
                    std::copy(at, at + static_cast<std::ptrdiff_t>(count), p.fibre_delay_ui[fibre]);
                    p.flight_fs[fibre] = values("ring_flight_fs", 2)[fibre];
                    p.fibre_field[fibre] = values("ring_field", 2)[fibre];
                }
                p.tap_mw = value("tap_mw");
            }
            p.bank_phases = static_cast<int>(value("bank_phases"));
            p.rx_bank = values("rx_bank");
            if (p.bank_phases < 1 || p.rx_bank.size() % static_cast<std::size_t>(p.bank_phases + 1))
                throw std::runtime_error("rx_bank: not bank_phases + 1 rows");
            p.rx_gain = value("rx_gain");
            p.baseline_rate = value("baseline_rate");
            p.detect_rate = value("detect_rate");
            p.detect_a = value("detect_a");
            p.phase_steps = value("phase_steps");
            p.volts_per_step = value("volts_per_step");
            p.history_words = static_cast<long>(value("history_words"));
            p.code_words = static_cast<long>(value("code_words"));
            const long samples = symbols * samples_per_ui;
            const long reach = static_cast<long>(p.rx_bank.size()) / (p.bank_phases + 1) / samples + 4;
            if (p.history_words < 2 * reach) throw std::runtime_error("history_words: too few for rx_bank");
            if (p.code_words < 1) throw std::runtime_error("code_words: below 1");
            path[direction].start(p, fabric, direction && value("fabric_shared") != 0.0, direction);
        }
        word.assign(static_cast<std::size_t>(lanes * symbols), 0);
        now_fs = 0.0;
        for (int direction = 0; direction < 2; ++direction)
            sent_digest[direction] = received_digest[direction] = 0;
        started = true;
    }
};

Link* selected = nullptr;

Link& current() {
    if (!selected || !selected->started) {
        std::fputs("lightloom: the RTL called the optics before ll_select of a started instance\n", stderr);
        std::exit(2);
    }
    return *selected;
}

std::uint32_t field(const std::uint32_t* words, std::size_t bit, int width) {
    std::uint64_t pair = words[bit >> 5];
    if ((bit & 31) + static_cast<std::size_t>(width) > 32) pair |= std::uint64_t{words[(bit >> 5) + 1]} << 32;
    return static_cast<std::uint32_t>(pair >> (bit & 31)) & ((1u << width) - 1);
}

int sign_extend(std::uint32_t value, int width) {
    return static_cast<int>(value << (32 - width)) >> (32 - width);
}

bool side_ok(int side) { return side == 0 || side == 1; }

}  // namespace

extern "C" {

// ---- set-up -----------------------------------------------------------------------------------------

void* ll_new(int lanes, int symbols, int samples_per_ui, int tx_bits, int adc_bits) {
    const bool good = lanes >= 1 && lanes <= LANES && symbols >= 1 && symbols <= 1024 &&
                      (samples_per_ui == 4 || samples_per_ui == 8 || samples_per_ui == 16) && tx_bits >= 1 &&
                      tx_bits <= 16 && adc_bits >= 1 && adc_bits <= 16;
    if (!good) return nullptr;
    Link* link = new Link;
    link->lanes = lanes, link->symbols = symbols, link->samples_per_ui = samples_per_ui;
    link->tx_bits = tx_bits, link->adc_bits = adc_bits;
    return link;
}

void ll_free(void* handle) {
    if (selected == handle) selected = nullptr;
    delete static_cast<Link*>(handle);
}

// Text of the last error; valid until the next call.
const char* ll_error(void* handle) { return static_cast<Link*>(handle)->error.c_str(); }

int ll_set(void* handle, const char* name, const double* values, long count) {
    Link* link = static_cast<Link*>(handle);
    if (!NAMES.count(name)) {
        link->error = std::string(name) + ": no such parameter";
        return 1;
    }
    link->given[name].assign(values, values + count);
    return 0;
}

// Takes the parameters and brings everything to time zero; may be called again.
int ll_start(void* handle) {
    Link* link = static_cast<Link*>(handle);
    try {
        link->start();
    } catch (const std::exception& error) {
        link->error = error.what();
        link->started = false;
        return 1;
    }
    return 0;
}

void ll_select(void* handle) { selected = static_cast<Link*>(handle); }

// ---- DPI-C ------------------------------------------------------------------------------------------

void ll_tx(int side, const std::uint32_t* codes) {
    Link& link = current();
    std::size_t bit = 0;
    for (std::int16_t& code : link.word) {
        code = static_cast<std::int16_t>(sign_extend(field(codes, bit, link.tx_bits), link.tx_bits));
        bit += static_cast<std::size_t>(link.tx_bits);
    }
    std::uint64_t& digest = link.sent_digest[side & 1];
    digest = Xxh64::digest(link.word.data(), link.word.size() * sizeof link.word[0], digest);
    link.path[side & 1].send(link.word.data());
}

double ll_rx(int side, const std::uint32_t* phases, std::uint32_t* samples, std::uint32_t* signal_detect) {
    Link& link = current();
    Path& path = link.path[1 - (side & 1)];
    std::uint32_t unpacked[LANES];
    for (int lane = 0; lane < link.lanes; ++lane)
        unpacked[lane] = field(phases, static_cast<std::size_t>(lane * PHASE_BITS), PHASE_BITS);
    const double interval = path.receive(unpacked, link.word.data(), nullptr, signal_detect);
    const std::uint32_t mask = (1u << link.adc_bits) - 1;
    std::uint64_t pending = 0;
    int held = 0;
    for (const std::int16_t code : link.word) {
        pending |= std::uint64_t{static_cast<std::uint16_t>(code) & mask} << held;
        held += link.adc_bits;
        if (held >= 32) {
            *samples++ = static_cast<std::uint32_t>(pending);
            pending >>= 32;
            held -= 32;
        }
    }
    if (held) *samples = static_cast<std::uint32_t>(pending);
    // all that the RTL gets to see of the light, and when
    std::uint64_t& digest = link.received_digest[1 - (side & 1)];
    digest = Xxh64::digest(link.word.data(), link.word.size() * sizeof link.word[0], digest);
    digest = Xxh64::digest(signal_detect, sizeof *signal_detect, digest);
    digest = Xxh64::digest(&interval, sizeof interval, digest);
    link.now_fs = std::max(link.now_fs, path.edge_fs() - interval);
    return interval;
}

void ll_heaters(const std::uint32_t* codes, double time_fs) {
    Link& link = current();
    const int width = link.fabric.dac_bits();
    std::vector<std::uint32_t> unpacked(static_cast<std::size_t>(link.fabric.heaters()));
    for (std::size_t h = 0; h < unpacked.size(); ++h)
        unpacked[h] = field(codes, h * static_cast<std::size_t>(width), width);
    link.fabric.set_codes(unpacked, time_fs);
    link.now_fs = std::max(link.now_fs, time_fs);
}

// Codes of the switch of one transceiver in a ring.
void ll_switch(int side, const std::uint32_t* codes, double time_fs) {
    Link& link = current();
    const int width = link.fabric.dac_bits();
    std::vector<std::uint32_t> unpacked(static_cast<std::size_t>(link.fabric.heaters()) / 2);
    for (std::size_t h = 0; h < unpacked.size(); ++h)
        unpacked[h] = field(codes, h * static_cast<std::size_t>(width), width);
    link.fabric.set_side(side & 1, unpacked, time_fs);
    link.now_fs = std::max(link.now_fs, time_fs);
}

// Light at the fibres of a transceiver, a bit a lane: primary low, backup above it.
int ll_taps(int side, double time_fs) {
    const Link& link = current();
    const Path& path = link.path[1 - (side & 1)];
    return static_cast<int>(path.taps(0, time_fs) | path.taps(1, time_fs) << link.lanes);
}

// ---- blocks, for Python -----------------------------------------------------------------------------

// codes: [word][lane][symbol]
int ll_transmit(void* handle, int side, const std::int16_t* codes, long words) {
    Link* link = static_cast<Link*>(handle);
    if (!link->started || !side_ok(side)) return 1;
    for (long w = 0; w < words; ++w) link->path[side].send(codes + w * link->lanes * link->symbols);
    return 0;
}

// phases: [word][lane]; codes and volts: [word][lane][symbol]; detect, interval_fs: [word]; volts and
// interval_fs may be null.
int ll_receive(void* handle, int side, const std::uint32_t* phases, long words, std::int16_t* codes,
               double* volts, std::uint32_t* detect, double* interval_fs) {
    Link* link = static_cast<Link*>(handle);
    if (!link->started || !side_ok(side)) return 1;
    Path& path = link->path[1 - side];
    const long size = link->lanes * link->symbols;
    for (long w = 0; w < words; ++w) {
        const double interval = path.receive(phases + w * link->lanes, codes + w * size,
                                             volts ? volts + w * size : nullptr, detect + w);
        if (interval_fs) interval_fs[w] = interval;
        link->now_fs = std::max(link->now_fs, path.edge_fs() - interval);
    }
    return 0;
}

int ll_set_heaters(void* handle, const std::uint32_t* codes, long count, double time_fs) {
    Link* link = static_cast<Link*>(handle);
    if (!link->started || count != link->fabric.heaters()) return 1;
    link->fabric.set_codes(std::vector<std::uint32_t>(codes, codes + count), time_fs);
    link->now_fs = std::max(link->now_fs, time_fs);
    return 0;
}

// Ends a fibre of a ring from a time on, at a part of its length from side A.
int ll_cut(void* handle, int fibre, double time_fs, double place) {
    Link* link = static_cast<Link*>(handle);
    if (!link->started || !link->fabric.ring() || fibre < 0 || fibre > 1 || !(place >= 0.0 && place <= 1.0))
        return 1;
    link->path[0].cut(fibre, Cut{time_fs, place});
    link->path[1].cut(fibre, Cut{time_fs, 1.0 - place});
    return 0;
}

// ---- observation ------------------------------------------------------------------------------------

// Latest time that any call has told the kernel.
double ll_now(void* handle) { return static_cast<Link*>(handle)->now_fs; }

int ll_heater_phases(void* handle, double time_fs, double* out) {
    Link* link = static_cast<Link*>(handle);
    if (!link->started || !link->fabric.present()) return 1;
    std::vector<double> phases;
    link->fabric.phases(time_fs, phases);
    std::copy(phases.begin(), phases.end(), out);
    return 0;
}

// Field transfer of the switch, in a ring of both on the chosen fibre from A to B, [output][input] pairs of real and imaginary part, lanes x lanes.
int ll_fabric(void* handle, double time_fs, double* out) {
    Link* link = static_cast<Link*>(handle);
    if (!link->started || !link->fabric.present()) return 1;
    std::vector<double> phases;
    link->fabric.phases(time_fs, phases);
    const Matrix m = link->fabric.ring() ? link->path[0].through(phases) : link->fabric.matrix(phases);
    for (int o = 0; o < link->lanes; ++o)
        for (int i = 0; i < link->lanes; ++i) {
            *out++ = m.re[o][i];
            *out++ = m.im[o][i];
        }
    return 0;
}

int ll_current(void* handle, int direction, int lane, long long first, long count, double* out) {
    const Link* link = static_cast<const Link*>(handle);
    if (!link->started || !side_ok(direction) || lane < 0 || lane >= link->lanes) return 1;
    return !link->path[direction].current(lane, first, count, out);
}

int ll_observe(void* handle, int direction, int lane, double start_ui, double step_ui, long count, double* out) {
    const Link* link = static_cast<const Link*>(handle);
    if (!link->started || !side_ok(direction) || lane < 0 || lane >= link->lanes) return 1;
    return !link->path[direction].observe(lane, start_ui, step_ui, count, out);
}

// Instant of symbol 0 of the word received `back` calls before the last one, UI of the transmitter.
double ll_instant(void* handle, int direction, int lane, long back) {
    return static_cast<const Link*>(handle)->path[direction & 1].instant(lane, back);
}

// Smoothed photocurrent in A and tracked baseline in V of each lane.
int ll_levels(void* handle, int direction, double* current_a, double* baseline_v) {
    const Link* link = static_cast<const Link*>(handle);
    if (!link->started || !side_ok(direction)) return 1;
    for (int lane = 0; lane < link->lanes; ++lane) {
        current_a[lane] = link->path[direction].level(lane);
        baseline_v[lane] = link->path[direction].baseline(lane);
    }
    return 0;
}

// Words sent, made and received; instants that were not yet sent, or no longer held; forced words; the
// oldest word whose waveform is still held.
int ll_counters(void* handle, int direction, long long* out) {
    const Link* link = static_cast<const Link*>(handle);
    if (!link->started || !side_ok(direction)) return 1;
    const PathCounters& c = link->path[direction].counters();
    const long long values[] = {c.sent, c.made, c.received, c.late, c.early, c.overrun,
                                link->path[direction].oldest_word()};
    std::copy(values, values + 7, out);
    return 0;
}

// Digests of what the RTL has sent and received so far, by transmitting side: of each word, seeded with the
// digest of those before it. Sent: the codes, [lane][symbol] of 16 bits. Received: the same, then the
// detect bits (32 bits), then the time to the next word (a double).
void ll_digests(void* handle, unsigned long long* sent, unsigned long long* received) {
    const Link* link = static_cast<const Link*>(handle);
    std::copy(link->sent_digest, link->sent_digest + 2, sent);
    std::copy(link->received_digest, link->received_digest + 2, received);
}

// ---- the random numbers themselves, for the known-answer tests -----------------------------------------

void ll_philox(const std::uint32_t* counter, unsigned long long seed, std::uint32_t* out) {
    Philox x;
    for (int k = 0; k < 4; ++k) x.c[k] = Word(std::uint64_t{counter[k]});
    x = Philox::run(x, seed);
    for (int k = 0; k < 4; ++k) out[k] = static_cast<std::uint32_t>(x.c[k][LANES - 1]);
}

// out: [4 * quads][8 lanes]
void ll_gaussian(unsigned long long seed, std::uint32_t stream, unsigned long long first_quad, long quads,
                 double* out) {
    for (long k = 0; k < quads; ++k) {
        const Quad q = gaussian(seed, stream, first_quad + static_cast<unsigned long long>(k));
        for (int j = 0; j < 4; ++j) store(out + (4 * k + j) * LANES, q.g[j]);
    }
}

}  // extern "C"
