"""A pen that draws waveguides and devices one behind the other, in any direction.

Places are database units, so that turns and mirrors are exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.assembly import Assembly
from lightloom.photonics.cells import draw
from lightloom.photonics.cells.waveguides import bend90, sbend, straight
from lightloom.photonics.netlist import Pin, Wire

EAST, NORTH, WEST, SOUTH = range(4)
"""Headings, in quarter turns to the left."""
_STEP = ((1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass(frozen=True)
class Placed:
    """A device on the chip under construction."""

    assembly: Assembly
    name: str
    cell: gf.Component
    trans: kdb.Trans

    def point(self, port: str) -> tuple[float, float]:
        """Place of a port in um."""
        at = self.trans * draw.point(*self.cell.ports[port].center)
        return at.x * tech.DBU_UM, at.y * tech.DBU_UM

    def leave(self, port: str) -> Pen:
        """Return a pen at an optical port, pointing out of the device."""
        at = self.trans * draw.point(*self.cell.ports[port].center)
        return Pen(self.assembly, (self.name, port), at, _heading(self.trans, self.cell, port))


def _heading(trans: kdb.Trans, cell: gf.Component, port: str) -> int:
    quarter = round(cell.ports[port].orientation / 90.0) % 4
    return ((-quarter if trans.is_mirror() else quarter) + (trans.rot & 3)) % 4


def put(
    assembly: Assembly,
    cell: gf.Component,
    name: str,
    at: kdb.Point,
    heading: int,
    port: str = "o1",
    mirror: bool = False,
) -> Placed:
    """Place a device where nothing leads to yet; light enters `port` at a point with a heading.

    `mirror` exchanges its left and its right.
    """
    quarter = round(cell.ports[port].orientation / 90.0)
    turn = kdb.Trans((heading + 2 - (-quarter if mirror else quarter)) % 4, mirror, 0, 0)
    move = at - turn * draw.point(*cell.ports[port].center)
    trans = assembly.place(cell, move.x * tech.DBU_UM, move.y * tech.DBU_UM, name, turn=turn)
    return Placed(assembly, name, cell, trans)


@dataclass
class Pen:
    """The open end of a waveguide that started at `pin`."""

    assembly: Assembly
    pin: Pin
    at: kdb.Point
    heading: int
    length_um: float = 0.0

    @property
    def x_um(self) -> float:
        """East of the origin."""
        return self.at.x * tech.DBU_UM

    @property
    def y_um(self) -> float:
        """North of the origin."""
        return self.at.y * tech.DBU_UM

    def forward(self, length_um: float) -> None:
        """Draw straight on.

        Raises:
            ValueError: when the length is negative.
        """
        length = draw.on_grid(length_um)
        if length < 0:
            raise ValueError(f"wire of {self.pin} cannot run back by {-length} um")
        if length:
            cell = straight(length=length, width=self.assembly.width_um)
            self._draw(cell, False, length, 0.0, self.heading)
            self.length_um += length

    def forward_to(self, place_um: float) -> None:
        """Draw straight on to x where the heading is east or west, else to y."""
        east, north = _STEP[self.heading]
        self.forward((place_um - self.x_um) * east + (place_um - self.y_um) * north)

    def turn(self, left: bool, radius_um: float) -> None:
        """Draw a quarter turn that reaches `radius_um` ahead and to the side."""
        cell = bend90(radius=radius_um, width=self.assembly.width_um)
        heading = (self.heading + (1 if left else 3)) % 4
        self._draw(cell, not left, radius_um, radius_um if left else -radius_um, heading)
        self.length_um += cell.info["length_um"]

    def turn_to(self, heading: int, radius_um: float) -> None:
        """Draw a quarter turn to a heading; nothing when the pen has it."""
        if heading != self.heading:
            self.turn(heading == (self.heading + 1) % 4, radius_um)

    def shift(self, left_um: float, ahead_um: float) -> None:
        """Draw an S-bend that moves to the left, or to the right when negative."""
        offset = draw.on_grid(left_um)
        if not offset:
            self.forward(ahead_um)
            return
        cell = sbend(length=ahead_um, offset=offset, width=self.assembly.width_um)
        self._draw(cell, False, ahead_um, offset, self.heading)
        self.length_um += cell.info["length_um"]

    def _draw(
        self, cell: gf.Component, mirror: bool, ahead_um: float, left_um: float, heading: int
    ) -> None:
        trans = kdb.Trans(self.heading, mirror, self.at.x, self.at.y)
        reference = self.assembly.component << cell
        reference.trans = trans
        turn = kdb.Trans(self.heading, False, 0, 0)
        self.at = self.at + (turn * (draw.point(ahead_um, left_um) - kdb.Point()))
        self.heading = heading

    def device(
        self, cell: gf.Component, name: str, port: str = "o1", mirror: bool = False
    ) -> Placed:
        """End the waveguide at a port of a new device.

        Args:
            cell: of the device.
            name: of the instance.
            port: that the waveguide meets.
            mirror: exchange its left and its right.
        """
        placed = put(self.assembly, cell, name, self.at, self.heading, port, mirror)
        self.end((name, port))
        return placed

    def end(self, pin: Pin) -> None:
        """End the waveguide at a pin that is here."""
        name = ".".join(self.pin)
        wire = Wire([self.pin, pin], self.length_um, self.assembly.width_um)
        self.assembly.netlist.nets[name] = wire

    def meet(self, other: Pen) -> None:
        """Join with another pen that is at the same place and looks this way.

        Raises:
            ValueError: when it is not.
        """
        if self.at != other.at or (self.heading + 2) % 4 != other.heading:
            raise ValueError(
                f"wires of {self.pin} and {other.pin} do not meet: {self.at}, {other.at}"
            )
        self.length_um += other.length_um
        self.end(other.pin)

    def moved(self, assembly: Assembly, pin: Pin, x_um: float, y_um: float) -> Pen:
        """Return this pen on another chip that holds this one at (x, y), its pin renamed."""
        at = draw.point(x_um, y_um)
        return replace(self, assembly=assembly, pin=pin, at=self.at + (at - kdb.Point()))
