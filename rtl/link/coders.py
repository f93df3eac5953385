"""Line coders of the profiles.

A coder of a lane takes and gives rows: `blocks` blocks of 64 bits with their kinds (`pcs.block`).
Members of every transmit coder: ``kinds``, ``data``, ``marker``, ``seed``, ``run``, ``slot``,
``word``; of every receive coder: ``i``, ``i_valid``, ``run``, ``locked``, ``kinds``, ``data``,
``valid``, ``header_errors``, and with FEC ``corrected``, ``uncorrectable`` and ``symbol_errors``.
Both have `blocks` and `latency`. `pcs.eth_lane` describes them.
"""

from typing import Any

from lightloom.rtl.link.config import Config
from lightloom.rtl.pcs.eth_lane import EthRx, EthTx

__all__ = ["receive", "transmit"]


def transmit(config: Config) -> Any:
    """Transmit coder of a lane."""
    return EthTx(config.bits)


def receive(config: Config) -> Any:
    """Receive coder of a lane."""
    return EthRx(config.bits)
