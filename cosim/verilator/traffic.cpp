// Frame traffic for one run: each side sends one file and receives one, word by word through DPI-C.
//
// A frame is a header (frame number, file size; 32 bits each, little endian) and up to `chunk` bytes of the
// file; an empty file is one frame with a header only. Frames that the link marks as errored are dropped,
// as a MAC would drop them, and counted.

#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr long kHeader = 8;
constexpr long kMaxBytes = 1L << 26;

struct Side {
    // sending
    std::vector<uint8_t> file;
    long frame = 0, frames = 0, offset = 0;
    bool open = false;
    std::vector<uint8_t> current;
    std::vector<double> sent_fs;
    bool first_word = false;
    // receiving
    std::vector<uint8_t> assembly, received;
    std::vector<uint8_t> have;
    std::vector<double> received_fs;
    double start_fs = 0;
    long good = 0, errored = 0, malformed = 0, duplicated = 0, reordered = 0, last_frame = -1, total = -1;
};

Side sides[2];
long word_bytes = 64, chunk = 2048;

long frame_count(long bytes) { return bytes ? (bytes + chunk - 1) / chunk : 1; }

uint32_t get32(const uint8_t* p) {
    return uint32_t(p[0]) | uint32_t(p[1]) << 8 | uint32_t(p[2]) << 16 | uint32_t(p[3]) << 24;
}

void put32(uint8_t* p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = uint8_t(v >> (8 * i));
}

int count_bits() {
    int bits = 0;
    while ((1L << bits) <= word_bytes) bits++;
    return bits;
}

// Words of a packed bit vector are 32 bits, least significant first.
void put_bits(uint32_t* words, long at, int bits, uint32_t value) {
    for (int i = 0; i < bits; i++, at++) {
        const uint32_t bit = (value >> i) & 1u;
        words[at / 32] = (words[at / 32] & ~(1u << (at % 32))) | bit << (at % 32);
    }
}

uint32_t get_bits(const uint32_t* words, long at, int bits) {
    uint32_t value = 0;
    for (int i = 0; i < bits; i++, at++) value |= ((words[at / 32] >> (at % 32)) & 1u) << i;
    return value;
}

void finish_frame(Side& s, bool error) {
    std::vector<uint8_t> frame;
    frame.swap(s.assembly);
    if (error) {
        s.errored++;
        return;
    }
    if (long(frame.size()) < kHeader) {
        s.malformed++;
        return;
    }
    const long number = get32(frame.data()), total = get32(frame.data() + 4);
    const long size = long(frame.size()) - kHeader, at = number * chunk;
    // Without a checksum on the line a damaged header can pass; it must not write outside the file.
    const bool fits = total <= kMaxBytes && number < frame_count(total) && size == (total - at < chunk ? total - at : chunk);
    if (!fits || (s.total >= 0 && total != s.total)) {
        s.malformed++;
        return;
    }
    if (s.total < 0) {
        s.total = total;
        s.received.assign(size_t(total), 0);
        s.have.assign(size_t(frame_count(total)), 0);
        s.received_fs.assign(size_t(frame_count(total)), -1.0);
    }
    if (s.have[size_t(number)]) {
        s.duplicated++;
        return;
    }
    if (number < s.last_frame) s.reordered++;
    s.last_frame = number;
    s.have[size_t(number)] = 1;
    s.received_fs[size_t(number)] = s.start_fs;
    std::memcpy(s.received.data() + at, frame.data() + kHeader, size_t(size));
    s.good++;
}

}  // namespace

