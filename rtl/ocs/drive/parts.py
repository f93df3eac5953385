"""DAC and ADC parts on the pins: interface timing, with where each number is from.

All times are ns, as limits on what the controller does, or of what the part does at the worst.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

__all__ = ["AD7490", "LTC2668", "AdcPart", "DacPart", "clocks"]


def clocks(time_ns: float, clock_mhz: float) -> int:
    """Clocks that are not shorter than a time, at least 1."""
    return max(1, ceil(time_ns * clock_mhz / 1000 - 1e-9))


@dataclass(frozen=True)
class DacPart:
    """A multi-channel DAC with a serial port that can be chained.

    Attributes
    ----------
    name : str
        Of the part.
    channels, word_bits : int
        Channels; bits of a word in a chain.
    period, high, low : float
        Least of SCK.
    setup, hold : float
        SDI to the rising edge of SCK.
    lead : float
        CS/LD low to the rising edge of SCK.
    lag : float
        Last rising edge of SCK to CS/LD high.
    deselect : float
        CS/LD high.
    ignore : float
        CS/LD high to a rising edge of SCK that is ignored.
    delay : float
        Falling edge of SCK to SDO, at most.
    clear : float
        CLR low.
    """

    name: str = "LTC2668-16"
    channels: int = 16
    word_bits: int = 32
    period: float = 20
    high: float = 9
    low: float = 9
    setup: float = 6
    hold: float = 6
    lead: float = 7
    lag: float = 7
    deselect: float = 10
    ignore: float = 7
    delay: float = 30
    clear: float = 20


LTC2668 = DacPart()
"""Commands, 50 MHz, words of 24 or 32 bits, hardware-set span and the echo of the word before on
SDO: the manufacturer's published driver of the LTC2668. Words of 32 bits for a chain, delayed by 32
rising edges and put out at the next falling one, eight bits that do not matter first, action at the
rising edge of CS/LD: data sheet of the LTC2656, page 19, which has the same port. The times but
`period` are those of the LTC2656 and LTC2668 data sheets (Timing Characteristics, 2.7 V to 5.5 V)
as recalled; `delay` is that at the lower logic supply."""


@dataclass(frozen=True)
class AdcPart:
    """A multi-channel ADC whose serial clock drives the conversion.

    Attributes
    ----------
    name : str
        Of the part.
    channels, frame_bits, sample_bits : int
        Channels; clocks of a conversion; bits of a sample.
    period : float
        Least of SCLK.
    duty : float
        Least part of a period that SCLK is high, or low.
    lead : float
        t2, CS low to the first falling edge of SCLK.
    first : float
        t3', CS low to the first bit on DOUT, at most.
    delay : float
        t4, falling edge of SCLK to DOUT, at most.
    setup, hold : float
        t9, t10, DIN to the falling edge of SCLK.
    lag : float
        t11, 16th falling edge of SCLK to CS high.
    quiet : float
        tQUIET, from DOUT released, 50 ns (t8) after the 16th falling edge at most, to the next CS.
    release : float
        t8.
    """

    name: str = "AD7490"
    channels: int = 16
    frame_bits: int = 16
    sample_bits: int = 12
    period: float = 62.5
    duty: float = 0.4
    lead: float = 12
    first: float = 30
    delay: float = 60
    setup: float = 20
    hold: float = 5
    lag: float = 20
    quiet: float = 50
    release: float = 50


AD7490 = AdcPart()
"""Data sheet Rev. D, Table 2 (page 5), 3 V: 16 MHz; page 22: four address bits and twelve of data,
ADD3 from CS, each next from a falling edge, DIN taken at the first twelve falling edges. Control
register WRITE SEQ ADD[3:0] PM[1:0] SHADOW WEAK/TRI RANGE CODING and the dummy word 0xFFFF after
power-up: the manufacturer's published driver."""
