"""Line coders of the profiles: the members of `pcs.seam`, with `blocks` and `latency`."""

from typing import Any

from lightloom.rtl.fec.codes import CODES
from lightloom.rtl.link.config import Config
from lightloom.rtl.pcs.eth_lane import EthRx, EthTx
from lightloom.rtl.pcs.fec_lane import FecRx, FecTx
from lightloom.rtl.pcs.pcie.coder import PcieRx, PcieTx
from lightloom.rtl.pcs.pcie.rows import PcieSpread
from lightloom.rtl.pcs.raw_lane import RawRx, RawTx
from lightloom.rtl.pcs.row import Spread

__all__ = ["receive", "spread", "transmit"]


def spread(config: Config) -> Any:
    """Row kinds to block kinds, as `pcs.row.Spread`."""
    if config.profile == "pcie5":
        return PcieSpread(lanes=config.lanes)
    return Spread(lanes=config.blocks * config.lanes)


def transmit(config: Config) -> Any:
    """Transmit coder of a lane."""
    if config.profile == "xsr-raw":
        return RawTx(config.bits)
    if config.profile == "pcie5":
        return PcieTx(config.bits)
    if config.fec is not None:
        return FecTx(CODES[config.fec], config.bits, config.fec_interleave)
    return EthTx(config.bits)


def receive(config: Config) -> Any:
    """Receive coder of a lane."""
    if config.profile == "xsr-raw":
        return RawRx(config.bits)
    if config.profile == "pcie5":
        return PcieRx(config.bits)
    if config.fec is not None:
        return FecRx(CODES[config.fec], config.bits, config.fec_interleave)
    return EthRx(config.bits)
