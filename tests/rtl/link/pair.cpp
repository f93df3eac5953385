// Two SerDes and their traffic. Commands, one a line; S is a or b:
//   run N                    N clocks of side A
//   until LABEL N            until both links are up; prints LABEL and the clocks, or -1
//   down LABEL S N           until the link of S is down; likewise
//   light S MASK / cut S MASK / noise S PERIOD     of what S receives; noise hits one lane in turn
//   other S 0|1              take the other route's delays
//   route S NAME VALUE       an input of the side band: freeze, pause, save, load, index, tell
//   good LABEL S N           until frame_good of S; prints LABEL and the clocks, or -1
//   told LABEL S             prints LABEL and the word from the far end's route controller
//   write S ADDRESS VALUE / read S ADDRESS LSB MASK LABEL
//   cwrite and cread         the same of the route controllers, if there are any
//   fibre MASK               fibres that are whole, primary in bit 0
//   paths LABEL P N          until both controllers are on path P; prints LABEL and the clocks
//   send S COUNT LONGEST     queue COUNT frames of random bytes
//   drain LABEL N            until all frames have come or N clocks; prints, for each side,
//                            LABEL.S.good, .bad (marked), .wrong (delivered as good, not sent)
//   echo S                   from now on what S sends is expected back at S
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

using Frame = std::vector<uint8_t>;
static MODEL* top;
static std::mt19937 rng(1);
static uint64_t time_ps = 0, next_a = 1000, next_b = 1300, period_a = 1000000, period_b;
static uint64_t clocks = 0;
static uint64_t noise_period[2] = {0, 0}, noise_clock[2] = {0, 0};

static uint32_t* words(void* port) { return static_cast<uint32_t*>(port); }
static void put(uint32_t* w, int at, int width, uint64_t value) {
    for (int n = 0; n < width; n++) {
        const uint32_t bit = 1u << ((at + n) & 31);
        uint32_t& word = w[(at + n) >> 5];
        word = value >> n & 1 ? word | bit : word & ~bit;
    }
}
static uint64_t get(const uint32_t* w, int at, int width) {
    uint64_t value = 0;
    for (int n = 0; n < width; n++) value |= uint64_t(w[(at + n) >> 5] >> ((at + n) & 31) & 1) << n;
    return value;
}

struct Side {
    std::deque<Frame> queue, sent;
    Frame building;
    size_t at = 0;
    long good = 0, bad = 0, wrong = 0;
    bool echo = false;
    Side* far = nullptr;

    // Before the clock: what the stream moves in this clock.
    void before(bool ready, bool valid, const uint32_t* out) {
        if (presented && ready) {
            at += shown;
            if (at >= queue.front().size()) {
                sent.push_back(queue.front());
                queue.pop_front();
                at = 0;
            }
            presented = false;
        }
        if (valid) {
            const int count = get(out, 64 * BLOCKS, COUNT_BITS);
            const bool last = get(out, 64 * BLOCKS + COUNT_BITS, 1);
            const bool error = get(out, 64 * BLOCKS + COUNT_BITS + 1, 1);
            for (int n = 0; n < count; n++) building.push_back(get(out, 8 * n, 8));
            if (last) {
                take(error);
                building.clear();
            }
        }
    }
    void take(bool error) {
        if (error) {
            bad++;
            return;
        }
        std::deque<Frame>& from = echo ? sent : far->sent;
        // Frames may be lost, never invented or reordered.
        for (size_t n = 0; n < from.size(); n++)
            if (from[n] == building) {
                from.erase(from.begin(), from.begin() + n + 1);
                good++;
                return;
            }
        // The far end's last word may still be on its way into `sent`.
        if (!echo && !far->queue.empty() && far->queue.front() == building) {
            good++;
            return;
        }
        wrong++;
    }
    void after(uint32_t* in, uint8_t* valid) {
        if (!presented && !queue.empty()) {
            const Frame& frame = queue.front();
            shown = std::min<size_t>(8 * BLOCKS, frame.size() - at);
            memset(in, 0, (WORD_BITS + 31) / 32 * 4);
            for (size_t n = 0; n < shown; n++) put(in, 8 * n, 8, frame[at + n]);
            put(in, 64 * BLOCKS, COUNT_BITS, shown);
            put(in, 64 * BLOCKS + COUNT_BITS, 1, at + shown == frame.size());
            presented = true;
        }
        *valid = presented;
    }
    bool presented = false;
    size_t shown = 0;
};
static Side side[2];

