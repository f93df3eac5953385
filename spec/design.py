"""The design file: every key, its unit, its range and where its default comes from.

Its sections are in `electrical` and `photonic`; here is what one run does, and how the sections fit
together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lightloom.spec.base import DesignError, Frozen, within
from lightloom.spec.electrical import Package, Serdes
from lightloom.spec.photonic import (
    BANDS_NM,
    CARRIERS_NM,
    PORTS,
    Engine,
    Fibre,
    Receiver,
    Switch,
    Technology,
)

__all__ = [
    "BANDS_NM",
    "CARRIERS_NM",
    "PORTS",
    "Design",
    "Engine",
    "Fibre",
    "Package",
    "Receiver",
    "Run",
    "Serdes",
    "Switch",
    "Technology",
]


LINK_LANES = 8
"""Most lanes of a link that can be co-simulated."""


class Run(Frozen):
    """What one co-simulation does."""

    seed: int = within(1, 0, 2**63 - 1, "Seed of every random number.")
    payload: str | None = Field(
        default=None,
        description="File to carry; a built-in test file of 64 KiB when absent.",
    )
    samples_per_ui: Literal[4, 8, 16] = Field(default=8, description="Waveform samples per symbol.")
    ber_bits: int = within(
        2_000_000,
        0,
        10_000_000_000,
        "Bits counted by the PRBS31 checkers, all lanes of one direction.",
    )
    skew_ui: tuple[float, ...] = Field(
        default=(),
        description="Extra delay of each lane in symbols, both ways; missing lanes have none.",
    )
    cut_us: float | None = Field(
        default=None,
        ge=0.0,
        le=1000.0,
        description="Cut the primary fibre of a ring, this long after traffic began on it; both "
        "paths are commissioned before.",
    )
    cut_place: float = within(
        0.5, 0.0, 1.0, "Where the fibre is cut, as a part of its length from xPU A."
    )


class Design(Frozen):
    """A whole xPU-CPO link through an optical circuit switch."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    technology: Technology = Technology()
    serdes: Serdes = Serdes()
    package: Package = Package()
    engine: Engine = Engine()
    switch: Switch = Switch()
    fibre: Fibre = Fibre()
    receiver: Receiver = Receiver()
    run: Run = Run()

    @model_validator(mode="before")
    @classmethod
    def _carrier_follows_band(cls, data: Any) -> Any:
        # The default carrier is that of the band; a band that is not one is refused later.
        if not isinstance(data, dict):
            return data
        process, engine = data.get("technology"), data.get("engine", {})
        band = process.get("band") if isinstance(process, dict) else None
        if band in CARRIERS_NM and isinstance(engine, dict) and "wavelength_nm" not in engine:
            return {**data, "engine": {**engine, "wavelength_nm": CARRIERS_NM[band]}}
        return data

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        low, high = BANDS_NM[self.technology.band]
        if not low <= self.engine.wavelength_nm <= high:
            raise ValueError(
                f"engine.wavelength_nm = {self.engine.wavelength_nm:g} with technology.band = "
                f"{self.technology.band}; allowed: {low:g} to {high:g}"
            )
        if len(self.run.skew_ui) > self.serdes.lanes:
            raise ValueError(
                f"run.skew_ui has {len(self.run.skew_ui)} values; "
                f"allowed: at most serdes.lanes = {self.serdes.lanes}"
            )
        return self

    @property
    def fibre_lanes(self) -> int:
        """Lanes of the engine each way, each on a fibre of its own."""
        return self.engine.lanes or -(-self.serdes.lanes // self.engine.wavelengths)

    @property
    def has_controller(self) -> bool:
        """Whether controllers drive the switch of a link, or the switches."""
        return self.switch.topology != "none"

    @property
    def ring(self) -> bool:
        """Whether two transceivers with their own switches stand at both ends of two fibres."""
        return self.switch.topology == "ocstrx"

    def check_link(self, source: str) -> None:
        """Raise `DesignError` where the parts, each possible alone, do not make a link.

        `source` opens the message.
        """
        if self.serdes.profile == "xsr-raw":
            raise DesignError(
                f"{source}: serdes.profile = 'xsr-raw' in a link; allowed: the others: raw bits "
                "carry no frames"
            )
        if self.serdes.lanes > LINK_LANES:
            raise DesignError(
                f"{source}: serdes.lanes = {self.serdes.lanes} in a link; allowed: 1 to "
                f"{LINK_LANES}, as many as the waveform model has"
            )
        if self.switch.topology == "odd-even":
            raise DesignError(
                f"{source}: switch.topology = {self.switch.topology!r} in a link; "
                "allowed: the others: the switch controller does not route this one"
            )
        if self.ring and self.switch.path == "loopback":
            raise DesignError(
                f"{source}: switch.path = 'loopback' in a link; allowed: 'primary', 'backup': the "
                "loopback leads back into the transceiver it comes from"
            )
        if self.run.cut_us is not None and (not self.ring or self.switch.path != "primary"):
            raise DesignError(
                f"{source}: run.cut_us = {self.run.cut_us:g} with switch.topology = "
                f"{self.switch.topology!r}, switch.path = {self.switch.path!r}; allowed: 'ocstrx' "
                "and 'primary', a link with another way"
            )
        if self.switch.phase_shifter == "pin":
            raise DesignError(
                f"{source}: switch.phase_shifter = 'pin' in a link; allowed: 'heater', 'undercut': "
                "the fabric's transient is thermal"
            )
        if self.engine.wavelengths > 1 or self.fibre_lanes != self.serdes.lanes:
            raise DesignError(
                f"{source}: engine of {self.fibre_lanes} lanes x {self.engine.wavelengths} "
                f"wavelengths in a link; allowed: {self.serdes.lanes} x 1, a fibre for each lane "
                "of the SerDes"
            )
        if self.switch.topology == "none":
            return
        if self.serdes.lanes > self.switch.ports:
            raise DesignError(
                f"{source}: serdes.lanes = {self.serdes.lanes} with switch.ports = "
                f"{self.switch.ports}; allowed: at most one lane a port"
            )
        if not self.ring and isinstance(self.switch.permutation, tuple):
            used = self.switch.permutation[: self.serdes.lanes]
            if max(used) >= self.serdes.lanes:
                raise DesignError(
                    f"{source}: switch.permutation sends lanes to ports {sorted(used)}; allowed: "
                    f"lanes 0 to {self.serdes.lanes - 1} among themselves, a port beyond them has "
                    "no receiver"
                )
