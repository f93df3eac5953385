"""The kernel from Python: the same instance that the RTL reaches through DPI-C, or one of its own.

Sides are 0 (xPU A) and 1 (xPU B); direction 0 is A to B. Times on a waveform are in symbols (UI) of
the transmitter since its first word, less the delay of the lane.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from lightloom.cosim.coefficients import Coefficients
from lightloom.cosim.kernel import build

Real = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int16]

PHASE_CODES = 4096
"""Phase codes are unsigned modulo this, in steps of a UI over `phase_steps`."""


class KernelError(Exception):
    """The kernel refused a call."""


@dataclass(frozen=True)
class Received:
    """Words that a side received."""

    codes: Codes
    """Sampler codes, `[word, lane, symbol]`."""
    volts: Real
    """Voltages before the sampler."""
    detect: npt.NDArray[np.bool_]
    """Light, `[word, lane]`."""
    interval_fs: Real
    """Time from the word's clock edge to the next."""


@dataclass(frozen=True)
class Counters:
    """What one direction has done so far."""

    sent: int
    made: int
    received: int
    late: int
    """Sampling instants for which no light had been sent yet; the last sample was used."""
    early: int
    """Sampling instants whose waveform was no longer held; the oldest was used."""
    overrun: int
    """Words made early because nobody reads this direction."""
    oldest_word: int


@dataclass(frozen=True)
class Digests:
    """XXH64 over the words of one direction in their order; equal for equal waveforms."""

    sent: str
    """Of the transmitter's codes."""
    received: str
    """Of the receiver's codes, its light detectors and the time of each word."""