static void edge(int s) {
    uint8_t& clk = s ? top->far_clk : top->clk;
    if (s)
        side[1].before(top->i_ready_b, top->o_valid_b, words(&top->o_b));
    else
        side[0].before(top->i_ready_a, top->o_valid_a, words(&top->o_a));
    clk = 1;
    top->eval();
    if (s)
        side[1].after(words(&top->i_b), &top->i_valid_b);
    else
        side[0].after(words(&top->i_a), &top->i_valid_a);
    if (noise_period[s]) {
        const bool hit = ++noise_clock[s] % noise_period[s] == 0;
        auto& mask = s ? top->noise_b : top->noise_a;
        mask = hit ? 1 << rng() % LANES : 0;
    }
    clk = 0;
    top->eval();
}
static void step() {  // one clock of A
    for (;;) {
        if (next_b < next_a) {
            next_b += period_b;
            edge(1);
        } else {
            next_a += period_a;
            clocks++;
            edge(0);
            return;
        }
    }
}
template <class T> static void set(T& port, uint64_t value) { port = value; }

#define CSR(S, P)                                                                      \
    static void write_##S(uint32_t address, uint32_t value) {                           \
        top->P##___05Fawaddr = address;                                           \
        top->P##___05Fwdata = value;                                              \
        top->P##___05Fwstrb = 15;                                                 \
        top->P##___05Fawvalid = top->P##___05Fwvalid = 1;                   \
        top->P##___05Fbready = 1;                                                 \
        for (int n = 0; n < 100; n++) {                                                 \
            top->eval();                                                                \
            const bool aw = top->P##___05Fawready, w = top->P##___05Fwready; \
            const bool b = top->P##___05Fbvalid;                                  \
            step();                                                                     \
            if (aw) top->P##___05Fawvalid = 0;                                    \
            if (w) top->P##___05Fwvalid = 0;                                      \
            if (b) return;                                                              \
        }                                                                               \
        exit(3);                                                                        \
    }                                                                                   \
    static uint32_t read_##S(uint32_t address) {                                        \
        top->P##___05Faraddr = address;                                           \
        top->P##___05Farvalid = top->P##___05Frready = 1;                   \
        for (int n = 0; n < 100; n++) {                                                 \
            top->eval();                                                                \
            const bool ar = top->P##___05Farready;                                \
            const bool r = top->P##___05Frvalid;                                  \
            const uint32_t value = top->P##___05Frdata;                           \
            step();                                                                     \
            if (ar) top->P##___05Farvalid = 0;                                    \
            if (r) return value;                                                        \
        }                                                                               \
        exit(3);                                                                        \
    }
CSR(a, csr_a)
CSR(b, csr_b)
#ifdef ROUTED
CSR(ctl_a, ctl_a)
CSR(ctl_b, ctl_b)
#endif

