"""S-matrices as Touchstone files (IBIS Open Forum, versions 1.1 and 2.0) and routes as CSV.

Light has no impedance and runs at hundreds of THz; what a file says beyond its numbers is in its
comments. Frequencies are those of the light in Hz. Waves are root power, convention exp(+j w t): a
longer path has a more negative phase, as for electrical lines. The reference resistance of 50 ohm
is there because the format asks for one.

Numbers are written so that they read back as they were, every bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lightloom.photonics.export.header import block, number
from lightloom.spec.base import DesignError

MAX_VALUES = 4_000_000
"""Complex numbers in one file, about 180 MB of text."""
PAIRS_A_LINE = 4
"""Version 1 allows so many complex numbers on a line; version 2 files keep to it."""
CONVENTION = (
    "Frequencies are those of the light, in Hz. Waves are root power, exp(+j w t): a longer path "
    "has a more negative phase. The reference of 50 ohm has no meaning for light."
)


@dataclass(frozen=True)
class Scattering:
    """An S-matrix over frequency: `s[frequency, to, from]` in the order of `ports`."""

    ports: tuple[str, ...]
    frequencies_hz: NDArray[np.float64]
    s: NDArray[np.complex128]

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            ValueError: they do not fit together, or the frequencies do not rise from above 0.
        """
        count = len(self.ports)
        if self.s.shape != (self.frequencies_hz.size, count, count):
            raise ValueError(
                f"s of shape {self.s.shape}; allowed: {(self.frequencies_hz.size, count, count)}"
            )
        if not count or not self.frequencies_hz.size:
            raise ValueError("an S-matrix of nothing; allowed: at least a port and a frequency")
        if self.frequencies_hz[0] <= 0 or np.any(np.diff(self.frequencies_hz) <= 0):
            raise ValueError("frequencies that do not rise from above 0")


def from_transfer(
    inputs: Sequence[str],
    outputs: Sequence[str],
    frequencies_hz: NDArray[np.float64],
    transfer: NDArray[np.complex128],
) -> Scattering:
    """Return the S-matrix of a reciprocal chip that reflects nothing.

    Ports are the inputs, then the outputs; light runs both ways alike, and from an input none
    comes back to an input.

    Args:
        inputs: names.
        outputs: names.
        frequencies_hz: in any order; the result's rise.
        transfer: fields `[frequency, output, input]`.
    """
    order = np.argsort(frequencies_hz)
    n, m = len(inputs), len(outputs)
    s = np.zeros((order.size, n + m, n + m), dtype=complex)
    s[:, n:, :n] = transfer[order]
    s[:, :n, n:] = np.swapaxes(transfer[order], 1, 2)
    return Scattering((*inputs, *outputs), frequencies_hz[order], s)


def write(
    folder: Path,
    stem: str,
    data: Scattering,
    paragraphs: Sequence[str],
    version: Literal[1, 2] = 1,
) -> Path:
    """Write `<stem>.s<ports>p` and return its path.

    Args:
        folder: where.
        stem: name before the dot.
        data: what.
        paragraphs: what the header says, before the convention.
        version: of the format. 2 states the number of ports in the file itself.

    Raises:
        DesignError: the file would be larger than `MAX_VALUES`.
    """
    count, points = len(data.ports), data.frequencies_hz.size
    if data.s.size > MAX_VALUES:
        raise DesignError(
            f"{stem}.s{count}p: {points} frequencies of {count} ports; "
            f"allowed: at most {MAX_VALUES // count**2} frequencies"
        )
    title = f"{stem}.s{count}p: S-parameters of light, Touchstone version {version}."
    lines = [block("!", title, (*paragraphs, CONVENTION), None)]
    lines += [f"! Port[{n}] = {name}\n" for n, name in enumerate(data.ports, 1)]
    lines += ["[Version] 2.0\n"] if version == 2 else []
    lines += ["# Hz S RI R 50\n"]
    if version == 2:
        lines += [f"[Number of Ports] {count}\n"]
        lines += ["[Two-Port Data Order] 12_21\n"] if count == 2 else []
        lines += [f"[Number of Frequencies] {points}\n", "[Network Data]\n"]
    # A two-port of version 1 is written by columns, everything else by rows.
    s = np.swapaxes(data.s, 1, 2) if version == 1 and count == 2 else data.s
    for frequency, matrix in zip(data.frequencies_hz.tolist(), s, strict=True):
        lines.append(number(frequency))
        lines += _matrix(matrix)
    lines += ["[End]\n"] if version == 2 else []
    path = folder / f"{stem}.s{count}p"
    path.write_text("".join(lines))
    return path


def _matrix(matrix: NDArray[np.complex128]) -> list[str]:
    rows = [matrix.reshape(1, -1)] if len(matrix) <= 2 else list(matrix)
    lines: list[str] = []
    for row in rows:
        pairs = [f" {z.real!r} {z.imag!r}" for z in row.ravel().tolist()]
        starts = range(0, len(pairs), PAIRS_A_LINE)
        lines += ["".join(pairs[at : at + PAIRS_A_LINE]) + "\n" for at in starts]
    return lines


def write_routes(
    path: Path,
    routes: Mapping[str, str],
    data: Scattering,
    paragraphs: Sequence[str],
    carrier_hz: float,
) -> None:
    """Write transfers from port to port as CSV, a line a route and frequency.

    Comment lines begin with `#`; columns are from, to, frequency_hz, offset_ghz (from the carrier),
    re, im (of the field), loss_db.

    Args:
        path: the file.
        routes: output of each input, by name.
        data: transfers.
        paragraphs: what the header says, before the convention.
        carrier_hz: carrier.
    """
    at = {name: n for n, name in enumerate(data.ports)}
    lines = [block("#", f"{path.name}: transfer of each route.", (*paragraphs, CONVENTION), None)]
    lines.append("from,to,frequency_hz,offset_ghz,re,im,loss_db\n")
    for source, target in routes.items():
        transfer = data.s[:, at[target], at[source]].tolist()
        for frequency, z in zip(data.frequencies_hz.tolist(), transfer, strict=True):
            loss = -20.0 * np.log10(max(abs(z), 1e-12)) + 0.0
            offset = round((frequency - carrier_hz) * 1e-9, 6) + 0.0
            lines.append(
                f"{source},{target},{number(frequency)},{offset:.6f},{z.real!r},{z.imag!r},"
                f"{loss:.6f}\n"
            )
    path.write_text("".join(lines))
