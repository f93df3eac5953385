"""Bank of ADCs on data-sheet models of AD7490: samples, and every way in which one can fail."""

import gc
import subprocess
from pathlib import Path

import pytest

from lightloom.rtl.ocs.drive.adc_bank import AdcBank, AdcTiming, Kind
from lightloom.rtl.ocs.drive.parts import AD7490

HERE = Path(__file__).parent


def analog(seed, count):
    """What `v SEED` sets."""
    out = []
    for _ in range(count):
        seed = (seed * 1664525 + 1013904223) % 2**32
        out.append(seed >> 20)
    return out


@pytest.fixture(scope="session")
def adc(verilate):
    """Function from sizes to one that runs commands: samples, faults, kinds, failed by print."""
    dac, model = (HERE / n for n in ("ltc2668.h", "ad7490.h"))
    text = model.read_text().replace('#include "ltc2668.h"', dac.read_text())
    main = (HERE / "adc_bank.cpp").read_text().replace('#include "ad7490.h"', text)

    def build(taps, clock_mhz):
        adcs = -(-taps // 16)
        sizes = f"#define ADCS {adcs}\n#define CLOCK_MHZ {clock_mhz}.0\n"
        binary = verilate(AdcBank(taps, float(clock_mhz)), "adc_bank", sizes + main)

        def run(*lines):
            done = subprocess.run(
                [binary], input="\n".join(lines), capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, done.stderr
            out = []
            for line in done.stdout.splitlines():
                pairs, rest = line.split("-1 ")
                pairs = [int(x) for x in pairs.split()]
                faults, kinds, failed = (int(x, 16) for x in rest.split())
                samples = list(zip(pairs[::2], pairs[1::2], strict=True))
                kinds = [Kind(kinds >> 2 * n & 3) for n in range(adcs)]
                out.append((samples, faults, kinds, failed))
            return out

        return run

    return build


@pytest.mark.parametrize(("taps", "clock_mhz"), [(40, 250), (5, 100), (16, 33)])
def test_every_tap_is_sampled_within_the_data_sheet(adc, taps, clock_mhz):
    timing = AdcTiming(AD7490, clock_mhz)
    frames = min(taps, 16)
    start = (frames + 6) * timing.frame
    lines = ["v 7", f"w {start}", "p"]
    lines += [f"v {8}", f"w {2 * timing.frame}", "p", f"w {frames * timing.frame}", "p"]
    first, _, second = adc(taps, clock_mhz)(*lines)
    for row, seed in ((first, 7), (second, 8)):
        values = analog(seed, 16 * -(-taps // 16))[:taps]
        assert dict(row[0]) == dict(enumerate(values))
        assert row[1:] == (0, [Kind.GOOD] * -(-taps // 16), 0)
    assert len(second[0]) == pytest.approx(taps, abs=-(-taps // 16))
    assert timing.round_us == pytest.approx(16 * timing.frame / clock_mhz)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("dout0", Kind.LOW),
        ("dout1", Kind.HIGH),
        ("open0", Kind.LOW),
        ("open1", Kind.HIGH),
        ("din0", Kind.ADDRESS),
        ("din1", None),
        ("sck0", None),
        ("sck1", None),
        ("cs0", None),
        ("cs1", None),
    ],
)
@pytest.mark.parametrize("which", [1, -1], ids=["one", "all"])
def test_a_stuck_line_or_a_missing_chip_is_reported_and_gives_no_samples(adc, which, fault, kind):
    timing = AdcTiming(AD7490, 100)
    lines = ["v 3", f"w {20 * timing.frame + 37}", "p", f"f {which} {fault}"]
    lines += [f"w {4 * timing.frame}", "p", f"w {32 * timing.frame}", "p"]
    lines += ["f -1 none", "q", f"w {24 * timing.frame}", "p"]
    before, found, later, repaired = adc(40, 100)(*lines)
    assert before[1] == 0
    bad = [1] if which == 1 else [0, 1, 2]
    assert found[1] == sum(1 << n for n in bad)
    values = dict(enumerate(analog(3, 48)))
    for number in range(3):
        if number not in bad:
            assert found[2][number] == Kind.GOOD
        elif kind is None:
            assert found[2][number] != Kind.GOOD
        else:
            assert found[2][number] == kind
    # A stuck line can look like one address of 16; no other sample passes.
    assert len({tap for tap, _ in later[0] if tap // 16 in bad}) <= len(bad)
    assert all(values[tap] == value for tap, value in later[0] if tap // 16 not in bad)
    assert repaired[1] == 0
    assert dict(repaired[0]) == {tap: values[tap] for tap in range(40)}


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="taps = 0; allowed: an integer from 1 to 4096"):
        AdcBank(0, 250.0)
    with pytest.raises(ValueError, match="clock_mhz = 0; allowed: above 0, at most 10000"):
        AdcBank(40, 0)
    with pytest.raises(ValueError, match=r"taps = 4096; allowed: 1 to 1\d\d\d at 10 MHz"):
        AdcBank(4096, 10)
    gc.collect()
