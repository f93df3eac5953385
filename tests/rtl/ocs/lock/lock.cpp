// Runs `Locks` with samples from a table. Commands, one a line:
//   set NAME VALUE   states HEX   light HEX   tap CHANNEL HALF LEVEL VALUE   pulse NAME   run N (clocks)
//   set mute N (channel whose samples do not come, -1 none)   round N (enabled for one round, at most N clocks)
// Prints what happens: t CELL STATE VALUE, v CELL SOURCE HELD LIMITED ERROR, e LOCKED (end of a round), s ... (a sweep).
// During a sweep a tap reads what `tap` says for the half 0, plus the distance of the power from `valley`, over 16.
#include "Vlocks.h"
#include "verilated.h"
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

static Vlocks top;
static int value[2 * CELLS][2][2];
static int trims[CELLS], valley = 0, mute = -1;

static void step() {
  const int channel = top.channel;
  const int half = top.dither_on && short(top.dither_value << 4) < 0;
  top.sample_valid = channel != mute && channel < 2 * CELLS;
  top.sample_channel = channel;
  if (top.sample_valid) {
    int v = value[channel][half][top.pilot_level];
    if (top.sweep_busy && top.pilot_level) v += std::abs(trims[channel / 2] + 32768 - valley) / 16;
    top.sample_value = v > 4095 ? 4095 : v;
  }
  top.clk = 1, top.eval(), top.clk = 0, top.eval();
  if (top.trim_write) {
    trims[top.trim_cell] = short(top.trim_value);
    if (!top.sweep_busy) std::printf("t %d %d %d\n", int(top.trim_cell), int(top.states >> top.trim_cell & 1), short(top.trim_value));
  }
  if (top.visited) {
    const int error = int(top.error << 15) >> 15;
    std::printf("v %d %d %d %d %d\n", int(top.visited_cell), int(top.pilot_source), int(top.held), int(top.limited), error);
  }
  static int ended = 0;
  if (ended) std::printf("e %d\n", int(top.locked));
  ended = top.round;
  if (top.sweep_done) {
    std::printf("s %d %d %d %d %d %d %d %d %d %d\n", int(top.sweep_silent), int(top.sweep_low << 1) >> 1,
                int(top.sweep_high << 1) >> 1, int(top.sweep_low_at), int(top.sweep_high_at), int(top.sweep_below_first),
                int(top.sweep_below_last), int(top.sweep_below), int(top.sweep_edge), int(top.sweep_parts));
  }
}

#define IN(name) {#name, [](long v) { top.name = v; }}
int main() {
  const std::map<std::string, void (*)(long)> inputs = {
      IN(enable), IN(settled), IN(change), IN(clear), IN(states), IN(light), IN(amplitude), IN(wait), IN(groups),
      IN(repeats), IN(guard), IN(patience), IN(gain), IN(step), IN(limit), IN(floor), IN(tolerance), IN(sweep_start),
      IN(sweep_stop), IN(sweep_cell), IN(sweep_source), IN(sweep_tap), IN(sweep_first), IN(sweep_step),
      IN(sweep_count), IN(sweep_threshold), {"valley", [](long v) { valley = v; }}, {"mute", [](long v) { mute = v; }}};
  top.rst = 1;
  step();
  top.rst = 0;
  std::string line, word;
  while (std::getline(std::cin, line)) {
    std::istringstream in(line);
    in >> word;
    long v;
    if (word == "tap") {
      int channel, half, level;
      in >> channel >> half >> level >> v;
      value[channel][half][level] = v;
    } else if (word == "run") {
      in >> v;
      while (v--) step();
    } else if (word == "round") {
      in >> v;
      top.enable = 1;
      do step();
      while (!top.round && --v);
      step();  // the round's last clock
      top.enable = 0;
      step();
    } else if (word == "pulse") {
      in >> word;
      inputs.at(word)(1), step(), inputs.at(word)(0);
    } else {
      in >> word >> v;
      inputs.at(word)(v);
    }
  }
}
