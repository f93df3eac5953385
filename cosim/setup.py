"""What goes into one co-simulation and what comes out, as files between two processes.

The bench runs inside the simulator, which embeds its own Python; these values are all that crosses.
"""

from __future__ import annotations

import hashlib

from lightloom.spec import Design, OpticalModel, RtlManifest
from lightloom.spec.base import Frozen

DIRECTIONS = ("A to B", "B to A")
"""Names of directions 0 and 1."""


class Setup(Frozen):
    """One run: the design, its generated parts and what to do with them."""

    design: Design
    model: OpticalModel
    serdes: RtlManifest
    controller: RtlManifest | None
    """Of a chip between the xPUs or, in a ring, of the switch in either transceiver."""
    other: OpticalModel | None = None
    """Ring: as `model`, on the path that the design does not start on."""
    destinations: tuple[int, ...]
    """Switch output of each input."""
    bar: tuple[int, ...]
    cross: tuple[int, ...]
    """Heater DAC codes of each cell."""
    fixed: tuple[int, ...] = ()
    """Ring: heater DAC codes of both switches together, A's first, from long before the start."""
    kernel: str
    """Path of the optics library."""
    payload: str
    """Path of the file that both sides send."""


class Change(Frozen):
    """A track (`A bring-up`, `switch`) took a new state."""

    track: str
    time_us: float
    state: str


class LaneErrors(Frozen):
    """Bits that a lane's PRBS31 checker compared in the test phase, and with what receiver."""

    lane: int
    locked: bool
    bits: int
    errors: int
    taps: tuple[int, ...] = ()
    """FFE side taps at the end of the count, as in `LaneState`."""
    dfe: int = 0
    levels: tuple[int, ...] = ()
    """PAM4: at the end of the count, as in `LaneState`."""
    instants_ui: tuple[float, ...] = ()
    """Sampling instants seen during the count, after the start of a sent symbol."""


class LaneState(Frozen):
    """Receiver lane after the run, read from its registers."""

    lane: int
    lane_id: int
    skew: int
    phase: int
    """Interpolator code."""
    frequency: int
    """Interpolator steps a word, in units of 2^-12."""
    level: int
    """Level of a one in quarter sampler steps."""
    dfe: int
    """Feedback tap in quarter sampler steps."""
    taps: tuple[int, ...]
    """FFE side taps in 1/64 of the main tap, the pre-cursor first."""
    levels: tuple[int, ...] = ()
    """PAM4: all levels behind the equalizer in quarter sampler steps, from the lowest."""


class LaneCodewords(Frozen):
    """Codewords of a lane that the decoder took, from the link's coming up on.

    Of a link that did not come up, from the start of the count of bit errors on.
    """

    lane: int
    corrected: int
    """With errors, all of them corrected."""
    uncorrectable: int
    symbol_errors: int
    """Symbols corrected."""


class Side(Frozen):
    """What one xPU received and counted."""

    name: str
    up: bool
    state: str
    fail_reason: str
    errors: tuple[LaneErrors, ...]
    lanes: tuple[LaneState, ...]
    counters: dict[str, int]
    lock_time_us: float | None
    frames_sent: int
    frames_good: int
    frames_errored: int
    frames_malformed: int
    bytes_received: int | None
    byte_errors: int | None
    """Bytes of the payload that are wrong or missing; None when no frame arrived."""
    bytes_wrong: int | None = None
    """Wrong bytes in frames delivered as good; None when no frame arrived."""
    codewords: tuple[LaneCodewords, ...] = ()
    """Empty where the profile has no FEC."""
    fec_histogram: tuple[int, ...] = ()
    """Codewords of all lanes by the number of symbols corrected."""
    latency_ns_min: float | None
    latency_ns_max: float | None


class Switching(Frozen):
    """The reconfiguration as the light saw it."""

    states: tuple[int, ...]
    """1 for a cell in cross, read back from the controller."""
    codes: tuple[int, ...]
    commit_us: float
    done_us: float
    time_us: tuple[float, ...]
    loss_db: tuple[tuple[float, ...], ...]
    """For each time, fibre to fibre loss of every route asked for."""
    refused: str | None


class FailoverSide(Frozen):
    """What one end did about a cut fibre, and what it received of a stream meanwhile."""

    name: str
    path: str
    """At the end."""
    reason: str
    """What its controller says went wrong last."""
    split_us: dict[str, float]
    """Time split of the controller's registers: command (from darkness), settle, load, relock,
    frame and their sum, total; empty when nothing was cut."""
    frames_sent: int
    """By the other end."""
    frames_good: int
    frames_errored: int
    frames_malformed: int
    frames_duplicated: int
    frames_reordered: int
    bytes_wrong: int
    """In frames delivered as good."""
    outage_us: float | None
    """Longest time after the cut between first words of good frames."""

    @property
    def frames_lost(self) -> int:
        """Sent and not delivered as good."""
        return self.frames_sent - self.frames_good


class Failover(Frozen):
    """A fibre of a ring cut under traffic."""

    cut_us: float | None
    """None when it did not come to that."""
    failed: str | None
    """What went wrong."""
    sides: tuple[FailoverSide, FailoverSide]


class Digests(Frozen):
    """XXH64 over the words of one direction in their order, 16 hexadecimal digits each."""

    sent: str
    """Of the transmitter's codes."""
    received: str
    """Of the receiver's codes, its light detectors and the time of each word."""


class Outcome(Frozen):
    """All that a run measured, besides the payload and the waveforms in files beside it."""

    sides: tuple[Side, Side]
    switching: Switching | None
    failover: Failover | None = None
    changes: tuple[Change, ...]
    end_us: float
    line_bits: int
    """Line bits of all lanes in both directions that passed the waveform model."""
    cpu_s: float
    """CPU time of the simulation itself, start of the clocks to the last event."""
    up: bool
    """Both sides came up, and the lanes are where the switch was told to bring them."""
    digests: tuple[Digests, ...] = ()
    """A to B, B to A, from the start of the clocks to the last event of the test."""
    misrouted: str | None = None
    """What the host found wrong with the lanes' numbers when it took the link down."""

    @property
    def waveform_hash(self) -> str | None:
        """Equal for two runs in which the RTL sent and received the same, bit for bit."""
        if not self.digests:
            return None
        words = " ".join(f"{each.sent} {each.received}" for each in self.digests)
        return hashlib.sha256(words.encode()).hexdigest()[:32]
