"""What `report.html` is made of: plain values that a flow fills and the template draws.

Numbers carry their unit in their name. Everything that came from a user (design names, file names)
may be any text; the template escapes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from lightloom.flows.runs import Check, InputFile

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KeyFigure:
    """One figure of the header, already formatted: `KeyFigure("latency", "85.2", "ns")`."""

    label: str
    value: str
    unit: str = ""
    note: str = ""


Place = Literal[
    "xpu_a", "package_a", "engine_a", "fibre_a", "switch", "fibre_b", "engine_b", "package_b",
    "xpu_b",
]  # fmt: skip
PLACES: tuple[Place, ...] = (
    "xpu_a", "package_a", "engine_a", "fibre_a", "switch", "fibre_b", "engine_b", "package_b",
    "xpu_b",
)  # fmt: skip
"""The boxes of the drawing, from the transmitter to the receiver."""


@dataclass(frozen=True)
class Stage:
    """One stage of the A to B path, in path order; losses are positive.

    `level_dbm` is the mean optical power after the stage, averaged over lanes, None where the
    signal is electrical; `low_dbm` and `high_dbm` are the lowest and highest lane.
    """

    name: str
    place: Place
    loss_db: float | None
    level_dbm: float | None = None
    low_dbm: float | None = None
    high_dbm: float | None = None
    source: str = ""
    """Where the number comes from: `layout` (extracted), `design`, `touchstone`, `measured`."""


@dataclass(frozen=True)
class Link:
    """What the drawing shows besides the stages."""

    lanes: int
    lane_rate_gbps: float
    modulator: str
    wavelength_nm: float
    length_m: float
    permutation: tuple[int, ...] | None
    """Output of each switch input; None where there is no switch."""
    switch_name: str = ""
    """Without a permutation, where else the switch is: between the fibres there is none."""
    package_note: str = ""
    """Few words under the package boxes: `3.0 dB at 16 GHz`."""


@dataclass(frozen=True)
class Contour:
    """Line of equal error rate around one eye: lower and upper level at each phase."""

    rate: float
    phase_ui: Array
    low_mv: Array
    high_mv: Array


@dataclass(frozen=True)
class Measurement:
    """One figure of the table of measurements; `group` is set on the first of a group."""

    name: str
    value: float
    unit: str
    digits: int
    note: str = ""
    group: str = ""


@dataclass(frozen=True)
class Eye:
    """An eye diagram as a two-dimensional histogram or probability density.

    `density[i, j]` belongs to the level bin `i` (bottom to top) and time bin `j`; colours are
    logarithmic, so counts and probabilities both do.
    """

    title: str
    density: Array
    time_ui: tuple[float, float]
    level_mv: tuple[float, float]
    height_mv: float | None
    width_ui: float | None
    sample_ui: float | None = None
    thresholds_mv: tuple[float, ...] = ()
    caption: str = ""
    contours: tuple[Contour, ...] = ()


@dataclass(frozen=True)
class Ber:
    """Bit errors of one lane in one direction, interval by Clopper-Pearson."""

    direction: str
    lane: str
    bits: int
    errors: int
    low: float
    high: float
    confidence: float = 0.95
    predicted: float | None = None
    """Closed-form BER of the model at this lane's Q, for comparison."""


@dataclass(frozen=True)
class FecLane:
    """Codewords of one lane in one direction."""

    direction: str
    lane: int
    corrected: int
    """With errors, all of them corrected."""
    uncorrectable: int
    symbol_errors: int
    """Symbols corrected."""


@dataclass(frozen=True)
class Fec:
    """What the decoders of all lanes counted."""

    name: str
    lanes: tuple[FecLane, ...]
    codewords: int
    uncorrectable: int
    error_rate_high: float | None
    """Upper end of the Clopper-Pearson interval at 95 %; None without a codeword."""
    error_rate_expected: float | None
    """Of codewords, at the bit error rate that the test pattern showed."""
    pre_fec_ber: float | None
    """From the symbols corrected."""
    histogram: tuple[int, ...]
    """Codewords by the number of symbols corrected, from 0."""
    expected: tuple[float, ...] = ()
    """The same for independent bit errors at the rate that the test pattern showed."""


@dataclass(frozen=True)
class Latency:
    """One part of the first-bit-in to first-bit-out delay, in path order."""

    name: str
    ns: float
    cycles: int | None = None
    clock: str = ""
    """Clock that `cycles` counts: `core 500 MHz`."""
    kind: Literal["rtl", "electrical", "flight"] = "rtl"


@dataclass(frozen=True)
class Span:
    """A state of a track over time."""

    state: str
    start_us: float
    end_us: float
    good: bool | None = None
    """True for the wanted final state, False for a failure, None while on the way."""


@dataclass(frozen=True)
class Track:
    """States of one thing (a side's bring-up, a lane's lock, the switch) over time."""

    name: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Mark:
    """A moment worth a line across all tracks."""

    time_us: float
    label: str


@dataclass(frozen=True)
class Plot:
    """Curves over a common axis: CDR phase, tap values, bathtub."""

    title: str
    x: Array
    x_label: str
    curves: Mapping[str, Array]
    y_label: str
    log_y: bool = False
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A layout preview; `data` is a PNG file."""

    title: str
    data: bytes
    caption: str = ""


@dataclass(frozen=True)
class Finding:
    """A DRC or LVS finding for the table of violations."""

    check: str
    rule: str
    message: str
    x_um: float | None = None
    y_um: float | None = None


@dataclass(frozen=True)
class Energy:
    """Energy per bit of one component."""

    component: str
    pj_per_bit: float
    source: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything on the page. Empty parts leave their section out.

    Args:
        title: Name of the design.
        passed: Verdict of the whole run.
        headline: One sentence: what was done and how it ended.
        figures: Key figures of the header, six to nine read well.
        checks: What was asserted.
        design: Resolved design as section to key to value, `Design.model_dump()` will do.
        changed: Dotted keys set on the command line; shown in bold.
    """

    title: str
    passed: bool
    headline: str
    started_utc: str
    figures: tuple[KeyFigure, ...] = ()
    checks: tuple[Check, ...] = ()
    link: Link | None = None
    stages: tuple[Stage, ...] = ()
    sensitivity_dbm: float | None = None
    """Mean power at the photodiode that the receiver needs, drawn as the floor of the budget."""
    eyes: tuple[Eye, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    signal_plots: tuple[Plot, ...] = ()
    """Curves about the signal: the bathtub."""
    bers: tuple[Ber, ...] = ()
    fec: Fec | None = None
    latency: tuple[Latency, ...] = ()
    latency_measured_ns: float | None = None
    """What the run measured, beside the sum of the parts."""
    tracks: tuple[Track, ...] = ()
    marks: tuple[Mark, ...] = ()
    plots: tuple[Plot, ...] = ()
    pictures: tuple[Picture, ...] = ()
    findings: tuple[Finding, ...] = ()
    energy: tuple[Energy, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    machine: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    design: Mapping[str, object] = field(default_factory=dict[str, object])
    changed: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
