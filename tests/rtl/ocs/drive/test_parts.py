"""The data-sheet models of the parts see each way of breaking the data sheet."""

import subprocess
from pathlib import Path

import pytest

from lightloom.rtl.ocs.drive.parts import AD7490, LTC2668, clocks

HERE = Path(__file__).parent
LIMITS = {
    "LTC2668": (LTC2668, ["period", "high", "low", "setup", "hold", "lead", "lag", "deselect",
                          "ignore", "delay", "clear"]),
    "AD7490": (AD7490, ["period", "duty", "lead", "delay", "setup", "hold", "lag", "quiet",
                        "release"]),
}  # fmt: skip
# A good frame of each part, with times that the name on the command line makes too short.
MAIN = r"""
#include "ad7490.h"
#include <cstdio>
static std::string bad;
static double is(const char* name, double good, double wrong) { return bad == name ? wrong : good; }

static void dac() {
  Ltc2668 chip;
  Line sdi;
  bool cs = true, sck = false, clr = true;
  double t = 0;
  auto at = [&](double wait) { t += wait; chip.step(t, cs, sck, sdi, clr); };
  at(0);
  clr = false, at(50);
  clr = true, at(is("clear", 20, 19));
  unsigned words[] = {0xA5005678, 0x5A2F1234};
  for (unsigned word : words) {
    cs = false, at(is("deselect", 50, 9));
    int bits = is("length", 32, 31);
    for (int i = 0; i < bits; i++) {
      at(i ? 0.5 : 0);
      double low = i ? is("low", 9.5, 8) : 20;
      double lead = is("setup", low - 1, 5);
      if (bad == "lead" && !i) low = 6.5, lead = 6.2;
      if (bad == "period") low = 9;
      at(low - lead);
      sdi.set(word >> (31 - i) & 1, t);
      at(0);
      at(lead), sck = true, at(0);
      if (bad == "hold" && i == 2) at(5), sdi.set(!sdi.after, t), at(0), at(4);
      else at(is("high", bad == "period" ? 9 : 10.5, 8));
      sck = false;
      at(0);
    }
    if (bad == "lag") t = chip.t_rise;
    cs = true, at(is("lag", 8, 6));
    if (bad == "deselect") continue;
    sck = true, at(is("ignore", 7, 6)), sck = false, at(20);
  }
  if (chip.output[15] != 0x1234 || chip.input[0] != 0x5678) throw std::runtime_error("values");
}

static void adc() {
  Ad7490 chip;
  Line din;
  bool cs = true, sck = true;
  double t = 0;
  auto at = [&](double wait) { t += wait; chip.step(t, cs, sck, din); };
  at(0);
  chip.analog[3] = 0xABC;
  unsigned got = 0;
  for (unsigned word : {0xFFFFu, 0x8F30u, 0xFFFFu}) {
    cs = false, at(200 - is("quiet", 0, 155));
    got = 0;
    int bits = is("length", 16, 15);
    for (int i = 0; i < bits; i++) {
      double high = i ? is("duty", 40, 25) : is("lead", 60, 11);
      if (bad == "period" && i) high = 30;
      double early = is("setup", high - 1, 19);
      if (early < high) at(high - early);
      din.set(word >> (15 - i) & 1, t);
      at(0);
      at(early);
      got = got << 1 | chip.dout.at(t);
      sck = false, at(0);
      if (bad == "hold") at(4), din.set(!din.after, t), at(0);
      at(i == 15 ? is("lag", 25, 19) : bad == "duty" ? 60 : is("period", 40, 30));
      if (i < 15) sck = true, at(0);
    }
    cs = true, at(0), sck = true, at(20);
  }
  if (got != 0x3ABC) throw std::runtime_error("value");
}

int main(int, char** argv) try {
  bad = argv[2];
  std::string(argv[1]) == "dac" ? dac() : adc();
} catch (const std::exception& error) {
  std::puts(error.what());
  return 3;
}
"""


@pytest.fixture(scope="module")
def wave(tmp_path_factory):
    """Function from a part and what is wrong to what its model says."""
    folder = tmp_path_factory.mktemp("parts")
    (folder / "main.cpp").write_text(MAIN)
    command = ["g++", "-std=c++20", "-I", HERE, "main.cpp", "-o", "wave"]
    subprocess.run(command, cwd=folder, check=True, timeout=100)

    def run(part, what):
        done = subprocess.run(
            [folder / "wave", part, what], capture_output=True, text=True, timeout=10
        )
        return done.returncode, done.stdout.strip()

    return run


@pytest.mark.parametrize("part", ["dac", "adc"])
def test_a_good_frame_passes(wave, part):
    assert wave(part, "nothing") == (0, "")


@pytest.mark.parametrize(
    ("part", "what", "message"),
    [
        ("dac", "period", "LTC2668: SCK period"),
        ("dac", "high", "LTC2668: SCK high"),
        ("dac", "low", "LTC2668: SCK low"),
        ("dac", "setup", "LTC2668: setup of SDI"),
        ("dac", "hold", "LTC2668: hold of SDI"),
        ("dac", "lead", "LTC2668: CS/LD low to SCK"),
        ("dac", "lag", "LTC2668: SCK high to CS/LD high"),
        ("dac", "deselect", "LTC2668: CS/LD high"),
        ("dac", "ignore", "LTC2668: CS/LD high to SCK"),
        ("dac", "clear", "LTC2668: CLR low"),
        ("dac", "length", "LTC2668: length of a frame"),
        ("adc", "period", "AD7490: SCLK period"),
        ("adc", "duty", "AD7490: SCLK high"),
        ("adc", "lead", "AD7490: CS to SCLK"),
        ("adc", "setup", "AD7490: setup of DIN"),
        ("adc", "hold", "AD7490: hold of DIN"),
        ("adc", "lag", "AD7490: 16th falling edge of SCLK to CS high"),
        ("adc", "quiet", "AD7490: quiet time before CS"),
        ("adc", "length", "AD7490: length of a frame"),
    ],
)
def test_a_frame_against_the_data_sheet_is_refused(wave, part, what, message):
    assert wave(part, what) == (3, message)


@pytest.mark.parametrize("part", LIMITS)
def test_the_models_have_the_limits_of_the_parts(part):
    values, names = LIMITS[part]
    text = (HERE / f"{part.lower()}.h").read_text()
    for name in names:
        assert f"{name} = {getattr(values, name):g}" in text, name


def test_clocks_are_never_shorter_than_the_time():
    assert [clocks(t, 250) for t in (0, 4, 4.1, 30, 30.1)] == [1, 1, 2, 8, 8]
    assert clocks(7, 100) == 1
    assert clocks(10, 100) == 1