extern "C" {

void lt_setup(long bytes_per_word, long bytes_per_frame) {
    word_bytes = bytes_per_word;
    chunk = bytes_per_frame;
    sides[0] = Side();
    sides[1] = Side();
}

void lt_load(int side, const uint8_t* data, long size) {
    Side& s = sides[side];
    s.file.assign(data, data + size);
    s.frames = frame_count(size);
    s.sent_fs.assign(size_t(s.frames), -1.0);
}

// No frame after the one that is under way.
void lt_stop(int side) {
    Side& s = sides[side];
    s.frames = s.frame + (s.open ? 1 : 0);
}

int lt_source(int side, double, uint32_t* word) {
    Side& s = sides[side];
    if (!s.open) {
        if (s.frame >= s.frames) return 0;
        const long at = s.frame * chunk;
        const long left = long(s.file.size()) - at;
        const long size = left < chunk ? left : chunk;
        s.current.resize(size_t(kHeader + size));
        put32(s.current.data(), uint32_t(s.frame));
        put32(s.current.data() + 4, uint32_t(s.file.size()));
        if (size) std::memcpy(s.current.data() + kHeader, s.file.data() + at, size_t(size));
        s.offset = 0;
        s.open = s.first_word = true;
    }
    const long left = long(s.current.size()) - s.offset;
    const long count = left < word_bytes ? left : word_bytes;
    std::memset(word, 0, size_t(word_bytes) + 4);
    std::memcpy(word, s.current.data() + s.offset, size_t(count));
    put_bits(word, 8 * word_bytes, count_bits(), uint32_t(count));
    put_bits(word, 8 * word_bytes + count_bits(), 1, left <= word_bytes);
    put_bits(word, 8 * word_bytes + count_bits() + 1, 1, 0);
    return 1;
}

void lt_taken(int side, double time_fs) {
    Side& s = sides[side];
    if (s.first_word) s.sent_fs[size_t(s.frame)] = time_fs;
    s.first_word = false;
    s.offset += word_bytes;
    if (s.offset >= long(s.current.size())) {
        s.open = false;
        s.frame++;
    }
}

// Returns 1 when the whole file of the other side has arrived.
int lt_sink(int side, double time_fs, const uint32_t* word) {
    Side& s = sides[side];
    const int bits = count_bits();
    const long count = get_bits(word, 8 * word_bytes, bits);
    const bool last = get_bits(word, 8 * word_bytes + bits, 1);
    const bool error = get_bits(word, 8 * word_bytes + bits + 1, 1);
    if (s.assembly.empty()) s.start_fs = time_fs;
    if (long(s.assembly.size()) <= kHeader + chunk) {
        const auto* bytes = reinterpret_cast<const uint8_t*>(word);
        s.assembly.insert(s.assembly.end(), bytes, bytes + (count < word_bytes ? count : word_bytes));
    }
    if (last) finish_frame(s, error);
    return s.total >= 0 && s.good == frame_count(s.total);
}

long lt_received(int side, uint8_t* data, long size) {
    const Side& s = sides[side];
    if (s.total >= 0 && data && size >= s.total) std::memcpy(data, s.received.data(), size_t(s.total));
    return s.total;
}

// One byte for each frame: 1 where it was delivered.
long lt_delivered(int side, uint8_t* data, long size) {
    const Side& s = sides[side];
    for (long i = 0; i < long(s.have.size()) && i < size; i++) data[i] = s.have[size_t(i)];
    return long(s.have.size());
}

// Counts in the order: frames sent, good, errored, malformed, duplicated, reordered.
void lt_counts(int side, long* counts) {
    const Side &from = sides[1 - side], &s = sides[side];
    const long values[6] = {from.frame, s.good, s.errored, s.malformed, s.duplicated, s.reordered};
    std::memcpy(counts, values, sizeof values);
}

// When the first word of each frame came to `side`, -1 for a frame that did not arrive.
long lt_arrivals(int side, double* fs, long size) {
    const Side& s = sides[side];
    const long frames = long(s.received_fs.size());
    for (long i = 0; i < frames && i < size; i++) fs[i] = s.received_fs[size_t(i)];
    return frames;
}

// Latency of each frame's first word into `side`, -1 for a frame that did not arrive.
long lt_latency(int side, double* fs, long size) {
    const Side &from = sides[1 - side], &s = sides[side];
    const long frames = long(s.received_fs.size());
    for (long i = 0; i < frames && i < size; i++)
        fs[i] = s.received_fs[size_t(i)] < 0 ? -1.0 : s.received_fs[size_t(i)] - from.sent_fs[size_t(i)];
    return frames;
}

}  // extern "C"