def open_library(path: Path) -> ctypes.CDLL:
    """Load the kernel and declare its functions."""
    library = ctypes.CDLL(str(path))
    pointer, number, integer, long_ = (
        ctypes.c_void_p,
        ctypes.c_double,
        ctypes.c_int,
        ctypes.c_long,
    )
    wide, word, text = ctypes.c_longlong, ctypes.c_uint32, ctypes.c_char_p
    for name, result, arguments in (
        ("ll_new", pointer, [integer] * 5),
        ("ll_free", None, [pointer]),
        ("ll_error", text, [pointer]),
        ("ll_set", integer, [pointer, text, pointer, long_]),
        ("ll_start", integer, [pointer]),
        ("ll_select", None, [pointer]),
        ("ll_tx", None, [integer, pointer]),
        ("ll_rx", number, [integer, pointer, pointer, pointer]),
        ("ll_heaters", None, [pointer, number]),
        ("ll_switch", None, [integer, pointer, number]),
        ("ll_taps", integer, [integer, number]),
        ("ll_cut", integer, [pointer, integer, number, number]),
        ("ll_transmit", integer, [pointer, integer, pointer, long_]),
        ("ll_receive", integer, [pointer, integer, pointer, long_, *[pointer] * 4]),
        ("ll_set_heaters", integer, [pointer, pointer, long_, number]),
        ("ll_now", number, [pointer]),
        ("ll_heater_phases", integer, [pointer, number, pointer]),
        ("ll_fabric", integer, [pointer, number, pointer]),
        ("ll_current", integer, [pointer, integer, integer, wide, long_, pointer]),
        ("ll_observe", integer, [pointer, integer, integer, number, number, long_, pointer]),
        ("ll_instant", number, [pointer, integer, integer, long_]),
        ("ll_levels", integer, [pointer, integer, pointer, pointer]),
        ("ll_counters", integer, [pointer, integer, pointer]),
        ("ll_digests", None, [pointer, pointer, pointer]),
        ("ll_philox", None, [pointer, ctypes.c_ulonglong, pointer]),
        ("ll_gaussian", None, [ctypes.c_ulonglong, word, ctypes.c_ulonglong, long_, pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class Kernel:
    """One link in the kernel, at time zero after construction."""

    def __init__(self, path: Path | None, coefficients: Coefficients) -> None:
        """Load `path`, or the library as built for this machine, and start one instance.

        Raises `KernelError` when the coefficients do not fit together.
        """
        self.coefficients = coefficients
        self._lib = open_library(path or build.library())
        c = coefficients
        self._handle: int | None = self._lib.ll_new(
            c.lanes, c.symbols, c.samples_per_ui, c.tx_bits, c.adc_bits
        )
        if not self._handle:
            raise KernelError(
                f"lanes = {c.lanes}, symbols = {c.symbols}, samples_per_ui = {c.samples_per_ui}, "
                f"tx_bits = {c.tx_bits}, adc_bits = {c.adc_bits}; allowed: 1-8, 1-1024, 4/8/16, "
                "1-16, 1-16"
            )
        for name, values in c.named().items():
            data = np.ascontiguousarray(values, np.float64)
            self._try(self._lib.ll_set(self._handle, name.encode(), data.ctypes.data, data.size))
        self._try(self._lib.ll_start(self._handle))

    def _try(self, status: int) -> None:
        if status:
            raise KernelError(self._lib.ll_error(self._handle).decode())

    def close(self) -> None:
        """Free the instance."""
        if self._handle:
            self._lib.ll_free(self._handle)
            self._handle = None

    def __enter__(self) -> Kernel:
        """Return self."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the instance."""
        self.close()

    @property
    def library(self) -> ctypes.CDLL:
        """The loaded library, for the DPI-C entry points."""
        return self._lib

    def select(self) -> None:
        """Make this the instance that the RTL reaches."""
        self._lib.ll_select(self._handle)

    # -- blocks ---------------------------------------------------------------------------------

    def transmit(self, side: int, codes: npt.ArrayLike) -> None:
        """Put words `[word, lane, symbol]` of DAC codes on the line of `side`."""
        c = self.coefficients
        data = np.ascontiguousarray(codes, np.int16).reshape(-1, c.lanes, c.symbols)
        if self._lib.ll_transmit(self._handle, side, data.ctypes.data, len(data)):
            raise KernelError(f"side = {side}; allowed: 0, 1")

    def receive(
        self, side: int, words: int, phases: npt.ArrayLike = 0, *, volts: bool = True
    ) -> Received:
        """Receive words; `phases` are codes that broadcast to `[word, lane]`.

        As in the RTL, codes given with a word take effect for the next.
        """
        c = self.coefficients
        phase = np.ascontiguousarray(
            np.broadcast_to(np.asarray(phases) % PHASE_CODES, (words, c.lanes)), np.uint32
        )
        codes = np.empty((words, c.lanes, c.symbols), np.int16)
        analogue = np.empty(codes.shape if volts else (0,))
        detect, interval = np.empty(words, np.uint32), np.empty(words)
        if self._lib.ll_receive(
            self._handle, side, phase.ctypes.data, words, codes.ctypes.data,
            analogue.ctypes.data if volts else None, detect.ctypes.data, interval.ctypes.data,
        ):  # fmt: skip
            raise KernelError(f"side = {side}; allowed: 0, 1")
        light = (detect[:, None] >> np.arange(c.lanes, dtype=np.uint32) & 1).astype(bool)
        return Received(codes, analogue, light, interval)

    def set_heaters(self, codes: npt.ArrayLike, time_fs: float) -> None:
        """New heater DAC codes at a time."""
        data = np.ascontiguousarray(codes, np.uint32)
        if self._lib.ll_set_heaters(self._handle, data.ctypes.data, data.size, time_fs):
            raise KernelError(
                f"{data.size} heater codes; allowed: {len(self.coefficients.heater_p_pi_mw)}"
            )

    def cut(self, fibre: int, time_fs: float, place: float) -> None:
        """End fibre 0 or 1 of a ring from a time on, at a part of its length from side A."""
        if self._lib.ll_cut(self._handle, fibre, time_fs, place):
            raise KernelError(f"fibre = {fibre}, place = {place}; allowed: 0, 1 of a ring, 0 to 1")

    def lit(self, side: int, time_fs: float) -> tuple[int, int]:
        """Lanes with light at the primary and the backup fibre of a side in a ring, a bit each."""
        self.select()
        both = int(self._lib.ll_taps(side, time_fs))
        return both & (1 << self.coefficients.lanes) - 1, both >> self.coefficients.lanes

    # -- observation ----------------------------------------------------------------------------

    def now_fs(self) -> float:
        """Latest time that a call has told the kernel."""
        return float(self._lib.ll_now(self._handle))

    def heater_phases(self, time_fs: float | None = None) -> Real:
        """Phase of every heater in rad, now or at a time after the last change."""
        out = np.empty(len(self.coefficients.heater_p_pi_mw))
        time = self.now_fs() if time_fs is None else time_fs
        if self._lib.ll_heater_phases(self._handle, time, out.ctypes.data):
            raise KernelError("this link has no switch")
        return out

    def fabric_matrix(self, time_fs: float | None = None) -> npt.NDArray[np.complex128]:
        """Field transfer of the switch between lanes, `[output, input]`, now or at a time."""
        lanes = self.coefficients.lanes
        out = np.empty((lanes, lanes), np.complex128)
        time = self.now_fs() if time_fs is None else time_fs
        if self._lib.ll_fabric(self._handle, time, out.ctypes.data):
            raise KernelError("this link has no switch")
        return out

    def current(self, direction: int, lane: int, first: int, count: int) -> Real:
        """Photocurrent samples in A, `samples_per_ui` a symbol, noise included."""
        out = np.empty(count)
        if self._lib.ll_current(self._handle, direction, lane, first, count, out.ctypes.data):
            raise KernelError(f"lane {lane}, samples {first} to {first + count - 1}: not held")
        return out

    def observe(
        self, direction: int, lane: int, start_ui: float, step_ui: float, count: int
    ) -> Real:
        """Voltage at the sampler at `count` instants from `start_ui` on."""
        out = np.empty(count)
        if self._lib.ll_observe(
            self._handle, direction, lane, start_ui, step_ui, count, out.ctypes.data
        ):
            raise KernelError(f"lane {lane}, from {start_ui:g} UI on: not held")
        return out

    def instant(self, direction: int, lane: int, back: int = 0) -> float:
        """Instant of symbol 0 of the word received `back` words before the last."""
        return float(self._lib.ll_instant(self._handle, direction, lane, back))

    def levels(self, direction: int) -> tuple[Real, Real]:
        """Smoothed mean photocurrent in A and baseline in V of each receive lane."""
        current, baseline = np.empty((2, self.coefficients.lanes))
        self._lib.ll_levels(self._handle, direction, current.ctypes.data, baseline.ctypes.data)
        return current, baseline

    def counters(self, direction: int) -> Counters:
        """What a direction has done so far."""
        out = np.empty(7, np.int64)
        self._lib.ll_counters(self._handle, direction, out.ctypes.data)
        return Counters(*map(int, out))

    def digests(self) -> tuple[Digests, Digests]:
        """Digests of all words that the RTL has sent and received, by direction."""
        sent, received = np.empty((2, 2), np.uint64)
        self._lib.ll_digests(self._handle, sent.ctypes.data, received.ctypes.data)
        pairs = zip(sent, received, strict=True)
        first, second = (Digests(f"{int(s):016x}", f"{int(r):016x}") for s, r in pairs)
        return first, second
