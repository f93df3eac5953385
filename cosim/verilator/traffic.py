"""The frame traffic of `traffic.cpp` seen from Python."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np

FRAME_BYTES = 2048
"""Bytes of the file a frame carries, behind a header of 8."""


@dataclass(frozen=True)
class Received:
    """What one side got: `data` is None until a frame has said how long the file is."""

    data: bytes | None
    sent: int
    good: int
    errored: int
    malformed: int
    duplicated: int
    reordered: int
    latency_ns: np.ndarray
    """First word in to first word out, frames that arrived only."""
    delivered: np.ndarray
    """Whether each frame of the file was delivered as good."""

    def wrong_bytes(self, sent: bytes) -> int:
        """Bytes that differ from `sent` in frames that were delivered as good."""
        if self.data is None:
            return 0
        count = min(len(sent), len(self.data))
        differs = (
            np.frombuffer(sent, np.uint8)[:count] != np.frombuffer(self.data, np.uint8)[:count]
        )
        return int(differs[np.repeat(self.delivered, FRAME_BYTES)[:count]].sum())


class Traffic:
    """Both sides' senders and receivers.

    `library` holds the functions of `traffic.cpp`: a shared library, or the simulator's own process
    (`ctypes.CDLL(None)`).
    """

    def __init__(self, library: ctypes.CDLL, *, word_bytes: int) -> None:
        """Forget earlier traffic; words carry `word_bytes` bytes."""
        self._library = library
        library.lt_setup(ctypes.c_long(word_bytes), ctypes.c_long(FRAME_BYTES))
        library.lt_received.restype = ctypes.c_long
        library.lt_latency.restype = ctypes.c_long
        library.lt_arrivals.restype = ctypes.c_long
        library.lt_delivered.restype = ctypes.c_long

    def load(self, side: int, data: bytes) -> None:
        """Give side 0 (A) or 1 (B) the file that it sends."""
        self._library.lt_load(side, data, ctypes.c_long(len(data)))

    def stop(self) -> None:
        """Have both sides send no frame after the one that they are at."""
        for side in (0, 1):
            self._library.lt_stop(side)

    def arrivals_us(self, side: int) -> np.ndarray:
        """When the first word of each frame delivered to `side` came, by number of the frame."""
        frames = self._library.lt_arrivals(side, None, ctypes.c_long(0))
        found = np.zeros(max(frames, 0))
        pointer = found.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
        self._library.lt_arrivals(side, pointer, ctypes.c_long(len(found)))
        return found[found >= 0] * 1e-9

    def received(self, side: int) -> Received:
        """Return what `side` has received so far."""
        size = self._library.lt_received(side, None, ctypes.c_long(0))
        data = None
        if size >= 0:
            buffer = ctypes.create_string_buffer(max(size, 1))
            self._library.lt_received(side, buffer, ctypes.c_long(size))
            data = buffer.raw[:size]
        counts = (ctypes.c_long * 6)()
        self._library.lt_counts(side, counts)
        frames = self._library.lt_latency(side, None, ctypes.c_long(0))
        latency = np.zeros(max(frames, 0))
        if frames:
            pointer = latency.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
            self._library.lt_latency(side, pointer, ctypes.c_long(frames))
        delivered = np.zeros(max(frames, 0), np.uint8)
        self._library.lt_delivered(
            side, delivered.ctypes.data_as(ctypes.c_char_p), ctypes.c_long(len(delivered))
        )
        return Received(
            data,
            *counts,
            latency_ns=latency[latency >= 0] * 1e-6,
            delivered=delivered.astype(bool),
        )
