"""Speed of a whole link run: RTL, waveforms and registers together, in bits a CPU second."""

import json
from pathlib import Path

from lightloom.flows import cli

DESIGN = Path(__file__).parents[2] / "designs" / "xpu_cpo.toml"


def run(out, *settings):
    flags = [part for setting in settings for part in ("--set", setting)]
    assert cli.run(["link", str(DESIGN), "-q", "-o", str(out), *flags]) == 0
    return json.loads((out / "metrics.json").read_text())


def test_line_bits_a_cpu_second(tmp_path):
    settings = ("run.ber_bits=4_000_000",)
    run(tmp_path / "warm", *settings)
    found = {
        samples: run(tmp_path / f"{samples}", *settings, f"run.samples_per_ui={samples}")
        for samples in (4, 8, 16)
    }
    base = found[8]["cosim.bits_per_s"]
    for samples, metrics in found.items():
        speed = metrics["cosim.bits_per_s"]
        print(
            f"{samples:2} samples/UI: {speed / 1e6:6.2f} Mbit/s, {speed / base:.2f} of 8, "
            f"{metrics['cosim.cpu_s']:.1f} CPU s"
        )
    assert base > 2e6
