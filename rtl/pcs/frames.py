"""Frames as bytes: their words, and drivers of frame streams for simulations."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from amaranth.lib import stream

__all__ = ["Collector", "send", "words"]


def words(frame: bytes, lanes: int) -> list[tuple[int, int, bool]]:
    """Words (data, count, last) of a frame of at least one byte."""
    size = 8 * lanes
    parts = [frame[at : at + size] for at in range(0, len(frame), size)]
    return [
        (int.from_bytes(part, "little"), len(part), n == len(parts) - 1)
        for n, part in enumerate(parts)
    ]


async def send(
    ctx: Any,
    port: stream.Interface,
    frames: Iterable[bytes],
    lanes: int,
    *,
    rng: Random | None = None,
    idle: float = 0.0,
    domain: str = "sync",
) -> None:
    """Drive frames into a stream of `row.frame_word`; with `rng`, pause with probability `idle`."""
    for frame in frames:
        for data, count, last in words(frame, lanes):
            while rng is not None and rng.random() < idle:
                ctx.set(port.valid, 0)
                await ctx.tick(domain)
            ctx.set(port.payload.data, data)
            ctx.set(port.payload.count, count)
            ctx.set(port.payload.last, last)
            ctx.set(port.payload.error, 0)
            ctx.set(port.valid, 1)
            ready = 0
            while not ready:
                _, _, ready = await ctx.tick(domain).sample(port.ready)
    ctx.set(port.valid, 0)


class Collector:
    """Puts the words of a stream together.

    Attributes
    ----------
    frames : list of (bytes, bool)
        Frames that ended, each with its error flag.
    """

    def __init__(self, lanes: int) -> None:
        """Start with no frame."""
        self.size = 8 * lanes
        self.frames: list[tuple[bytes, bool]] = []
        self._part = b""

    def word(self, data: int, count: int, last: int, error: int) -> None:
        """Take a word; raises ValueError when it breaks the rules of `row.frame_word`."""
        if not 1 <= count <= self.size or (count != self.size and not last):
            raise ValueError(f"count = {count}, last = {last}; words hold {self.size} bytes")
        self._part += (data & ((1 << 8 * count) - 1)).to_bytes(count, "little")
        if last:
            self.frames.append((self._part, bool(error)))
            self._part = b""

    async def take(
        self,
        ctx: Any,
        port: stream.Interface,
        *,
        rng: Random | None = None,
        ready: float = 1.0,
        domain: str = "sync",
    ) -> None:
        """Take words for ever; with `rng`, be ready with probability `ready`."""
        payload = port.payload
        while True:
            use = rng is None or rng.random() < ready
            ctx.set(port.ready, use)
            _, _, valid, *word = await ctx.tick(domain).sample(
                port.valid, payload.data, payload.count, payload.last, payload.error
            )
            if valid and use:
                self.word(*word)
