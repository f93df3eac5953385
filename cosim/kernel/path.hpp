// One direction of the link: transmit codes in, photocurrent waveform, sampled voltages out.
//
// The waveform is made word by word and only when a sampling instant needs it. By then the light of that
// word has really passed the switch, so a heater change acts on the light that is there and nothing is ever
// taken from the future; and results do not depend on how calls are grouped.
//
// Time on the waveform is counted in symbols of the transmitter since its first word, minus the delay of the
// lane, which is applied at the sampling instants. Before word 0 there is no light.
//
// In a ring two fibres lead from one transceiver to the other. The receivers hear the fibre that their own
// switch lets through more; what comes over the other, 50 dB less, is left out. When they change to the
// other fibre, words are made anew from the first that is still under way there.

#pragma once

#include <cstdint>
#include <vector>

#include "fabric.hpp"
#include "modulator.hpp"
#include "noise.hpp"

namespace lightloom {

struct PathSetup {
    int lanes = 0, symbols = 0, samples_per_ui = 0;
    std::uint64_t seed = 0;
    bool noisy = true;
    double ui_fs = 0.0;                 // of the transmitter
    double rate_offset = 0.0;           // UI of the receiver / UI of the transmitter - 1
    double volts_per_code = 0.0;
    std::vector<double> tx_response;    // pulse response, samples_per_ui a symbol
    ModulatorKind modulator = ModulatorKind::MZM;
    double modulator_parameters[4] = {0.0, 0.0, 0.0, 0.0};
    double source_field[LANES] = {};    // root mW at the fibre with the modulator fully open
    double laser_turns[LANES] = {};     // laser offset, turns a word
    double laser_walk[LANES] = {};      // standard deviation of the phase walk, turns a word
    double detector_field[LANES] = {};  // fibre to photocurrent: root of A per mW
    double dark_a = 0.0;
    double noise[3] = {};               // current variance: constant, per A, per A squared
    int noise_every = 1;                // samples from one noise impulse to the next
    double delay_ui[LANES] = {};        // transmitter to sampler without the filters' own shape
    double fabric_delay_fs = 0.0;       // in a ring to the sender's switch
    double fibre_delay_ui[2][LANES] = {};  // ring: as delay_ui, over the primary and the backup fibre
    double flight_fs[2] = {};           // ring: of the fibre, from switch to switch
    double fibre_field[2] = {};         // ring: field behind a fibre, relative to source_field
    double tap_mw = 0.0;                // ring: mean light at a fibre's end that its tap shows
    int bank_phases = 0;                // fractions of a sample in the receive filter bank
    std::vector<double> rx_bank;        // (bank_phases + 1) rows of taps, V/A
    double rx_gain = 0.0;               // V/A at zero frequency
    double baseline_rate = 0.0;         // a word
    double detect_rate = 0.0, detect_a = 0.0;
    double phase_steps = 64.0;
    double volts_per_step = 1.0;        // of the sampler
    int adc_bits = 6;
    long history_words = 64;
    long code_words = 4096;
};

// A fibre of a ring that ends at some place from a time on; the place is a part of its length from the sender.
struct Cut {
    double time_fs = 1e300, place = 0.5;
};

struct PathCounters {
    std::int64_t sent = 0, made = 0, received = 0, late = 0, early = 0, overrun = 0;
};

class Path {
public:
    // direction 0: A to B, which the random numbers of lasers and noise depend on. `backwards` walks the
    // fabric from its outputs to its inputs.
    void start(const PathSetup& setup, const Fabric& fabric, bool backwards, int direction);

    // One word, [lane][symbol].
    void send(const std::int16_t* codes);

    // One received word: phases in, codes [lane][symbol] out; volts may be null. Returns fs to next edge.
    double receive(const std::uint32_t* phases, std::int16_t* codes, double* volts, std::uint32_t* detect);

    // Voltage of a lane at `count` instants from `start_ui` on, every `step_ui`; false if not all are held.
    bool observe(int lane, double start_ui, double step_ui, long count, double* out) const;
    // Photocurrent samples; false if not all are held.
    bool current(int lane, std::int64_t first, long count, double* out) const;

    // Ring: bit of each lane with light behind a fibre at a time, before the receiving side's switch.
    std::uint32_t taps(int fibre, double time_fs) const;
    void cut(int fibre, const Cut& cut) { cuts_[fibre] = cut; matrix_settled_ = false; }
    // Ring: field transfer of both switches and the fibre between them, at phases that stand.
    Matrix through(const std::vector<double>& phases) const { return product(phases, phases); }
    // Ring: the fibre that the receivers hear.
    int fibre() const { return fibre_; }

    // Instant of symbol 0 of the received word `back` words ago, in UI of the transmitter, without delay.
    double instant(int lane, long back) const;
    double received_ui() const { return 1.0 + setup_.rate_offset; }
    double edge_fs() const { return edge_fs_; }
    double level(int lane) const { return detect_state_[lane]; }
    double baseline(int lane) const { return baseline_state_[lane]; }
    std::int64_t oldest_word() const;
    const PathCounters& counters() const { return counters_; }

private:
    template <int N, int EVERY> void make();
    template <int N, int EVERY, ModulatorKind KIND> void fill(const Matrix& matrix, bool mix);
    void make_word();
    template <int COUNT, bool SHARED>
    void filter(int lane, const std::int64_t* whole, const double* at, double* out) const;
    std::int64_t floor_word(std::int64_t sample) const;
    std::size_t slot(std::int64_t word, int lane) const;
    double baseline_at(std::int64_t word, int lane) const;
    const Matrix& transfer(std::int64_t word);
    Matrix product(const std::vector<double>& early, const std::vector<double>& late) const;
    bool ring_transfer(double time_fs, Matrix& out) const;
    void choose_fibre();
    double delay_ui(int lane) const { return ring_ ? setup_.fibre_delay_ui[fibre_][lane] : setup_.delay_ui[lane]; }

    PathSetup setup_;
    const Fabric* fabric_ = nullptr;
    int direction_ = 0;
    bool backwards_ = false;
    long memory_ = 0, taps_ = 0, ring_words_ = 0, ring_samples_ = 0, ring_stride_ = 0, pad_ = 0;
    long bank_stride_ = 0, aligned_ = 0;

    std::vector<std::int16_t> codes_;            // ring of words
    std::vector<double> line_;                   // memory_ + symbols columns of 8 lanes, volts
    std::vector<double> waveform_;               // from aligned_ on, per lane: ring, and its first pad_ again
    std::vector<double> bank_;                   // rows reversed in time
    std::vector<double> baseline_;               // ring of words, 8 lanes each
    std::vector<std::uint8_t> detected_;
    std::vector<std::int64_t> unwrapped_log_;    // ring of received words, lanes each
    std::vector<std::int64_t> whole_;            // of the word being received: whole samples,
    std::vector<double> fraction_, volts_;       // the rest in rows of the bank, filtered voltage

    double turns_[LANES] = {};
    double baseline_state_[LANES] = {}, detect_state_[LANES] = {};
    std::int64_t unwrapped_[LANES] = {};
    std::uint32_t last_code_[LANES] = {};
    double edge_fs_ = 0.0;

    bool ring_ = false;
    int fibre_ = 0;
    long fibre_event_ = -1;
    bool fibre_settled_ = false;
    Cut cuts_[2];

    Matrix matrix_;
    long matrix_event_ = -1, matrix_later_event_ = -1;
    bool matrix_settled_ = false;
    PathCounters counters_;
};

}  // namespace lightloom
