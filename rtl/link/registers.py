"""Registers of the SerDes: their description for a configuration, and what lanes show in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from amaranth import Module, Signal

from lightloom.rtl.csr import rdl
from lightloom.rtl.link.config import Config

__all__ = ["ADDRESS_BITS", "STEPS", "Lookup", "registers", "show_lane"]

ADDRESS_BITS = 12
Lookup = Callable[[str], Signal]
"""Finds the signal of a register field by its path."""
STEPS = ("signal", "cdr", "equalize", "block_lock", "align")
"""States of the bring-up that have a limit and a lock time."""


def registers(config: Config) -> rdl.Description:
    """Register description for `config`."""
    pre2, pre, main, post = (tap & 0xFF for tap in (0, *config.tx_ffe)[-4:])
    limits = {f"LIMIT_{n.upper()}": v for n, v in zip(STEPS, config.limits, strict=True)}
    return rdl.load(
        Path(__file__).with_name("serdes.rdl"),
        "serdes",
        {
            "LANES": config.lanes,
            "SYMBOLS_PER_CLOCK": config.symbols_per_clock,
            "PHASE_STEPS": config.phase_steps,
            "ATTEMPT_LIMIT": config.attempt_limit,
            "TX_PRE": pre,
            "TX_MAIN": main,
            "TX_POST": post,
            "TX_PRE2": pre2,
            "PRECODING": int(config.precoding),
            "TRAINING": int(config.training),
            **limits,
        },
    )


def show_lane(m: Module, field: Lookup, number: int, here: Any, config: Config) -> None:
    """Add to `m` the fields of a receive lane from its `lane_rx.status` in the core clock."""
    form = config.rx_format
    at = f"lane[{number}]"
    held = Signal(16, name=f"prbs_words_high_{number}")
    with m.If(field(f"{at}.prbs_words.value_swacc")):
        m.d.sync += held.eq(here.prbs_words[32:])
    m.d.comb += [
        field(f"{at}.status.prbs_locked").eq(here.prbs_locked),
        field(f"{at}.phase.code").eq(here.phase),
        field(f"{at}.phase.frequency").eq(here.frequency),
        field(f"{at}.level.level").eq(here.level),
        field(f"{at}.level.dfe").eq(here.dfe.as_signed()),
        field(f"{at}.prbs_errors.value").eq(here.prbs_errors),
        field(f"{at}.prbs_words.value").eq(here.prbs_words),
        field(f"{at}.prbs_words_high.value").eq(held),
        field(f"{at}.header_errors.value").eq(here.header_errors),
        field(f"{at}.block_errors.value").eq(here.block_errors),
        field(f"{at}.fec_corrected.value").eq(here.fec_corrected),
        field(f"{at}.fec_uncorrectable.value").eq(here.fec_uncorrectable),
        field(f"{at}.fec_symbol_errors.value").eq(here.fec_symbol_errors),
        field(f"{at}.status.energy").eq(here.signal_detect),
        field(f"{at}.status.eye_busy").eq(here.eye_busy),
        field(f"{at}.sets.valid").eq(here.sets),
        field(f"{at}.eye_hits.value").eq(here.eye_hits),
        field(f"{at}.eye_above.value").eq(here.eye_above),
    ]
    for n in range(form.levels):
        value = here.levels.word_select(n, form.level_bits + 1).as_signed()
        register = "levels" if n < 2 else "levels_high"
        m.d.comb += field(f"{at}.{register}.level_{n}").eq(value)
    for tap in range(form.ffe_taps - 1):
        value = here.taps.word_select(tap, form.tap_bits).as_signed()
        register = f"equalizer_{tap // 4 * 4}" if tap >= 4 else "equalizer"
        m.d.comb += field(f"{at}.{register}.tap_{tap}").eq(value)
