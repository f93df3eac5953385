"""What the decoders counted, and what the bit errors before them lead one to expect."""

from __future__ import annotations

from dataclasses import dataclass

from lightloom.cosim.fec import CODES, Code
from lightloom.cosim.setup import Side
from lightloom.cosim.statistics import clopper_pearson
from lightloom.flows.report_data import Fec, FecLane
from lightloom.flows.runs import Metric
from lightloom.spec import Design


@dataclass(frozen=True)
class Codewords:
    """Codewords of all lanes of some sides together."""

    code: Code
    corrected: int
    uncorrectable: int
    symbol_errors: int
    """In the codewords that were corrected."""
    histogram: tuple[int, ...]
    """Of the others, by the number of symbols corrected."""

    @property
    def received(self) -> int:
        """All codewords."""
        return sum(self.histogram) + self.uncorrectable

    @property
    def error_rate(self) -> tuple[float, float, float] | None:
        """Codewords that could not be corrected over all, and its interval at 95 %."""
        if not self.received:
            return None
        low, high = clopper_pearson(self.uncorrectable, self.received)
        return self.uncorrectable / self.received, low, high

    @property
    def pre_fec_ber(self) -> float | None:
        """Bit errors that make as many wrong symbols, from the codewords that were corrected.

        Too low where many could not be.
        """
        good = sum(self.histogram)
        if not good:
            return None
        return self.code.bit_error_rate(min(1.0, self.symbol_errors / (good * self.code.symbols)))

    def post_fec_ber(self, pre_fec_ber: float | None) -> tuple[float, float, float] | None:
        """Wrong bits behind the decoder over all, and the interval of its codeword error rate.

        A codeword that cannot be corrected has as many wrong bits as one with too many errors has
        on average at `pre_fec_ber`.
        """
        found = self.error_rate
        if found is None:
            return None
        bits = self.code.failed_bits(pre_fec_ber or 0.0) / self.code.codeword_bits
        rate, low, high = (value * bits for value in found)
        return rate, low, high


def codewords(design: Design, *sides: Side) -> Codewords | None:
    """What the decoders of `sides` counted; None for a profile without FEC."""
    if design.serdes.fec is None:
        return None
    lanes = [lane for side in sides for lane in side.codewords]
    histograms = [side.fec_histogram for side in sides if side.fec_histogram]
    return Codewords(
        CODES[design.serdes.fec],
        sum(lane.corrected for lane in lanes),
        sum(lane.uncorrectable for lane in lanes),
        sum(lane.symbol_errors for lane in lanes),
        tuple(map(sum, zip(*histograms, strict=True))),
    )


def metrics(found: Codewords | None, pre_fec_ber: float | None) -> dict[str, Metric]:
    """Figures of the decoders; null without FEC or without a codeword."""
    post = found.post_fec_ber(pre_fec_ber) if found else None
    rate = found.error_rate if found else None
    return {
        "link.post_fec_ber": post[0] if post else None,
        "link.post_fec_ber_low": post[1] if post else None,
        "link.post_fec_ber_high": post[2] if post else None,
        "fec.codewords": found.received if found else None,
        "fec.corrected": found.corrected if found else None,
        "fec.uncorrectable": found.uncorrectable if found else None,
        "fec.symbol_errors": found.symbol_errors if found else None,
        "fec.pre_fec_ber": found.pre_fec_ber if found else None,
        "fec.codeword_error_rate": rate[0] if rate else None,
        "fec.codeword_error_rate_high": rate[2] if rate else None,
        "fec.codeword_error_rate_model": (
            found.code.codeword_error_rate(pre_fec_ber)
            if found and pre_fec_ber is not None
            else None
        ),
    }


def report(
    design: Design, sides: tuple[Side, Side], directions: tuple[str, str], pre_fec_ber: float | None
) -> Fec | None:
    """The report's part about the decoders; None where there are none."""
    found = codewords(design, *sides)
    if found is None:
        return None
    rate = found.error_rate
    expected: tuple[float, ...] = ()
    if pre_fec_ber is not None:
        expected = tuple(found.received * float(p) for p in found.code.histogram(pre_fec_ber))
    return Fec(
        name=f"RS({found.code.symbols},514)",
        lanes=tuple(
            FecLane(direction, lane.lane, lane.corrected, lane.uncorrectable, lane.symbol_errors)
            for side, direction in zip(sides, directions, strict=True)
            for lane in side.codewords
        ),
        codewords=found.received,
        uncorrectable=found.uncorrectable,
        error_rate_high=rate[2] if rate else None,
        error_rate_expected=(
            found.code.codeword_error_rate(pre_fec_ber) if pre_fec_ber is not None else None
        ),
        pre_fec_ber=found.pre_fec_ber,
        histogram=found.histogram[: found.code.correctable + 1],
        expected=expected,
    )
