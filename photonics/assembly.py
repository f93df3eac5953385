"""A chip under construction: cells are placed and, beside it, the intended netlist is written.

The netlist says what the generator means to join. It is never read back from the shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import gdsfactory as gf
import klayout.db as kdb

from lightloom.photonics import tech
from lightloom.photonics.cells import draw
from lightloom.photonics.cells.waveguides import sbend, straight
from lightloom.photonics.devices import O_BAND, Numbers
from lightloom.photonics.netlist import Conductor, Instance, Netlist, Pin, Wire


@dataclass
class Cursor:
    """The open end of a wire that started at `pin`: where it is and how long it has become."""

    pin: Pin
    x_um: float
    y_um: float
    length_um: float = 0.0
    heading: int = 1
    """1 to the right, -1 to the left."""


class Assembly:
    """A chip's component and its intended netlist, in one band."""

    def __init__(self, name: str, numbers: Numbers = O_BAND) -> None:
        """Start an empty chip with a name that is unique in the process."""
        self.numbers = numbers
        self.component = gf.Component(name)
        self.netlist = Netlist(chip=name, band=numbers.band)

    @property
    def width_um(self) -> float:
        """Width of the chip's waveguides."""
        return self.numbers.wire_width_um

    def place(
        self,
        cell: gf.Component,
        x_um: float,
        y_um: float,
        name: str | None = None,
        turn: kdb.Trans = kdb.Trans.R0,
    ) -> kdb.Trans:
        """Place a cell with its origin at (x, y); a device becomes instance `name`."""
        at = draw.point(x_um, y_um)
        trans = kdb.Trans(turn.rot & 3, turn.is_mirror(), at.x, at.y)
        reference = self.component << cell
        reference.trans = trans
        if name is not None:
            self._note(cell, name, trans)
        return trans

    def note_parts(self, cell: gf.Component, name: str, x_um: float, y_um: float) -> None:
        """Write a device that a composite cell, placed unturned, holds at (x, y)."""
        at = draw.point(x_um, y_um)
        self._note(cell, name, kdb.Trans(at.x, at.y))

    def _note(self, cell: gf.Component, name: str, trans: kdb.Trans) -> None:
        info = dict(cell.info)
        centre = trans * draw.point(info["x_um"], info["y_um"])
        prefix = "parameter."
        self.netlist.instances[name] = Instance(
            type=info["type"],
            parameters={
                key.removeprefix(prefix): value
                for key, value in info.items()
                if key.startswith(prefix)
            },
            x_um=draw.on_grid(centre.x * tech.DBU_UM),
            y_um=draw.on_grid(centre.y * tech.DBU_UM),
        )

    def join(self, cursor: Cursor, pin: Pin) -> None:
        """End a wire at a pin."""
        name = ".".join(cursor.pin)
        self.netlist.nets[name] = Wire([cursor.pin, pin], cursor.length_um, self.width_um)

    def run(self, cursor: Cursor, x_um: float) -> None:
        """Draw the wire straight on to x.

        Raises:
            ValueError: when x is behind.
        """
        length = draw.on_grid((x_um - cursor.x_um) * cursor.heading)
        if length < 0:
            raise ValueError(f"wire of {cursor.pin} cannot run back from {cursor.x_um} to {x_um}")
        if length:
            self.place(
                straight(length=length, width=self.width_um), min(x_um, cursor.x_um), cursor.y_um
            )
        cursor.x_um = x_um
        cursor.length_um += length

    def shift(self, cursor: Cursor, y_um: float, length_um: float) -> None:
        """Bend the wire over to y within `length_um` to the right; straight when it is there."""
        offset = draw.on_grid(y_um - cursor.y_um)
        if not offset:
            self.run(cursor, draw.on_grid(cursor.x_um + length_um))
            return
        cell = sbend(length=length_um, offset=offset, width=self.width_um)
        self.place(cell, cursor.x_um, cursor.y_um)
        cursor.x_um = draw.on_grid(cursor.x_um + length_um)
        cursor.y_um = y_um
        cursor.length_um += cell.info["length_um"]

    def optical_port(
        self,
        label: str,
        pin: Pin,
        x_um: float,
        y_um: float,
        side: Literal["west", "middle", "east"] | None = None,
    ) -> None:
        """Name the facet or grating that a pin ends at; `side` of the text is at the place.

        The text of a facet is inside the die unless told otherwise.
        """
        side = side or ("west" if x_um == 0.0 else "east")
        draw.text(self.component, tech.LABEL, label, x_um, y_um, side, size_um=28.0)
        self.netlist.ports[label] = pin

    def electrical_port(
        self, label: str, net: str, x_um: float, y_um: float, size_um: float
    ) -> None:
        """Name the pad or bump at (x, y) as part of a net."""
        draw.text(self.component, tech.LABEL, label, x_um, y_um, "middle", size_um)
        self.netlist.electrical.setdefault(net, Conductor()).pads.append(label)

    def electrical_pin(self, net: str, pin: Pin) -> None:
        """Join a device terminal to a net."""
        self.netlist.electrical.setdefault(net, Conductor()).pins.append(pin)

    def line_width(self, net: str, width_um: float) -> None:
        """Note the width of a line of a net; the least one counts."""
        conductor = self.netlist.electrical.setdefault(net, Conductor())
        conductor.width_um = min(width_um, conductor.width_um or width_um)

    def die(self, x1: float, y1: float, x2: float, y2: float, title: str) -> None:
        """Draw the die outline with its band, and the chip's name in its lower left corner."""
        draw.box(self.component, tech.DICE, x1, y1, x2, y2)
        if self.numbers.band != tech.BAND:
            band = tech.BAND_PREFIX + self.numbers.band
            draw.text(self.component, tech.DICE, band, x1, y1, size_um=28.0)
        draw.text(self.component, tech.TEXT, title, x1 + 20.0, y1 + 20.0, size_um=28.0)