int main(int, char** argv) {
    VerilatedContext context;
    top = new MODEL(&context);
    period_b = period_a / (1 + atof(argv[1]) * 1e-6);
    side[0].far = &side[1];
    side[1].far = &side[0];
    top->eval();
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream in(line);
        std::string command, name;
        in >> command;
        const auto which = [&] { in >> name; return name == "b"; };
        if (command == "run") {
            long n;
            in >> n;
            while (n--) step();
        } else if (command == "until" || command == "down") {
            std::string label;
            long n;
            in >> label;
            const int s = command == "down" ? which() : 0;
            in >> n;
            const uint64_t begin = clocks;
            const auto done = [&] {
                if (command == "down") return !(s ? top->up_b : top->up_a);
                return top->up_a && top->up_b;
            };
            while (!done() && n--) step();
            std::cout << label << ' ' << (done() ? long(clocks - begin) : -1L) << std::endl;
        } else if (command == "good") {
            std::string label;
            in >> label;
            const int s = which();
            long n;
            in >> n;
            const uint64_t begin = clocks;
            const auto done = [&] { return s ? top->frame_good_b : top->frame_good_a; };
            while (!done() && n--) step();
            std::cout << label << ' ' << (done() ? long(clocks - begin) : -1L) << std::endl;
        } else if (command == "told") {
            std::string label;
            in >> label;
            const int s = which();
            std::cout << label << ' ' << int(s ? top->route_told_b : top->route_told_a) << std::endl;
        } else if (command == "other") {
            const int s = which();
            uint64_t value;
            in >> value;
            s ? set(top->other_b, value) : set(top->other_a, value);
        } else if (command == "route") {
            const int s = which();
            std::string input;
            uint64_t value;
            in >> input >> value;
#define ROUTE(NAME) \
    if (input == #NAME) s ? set(top->route_##NAME##_b, value) : set(top->route_##NAME##_a, value)
            ROUTE(freeze);
            ROUTE(pause);
            ROUTE(save);
            ROUTE(load);
            ROUTE(index);
            ROUTE(tell);
        } else if (command == "light") {
            const int s = which();
            uint64_t mask;
            in >> mask;
            s ? set(top->light_b, mask) : set(top->light_a, mask);
        } else if (command == "cut") {
            const int s = which();
            uint64_t mask;
            in >> mask;
            s ? set(top->cut_b, mask) : set(top->cut_a, mask);
        } else if (command == "noise") {
            const int s = which();
            in >> noise_period[s];
            set(top->noise_a, 0);
            set(top->noise_b, 0);
        } else if (command == "write") {
            const int s = which();
            uint32_t address, value;
            in >> address >> value;
            s ? write_b(address, value) : write_a(address, value);
        } else if (command == "read") {
            const int s = which();
            uint32_t address, lsb, mask;
            std::string label;
            in >> address >> lsb >> mask >> label;
            const uint32_t value = s ? read_b(address) : read_a(address);
            std::cout << label << ' ' << (value >> lsb & mask) << std::endl;
#ifdef ROUTED
        } else if (command == "cwrite") {
            const int s = which();
            uint32_t address, value;
            in >> address >> value;
            s ? write_ctl_b(address, value) : write_ctl_a(address, value);
        } else if (command == "cread") {
            const int s = which();
            uint32_t address, lsb, mask;
            std::string label;
            in >> address >> lsb >> mask >> label;
            const uint32_t value = s ? read_ctl_b(address) : read_ctl_a(address);
            std::cout << label << ' ' << (value >> lsb & mask) << std::endl;
        } else if (command == "fibre") {
            uint64_t mask;
            in >> mask;
            set(top->fibre, mask);
        } else if (command == "paths") {
            std::string label;
            unsigned path;
            long n;
            in >> label >> path >> n;
            const uint64_t begin = clocks;
            const auto done = [&] { return top->path_a == path && top->path_b == path; };
            while (!done() && n--) step();
            std::cout << label << ' ' << (done() ? long(clocks - begin) : -1L) << std::endl;
#endif
        } else if (command == "send") {
            const int s = which();
            long count, longest;
            in >> count >> longest;
            while (count--) {
                Frame frame(1 + rng() % longest);
                for (auto& byte : frame) byte = rng();
                side[s].queue.push_back(frame);
            }
        } else if (command == "echo") {
            side[which()].echo = true;
        } else if (command == "drain") {
            std::string label;
            long n;
            in >> label >> n;
            const auto empty = [](const Side& s) { return s.queue.empty() && s.sent.empty(); };
            while (!(empty(side[0]) && empty(side[1])) && n--) step();
            for (int s = 0; s < 2; s++) {
                const std::string at = label + "." + "ab"[s];
                std::cout << at << ".good " << side[s].good << '\n' << at << ".bad " << side[s].bad
                          << '\n' << at << ".wrong " << side[s].wrong << std::endl;
                side[s].good = side[s].bad = side[s].wrong = 0;
            }
        } else if (!command.empty()) {
            std::cerr << "unknown command " << command << '\n';
            return 2;
        }
    }
    return 0;
}
