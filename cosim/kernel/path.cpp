#include "path.hpp"

#include <algorithm>
#include <cmath>

namespace lightloom {

namespace {
constexpr int PHASE_BITS = 12;
}

void Path::start(const PathSetup& setup, const Fabric& fabric, bool backwards, int direction) {
    setup_ = setup;
    fabric_ = &fabric;
    backwards_ = backwards;
    direction_ = direction;
    const long n = setup_.samples_per_ui, rows = setup_.bank_phases + 1;
    memory_ = static_cast<long>(setup_.tx_response.size()) / n;
    const long given = static_cast<long>(setup_.rx_bank.size()) / rows;
    taps_ = (given + LANES - 1) / LANES * LANES;
    ring_words_ = setup_.history_words + setup_.history_words % 2;  // whole vectors
    ring_samples_ = ring_words_ * setup_.symbols * n;
    pad_ = taps_ + LANES;
    // an odd number of cache lines apart, or the eight lanes would share cache sets
    ring_stride_ = ((ring_samples_ + pad_) / LANES | 1) * LANES;

    // One row more: an instant may round up to the end of the last. Zeros before and behind each let the
    // filter begin at a whole vector of the waveform.
    bank_stride_ = taps_ + 2 * LANES;
    bank_.assign(static_cast<std::size_t>((rows + 1) * bank_stride_), 0.0);
    for (long row = 0; row < rows; ++row)
        for (long k = 0; k < given; ++k)
            bank_[static_cast<std::size_t>(row * bank_stride_ + LANES + taps_ - 1 - k)] =
                setup_.rx_bank[static_cast<std::size_t>(row * given + k)];

    codes_.assign(static_cast<std::size_t>(setup_.code_words * setup_.lanes * setup_.symbols), 0);
    line_.assign(static_cast<std::size_t>((memory_ + setup_.symbols) * LANES), 0.0);
    waveform_.assign(static_cast<std::size_t>(ring_stride_ * LANES + LANES), 0.0);
    constexpr std::uintptr_t line = LANES * sizeof(double);
    const auto place = reinterpret_cast<std::uintptr_t>(waveform_.data());
    aligned_ = static_cast<long>((line - place % line) % line / sizeof(double));
    baseline_.assign(static_cast<std::size_t>(ring_words_ * LANES), 0.0);
    detected_.assign(static_cast<std::size_t>(ring_words_ * LANES), 0);
    unwrapped_log_.assign(static_cast<std::size_t>(ring_words_ * LANES), 0);
    whole_.assign(static_cast<std::size_t>(setup_.symbols), 0);
    fraction_.assign(static_cast<std::size_t>(setup_.symbols), 0.0);
    volts_.assign(static_cast<std::size_t>(setup_.symbols), 0.0);
    for (int lane = 0; lane < LANES; ++lane) {
        turns_[lane] = baseline_state_[lane] = detect_state_[lane] = 0.0;
        unwrapped_[lane] = 0;
        last_code_[lane] = 0;
    }
    edge_fs_ = 0.0;
    matrix_event_ = matrix_later_event_ = -1;
    matrix_settled_ = false;
    ring_ = fabric.ring();
    fibre_ = 0;
    fibre_event_ = -1;
    fibre_settled_ = false;
    cuts_[0] = cuts_[1] = Cut{};
    counters_ = PathCounters{};
}

void Path::send(const std::int16_t* codes) {
    if (counters_.sent - counters_.made >= setup_.code_words) {
        // nobody reads this direction: what was sent longest ago has left the fibre
        ++counters_.overrun;
        make_word();
    }
    const std::size_t size = static_cast<std::size_t>(setup_.lanes * setup_.symbols);
    const std::size_t at = static_cast<std::size_t>(counters_.sent % setup_.code_words) * size;
    std::copy(codes, codes + size, codes_.begin() + static_cast<std::ptrdiff_t>(at));
    ++counters_.sent;
}

// Through the sender's switch at its phases, the chosen fibre and the receiver's switch.
Matrix Path::product(const std::vector<double>& early, const std::vector<double>& late) const {
    const Matrix sent = fabric_->outward(early, direction_, fibre_);
    const Matrix got = fabric_->inward(late, 1 - direction_, fibre_);
    Matrix out;
    for (int o = 0; o < LANES; ++o) {
        Vec re{}, im{};
        for (int k = 0; k < LANES; ++k) {
            const double a = got.re[o][k] * setup_.fibre_field[fibre_];
            const double b = got.im[o][k] * setup_.fibre_field[fibre_];
            re += a * sent.re[k] - b * sent.im[k];
            im += a * sent.im[k] + b * sent.re[k];
        }
        out.re[o] = re;
        out.im[o] = im;
    }
    return out;
}

// Light that leaves the sender's switch at a time, over the chosen fibre; whether nothing moves any more.
bool Path::ring_transfer(double time_fs, Matrix& out) const {
    const double arrival = time_fs + setup_.flight_fs[fibre_];
    const Cut& cut = cuts_[fibre_];
    if (time_fs + cut.place * setup_.flight_fs[fibre_] >= cut.time_fs) {
        out = Matrix{};
        return true;
    }
    std::vector<double> early, late;
    const bool settled = fabric_->phases(time_fs, early) & fabric_->phases(arrival, late);
    out = product(early, late);
    return settled && cut.time_fs > 1e299;
}

std::uint32_t Path::taps(int fibre, double time_fs) const {
    const double flight = setup_.flight_fs[fibre], left = time_fs - flight;
    if (left < setup_.fabric_delay_fs || left + cuts_[fibre].place * flight >= cuts_[fibre].time_fs) return 0;
    std::vector<double> phases;
    fabric_->phases(left, phases);
    const Matrix sent = fabric_->outward(phases, direction_, fibre);
    std::uint32_t lit = 0;
    for (int lane = 0; lane < setup_.lanes; ++lane) {
        double mw = 0.0;
        for (int i = 0; i < setup_.lanes; ++i) {
            // a modulator passes half of the light in the mean
            const double field = setup_.source_field[i] * setup_.fibre_field[fibre];
            const double re = sent.re[lane][i], im = sent.im[lane][i];
            mw += 0.5 * field * field * (re * re + im * im);
        }
        if (mw >= setup_.tap_mw) lit |= 1u << lane;
    }
    return lit;
}

void Path::choose_fibre() {
    const long event = fabric_->event(edge_fs_);
    if (event == fibre_event_ && fibre_settled_) return;
    fibre_event_ = event;
    std::vector<double> phases;
    fibre_settled_ = fabric_->phases(edge_fs_, phases);
    double power[2] = {0.0, 0.0};
    for (int fibre = 0; fibre < 2; ++fibre) {
        const Matrix got = fabric_->inward(phases, 1 - direction_, fibre);
        for (int lane = 0; lane < setup_.lanes; ++lane)
            power[fibre] += got.re[lane][lane] * got.re[lane][lane] + got.im[lane][lane] * got.im[lane][lane];
    }
    const int better = power[1] > power[0] ? 1 : 0;
    if (better == fibre_) return;
    fibre_ = better;
    matrix_event_ = -1;
    // Back to the first word that the filter needs at the new delay, and further by what the response of the
    // transmitter remembers.
    double longest = 0.0;
    for (int lane = 0; lane < setup_.lanes; ++lane) longest = std::max(longest, delay_ui(lane));
    const double first = static_cast<double>(counters_.received - 2) * setup_.symbols - longest;
    const long samples = setup_.symbols * setup_.samples_per_ui;
    const std::int64_t reach = (taps_ + samples - 1) / samples + memory_ / setup_.symbols + 2;
    const std::int64_t held = std::max<std::int64_t>(0, counters_.sent - setup_.code_words);
    const auto word = static_cast<std::int64_t>(std::floor(first / static_cast<double>(setup_.symbols))) - reach;
    counters_.made = std::min(counters_.made, std::max(held, word));
}

const Matrix& Path::transfer(std::int64_t word) {
    const double time =
        static_cast<double>(word) * setup_.symbols * setup_.ui_fs + setup_.fabric_delay_fs;
    const long event = fabric_->present() ? fabric_->event(time) : 0;
    const long later = ring_ ? fabric_->event(time + setup_.flight_fs[fibre_]) : event;
    if (event == matrix_event_ && later == matrix_later_event_ && matrix_settled_) return matrix_;
    matrix_event_ = event;
    matrix_later_event_ = later;
    Matrix through{};
    matrix_settled_ = true;
    if (ring_) {
        matrix_settled_ = ring_transfer(time, through);
    } else if (fabric_->present()) {
        std::vector<double> phases;
        matrix_settled_ = fabric_->phases(time, phases);
        through = fabric_->matrix(phases);
    } else {
        for (int lane = 0; lane < LANES; ++lane) through.re[lane][lane] = 1.0;
    }
    // column i of the result holds the transfer from source i to all detectors, in root A
    for (int i = 0; i < LANES; ++i)
        for (int o = 0; o < LANES; ++o) {
            const bool used = i < setup_.lanes && o < setup_.lanes;
            const double scale = used ? setup_.source_field[i] * setup_.detector_field[o] : 0.0;
            const int row = backwards_ ? i : o, column = backwards_ ? o : i;
            matrix_.re[i][o] = through.re[row][column] * scale;
            matrix_.im[i][o] = through.im[row][column] * scale;
        }
    return matrix_;
}

template <int N, int EVERY, ModulatorKind KIND>
void Path::fill(const Matrix& matrix, bool mix) {
    const std::int64_t word = counters_.made;
    const long symbols = setup_.symbols;
    Vec turns = load(turns_), step{};
    {
        const Quad walk = gaussian(setup_.seed, LASER_PHASE + static_cast<std::uint32_t>(direction_),
                                   static_cast<std::uint64_t>(word));
        step = load(setup_.laser_turns) + load(setup_.laser_walk) * walk.g[0];
    }
    Vec ci, cr, di, dr;
    sincos_turns(turns, ci, cr);
    sincos_turns(step * (1.0 / static_cast<double>(symbols * N)), di, dr);
    turns += step;
    for (int lane = 0; lane < LANES; ++lane) turns_[lane] = turns[lane] - std::floor(turns[lane]);

    const double* response = setup_.tx_response.data();
    const std::uint32_t stream = CURRENT_NOISE + static_cast<std::uint32_t>(direction_);
    const long start = static_cast<long>(word % ring_words_) * symbols * N;
    const double* c = setup_.noise;
    Vec total{};
    for (long s = 0; s < symbols; ++s) {
        Vec v[N];
        for (int p = 0; p < N; ++p) v[p] = Vec{};
        const double* newest = &line_[static_cast<std::size_t>((memory_ + s) * LANES)];
        for (long k = 0; k < memory_; ++k) {
            const Vec x = load(newest - k * LANES);
            for (int p = 0; p < N; ++p) v[p] += response[k * N + p] * x;
        }
        alignas(64) double block[N][LANES];
        for (int p = 0; mix && p < N; p += 4) {
            // four samples at a time share the loads of the matrix
            alignas(64) double ar[4][LANES], ai[4][LANES];
            for (int k = 0; k < 4; ++k) {
                const Vec amplitude = root(transmission<KIND>(v[p + k], setup_.modulator_parameters));
                store(ar[k], amplitude * cr);
                store(ai[k], amplitude * ci);
                const Vec next = cr * dr - ci * di;
                ci = ci * dr + cr * di;
                cr = next;
            }
            // loads that broadcast are free; without this the lanes are shuffled out of the register
            asm("" : "+m"(ar), "+m"(ai));
            Vec rr[4], ii[4], ri[4], ir[4];  // four sums: one alone would wait for its own adder
            for (int k = 0; k < 4; ++k) rr[k] = ii[k] = ri[k] = ir[k] = Vec{};
            for (int i = 0; i < LANES; ++i) {
                const Vec re = matrix.re[i], im = matrix.im[i];
                for (int k = 0; k < 4; ++k) {
                    rr[k] += re * ar[k][i];
                    ii[k] += im * ai[k][i];
                    ri[k] += re * ai[k][i];
                    ir[k] += im * ar[k][i];
                }
            }
            for (int k = 0; k < 4; ++k) {
                const Vec re = rr[k] - ii[k], im = ri[k] + ir[k];
                store(block[p + k], re * re + im * im);
            }
        }
        for (int p = 0; !mix && p < N; ++p)
            store(block[p], transmission<KIND>(v[p], setup_.modulator_parameters) * matrix.re[0]);
        for (int q = 0; q < N; q += 4 * EVERY) {
            Quad quad{};
            if (setup_.noisy)
                quad = gaussian(setup_.seed, stream,
                                static_cast<std::uint64_t>((word * symbols + s) * (N / (4 * EVERY)) + q / (4 * EVERY)));
            for (int j = 0; j < 4; ++j)
                for (int e = 0; e < EVERY; ++e) {
                    const int p = q + j * EVERY + e;
                    const Vec light = load(block[p]);
                    Vec current = light + setup_.dark_a;
                    if (setup_.noisy && e == 0)
                        current += root((c[0] + c[1] * current + c[2] * light * light) * EVERY) * quad.g[j];
                    total += current;
                    store(block[p], current);
                }
        }
        double* out = &waveform_[static_cast<std::size_t>(aligned_ + start + s * N)];
        for (int lane = 0; lane < LANES; ++lane)
            for (int p = 0; p < N; ++p) out[lane * ring_stride_ + p] = block[p][lane];
    }
    const Vec mean = total * (1.0 / static_cast<double>(symbols * N));
    const std::size_t slot = static_cast<std::size_t>(word % ring_words_) * LANES;
    for (int lane = 0; lane < LANES; ++lane) {
        baseline_[slot + static_cast<std::size_t>(lane)] = baseline_state_[lane];
        baseline_state_[lane] += setup_.baseline_rate * (setup_.rx_gain * mean[lane] - baseline_state_[lane]);
        detect_state_[lane] += setup_.detect_rate * (mean[lane] - detect_state_[lane]);
        detected_[slot + static_cast<std::size_t>(lane)] = detect_state_[lane] >= setup_.detect_a;
    }
}

template <int N, int EVERY>
void Path::make() {
    const long symbols = setup_.symbols;
    // the last memory_ columns of the previous word come first
    std::copy(line_.end() - memory_ * LANES, line_.end(), line_.begin());
    const std::int16_t* codes =
        &codes_[static_cast<std::size_t>(counters_.made % setup_.code_words * setup_.lanes * symbols)];
    for (long s = 0; s < symbols; ++s)
        for (int lane = 0; lane < setup_.lanes; ++lane)
            line_[static_cast<std::size_t>((memory_ + s) * LANES + lane)] =
                setup_.volts_per_code * codes[lane * symbols + s];

    const Matrix* matrix = &transfer(counters_.made);
    const bool mix = fabric_->present();
    Matrix straight;
    if (!mix) {
        for (int lane = 0; lane < LANES; ++lane) {
            const double field = matrix->re[lane][lane];
            straight.re[0][lane] = field * field;
        }
        matrix = &straight;
    }
    switch (setup_.modulator) {
    case ModulatorKind::MZM: fill<N, EVERY, ModulatorKind::MZM>(*matrix, mix); break;
    case ModulatorKind::RING: fill<N, EVERY, ModulatorKind::RING>(*matrix, mix); break;
    case ModulatorKind::EAM: fill<N, EVERY, ModulatorKind::EAM>(*matrix, mix); break;
    }
    const long begin = static_cast<long>(counters_.made % ring_words_) * symbols * N;
    const long end = std::min(begin + symbols * N, pad_);
    for (int lane = 0; lane < LANES && begin < end; ++lane) {
        double* ring = &waveform_[static_cast<std::size_t>(aligned_ + lane * ring_stride_)];
        std::copy(ring + begin, ring + end, ring + ring_samples_ + begin);
    }
    ++counters_.made;
}

void Path::make_word() {
    const int every = setup_.noise_every;
    switch (setup_.samples_per_ui) {
    case 4: make<4, 1>(); break;
    case 8: every == 1 ? make<8, 1>() : make<8, 2>(); break;
    default: every == 1 ? make<16, 1>() : every == 2 ? make<16, 2>() : make<16, 4>(); break;
    }
}

// Filtered voltages at COUNT instants: whole samples, and rows of the bank with their fraction. SHARED says
// that all fall between the same two rows and the same samples of a vector: rows are then loaded once.
template <int COUNT, bool SHARED>
void Path::filter(int lane, const std::int64_t* whole, const double* at, double* out) const {
    const double *x[COUNT], *row[COUNT];
    double weight[COUNT];
    // the instants of a call lie closer together than the ring is long: one division for all
    std::int64_t start = (whole[0] - taps_ + 1) % ring_samples_;
    if (start < 0) start += ring_samples_;
    for (int c = 0; c < COUNT; ++c) {
        std::int64_t first = start + (whole[c] - whole[0]);
        if (first >= ring_samples_) first -= ring_samples_;
        // the filter begins early by `before` samples, which meet zeros, to read whole cache lines
        const long before = first % LANES;
        x[c] = &waveform_[static_cast<std::size_t>(aligned_ + lane * ring_stride_ + first - before)];
        const long index = static_cast<long>(at[c]);
        row[c] = &bank_[static_cast<std::size_t>(index * bank_stride_ + LANES - before)];
        weight[c] = at[c] - static_cast<double>(index);
    }
    Vec a[COUNT], b[COUNT];
    for (int c = 0; c < COUNT; ++c) a[c] = b[c] = Vec{};
    for (long k = 0; k < taps_ + LANES; k += LANES) {
        Vec low = load(row[0] + k), high = load(row[0] + bank_stride_ + k);
        for (int c = 0; c < COUNT; ++c) {
            if (!SHARED && c) low = load(row[c] + k), high = load(row[c] + bank_stride_ + k);
            const Vec current = load(x[c] + k);
            a[c] += current * low;
            b[c] += current * high;
        }
    }
    for (int c = 0; c < COUNT; ++c) out[c] = sum(a[c] + weight[c] * (b[c] - a[c]));
}

std::int64_t Path::floor_word(std::int64_t sample) const {
    const std::int64_t samples = static_cast<std::int64_t>(setup_.symbols) * setup_.samples_per_ui;
    return sample >= 0 ? sample / samples : -((-sample - 1) / samples) - 1;
}

std::size_t Path::slot(std::int64_t word, int lane) const {
    return static_cast<std::size_t>(word % ring_words_) * LANES + static_cast<std::size_t>(lane);
}

double Path::baseline_at(std::int64_t word, int lane) const {
    return word >= 0 ? baseline_[slot(word, lane)] : 0.0;
}

std::int64_t Path::oldest_word() const {
    // the filter reaches back from its first sample
    const long samples = setup_.symbols * setup_.samples_per_ui;
    return counters_.made - ring_words_ + (taps_ + samples - 1) / samples;
}

double Path::receive(const std::uint32_t* phases, std::int16_t* codes, double* volts,
                     std::uint32_t* detect) {
    if (ring_) choose_fibre();
    const long n = setup_.samples_per_ui, symbols = setup_.symbols;
    const std::int64_t word_samples = symbols * n;
    const int top = (1 << (setup_.adc_bits - 1)) - 1, bottom = -top - 1;
    const std::int64_t first_symbol = (counters_.received - 1) * symbols;
    const double ui = received_ui();
    *detect = 0;
    for (int lane = 0; lane < setup_.lanes; ++lane) {
        // symbol q is sampled at (q + phase) UI of the receiver; whole transmitter UI are kept apart
        const double phase = static_cast<double>(unwrapped_[lane]) / setup_.phase_steps;
        for (long s = 0; s < symbols; ++s) {
            const std::int64_t q = first_symbol + s;
            const double rest =
                setup_.rate_offset * static_cast<double>(q) + ui * phase - delay_ui(lane);
            const double scaled = rest * static_cast<double>(n);
            const double base = std::floor(scaled);
            const auto at = static_cast<std::size_t>(s);
            whole_[at] = q * n + static_cast<std::int64_t>(base);
            fraction_[at] = (scaled - base) * setup_.bank_phases;
        }
        const std::int64_t sent_end = counters_.sent * word_samples;
        for (long s = symbols; s-- > 0 && whole_[static_cast<std::size_t>(s)] >= sent_end;) {
            ++counters_.late;
            whole_[static_cast<std::size_t>(s)] = sent_end - 1;
            fraction_[static_cast<std::size_t>(s)] = 0.0;
        }
        const std::int64_t newest = whole_[static_cast<std::size_t>(symbols - 1)];
        while (counters_.made * word_samples <= newest) make_word();
        const std::int64_t oldest = oldest_word() * word_samples;
        for (long s = 0; s < symbols && whole_[static_cast<std::size_t>(s)] < oldest; ++s) {
            ++counters_.early;
            whole_[static_cast<std::size_t>(s)] = oldest;
            fraction_[static_cast<std::size_t>(s)] = 0.0;
        }
        // a drifting phase seldom parts four neighbours
        long s = 0;
        for (; s + 4 <= symbols; s += 4) {
            const auto at = static_cast<std::size_t>(s);
            const double* f = &fraction_[at];
            const long row = static_cast<long>(f[0]);
            const std::int64_t* w = &whole_[at];
            bool shared = true;
            for (int c = 1; c < 4; ++c)
                shared = shared && row == static_cast<long>(f[c]) && (w[c] - w[0]) % LANES == 0;
            if (shared)
                filter<4, true>(lane, w, f, &volts_[at]);
            else
                filter<4, false>(lane, w, f, &volts_[at]);
        }
        for (; s < symbols; ++s) {
            const auto at = static_cast<std::size_t>(s);
            filter<1, true>(lane, &whole_[at], &fraction_[at], &volts_[at]);
        }
        std::int64_t word = floor_word(whole_[0]);
        for (s = 0; s < symbols; ++s) {
            const auto at = static_cast<std::size_t>(s);
            while (whole_[at] >= (word + 1) * word_samples) ++word;
            const double v = volts_[at] - baseline_at(word, lane);
            if (volts) volts[lane * symbols + s] = v;
            const double code = std::floor(v / setup_.volts_per_step + 0.5);
            codes[lane * symbols + s] =
                static_cast<std::int16_t>(std::min<double>(top, std::max<double>(bottom, code)));
        }
        if (newest >= 0 && detected_[slot(floor_word(newest), lane)]) *detect |= 1u << lane;
    }
    const std::size_t log = static_cast<std::size_t>(counters_.received % ring_words_) * LANES;
    for (int lane = 0; lane < setup_.lanes; ++lane) {
        unwrapped_log_[log + static_cast<std::size_t>(lane)] = unwrapped_[lane];
        // the difference of two codes, as a signed number of PHASE_BITS
        constexpr std::uint32_t mask = (1u << PHASE_BITS) - 1;
        std::int64_t moved = (phases[lane] - last_code_[lane]) & mask;
        if (moved >= 1 << (PHASE_BITS - 1)) moved -= 1 << PHASE_BITS;
        last_code_[lane] = phases[lane] & mask;
        unwrapped_[lane] += moved;
    }
    ++counters_.received;
    const double receiver_ui_fs = setup_.ui_fs * ui;
    const double next = std::floor(
        receiver_ui_fs * (static_cast<double>(counters_.received * symbols) +
                          static_cast<double>(unwrapped_[0]) / setup_.phase_steps) + 0.5);
    const double interval = std::max(next - edge_fs_, 2.0);
    edge_fs_ += interval;
    return interval;
}

double Path::instant(int lane, long back) const {
    const std::int64_t received = counters_.received - 1 - back;
    const std::size_t log = static_cast<std::size_t>(received % ring_words_) * LANES;
    const double phase =
        static_cast<double>(unwrapped_log_[log + static_cast<std::size_t>(lane)]) / setup_.phase_steps;
    const std::int64_t q = (received - 1) * setup_.symbols;
    return static_cast<double>(q) +
           (setup_.rate_offset * static_cast<double>(q) + received_ui() * phase - delay_ui(lane));
}

bool Path::observe(int lane, double start_ui, double step_ui, long count, double* out) const {
    const std::int64_t word_samples = static_cast<std::int64_t>(setup_.symbols) * setup_.samples_per_ui;
    for (long k = 0; k < count; ++k) {
        const double at = (start_ui + step_ui * static_cast<double>(k)) * setup_.samples_per_ui;
        const double base = std::floor(at);
        const auto whole = static_cast<std::int64_t>(base);
        if (whole < std::max<std::int64_t>(oldest_word(), 0) * word_samples ||
            whole >= counters_.made * word_samples)
            return false;
        const double fraction = (at - base) * setup_.bank_phases;
        filter<1, true>(lane, &whole, &fraction, out + k);
        out[k] -= baseline_at(whole / word_samples, lane);
    }
    return true;
}

bool Path::current(int lane, std::int64_t first, long count, double* out) const {
    const std::int64_t word_samples = static_cast<std::int64_t>(setup_.symbols) * setup_.samples_per_ui;
    if (first < std::max<std::int64_t>(counters_.made - ring_words_, 0) * word_samples ||
        first + count > counters_.made * word_samples)
        return false;
    for (long k = 0; k < count; ++k)
        out[k] = waveform_[static_cast<std::size_t>(aligned_ + lane * ring_stride_ + (first + k) % ring_samples_)];
    return true;
}

}  // namespace lightloom
