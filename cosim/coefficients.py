"""Every number of the waveform model, from the design and the extracted optics.

`build` is the only place where physical parameters become coefficients; the kernel and the oracle
both take the same `Coefficients` and nothing else. What the model contains is listed here, in the
order of the path:

- transmit DAC codes, held for a symbol; package channel; driver and modulator poles: one pulse
  response. The modulator's pole stands before its static, chirp-free characteristic.
- lasers: frequency offset fixed by the seed, phase walk of the linewidth, one step a word.
- fabric: complex matrix once a word. Leaked light has the delay of the light it disturbs. One chip
  between two circulators for both directions, or a ring of two transceivers with their own switches
  and two fibres between them, each switch at the time when the light passes it, without
  reflections. The receivers hear the fibre that their switch lets through more; what comes over the
  other is left out, and so is what leaks or loops back inside a transceiver from its transmitters
  to its receivers: on its loopback path a receiver is dark.
- fibre: loss and delay; at 1310 nm and these lengths dispersion is not modelled.
- detector: square law, dark current; thermal, shot and intensity noise as one white Gaussian
  current, an impulse every sample or few, its variance from the power of that sample. A sample is
  held until the next.
- detector and amplifier poles, package channel, CTLE: one response on a fine grid of delays.
- the mean is taken off by a first-order tracker, one step a word.
- sampler: `floor(v / step + 1/2)`, clipped.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lightloom.cosim import channel, noise, philox
from lightloom.spec import Design, DesignError, OpticalModel, fabrics
from lightloom.spec.optical_model import Couple, Eam, HeaterOp, Mzm, PathOp, Ring

Array = npt.NDArray[np.float64]

ELECTRON_C = 1.602176634e-19
BANK_PHASES = 32
"""Delays within one sample at which the receive response is stored; linear between them."""
LONGEST_TX_UI = 96
LONGEST_RX_UI = 96
DETECT_WORDS = 16
"""Time constant of the light detector, in words."""
HISTORY_WORDS = 64
"""Words of waveform that stay readable."""
MODULATORS = {"mzm": 0, "ring": 1, "eam": 2}


FABRIC_LINES = 64
"""Lines of the largest fabric that the kernel holds."""


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Inputs of kernel and oracle. Arrays `[2, lanes]` are by direction: A to B, B to A.

    The lane is that of the side a quantity belongs to: sources by transmit lane, detectors and
    delays by receive lane.
    """

    lanes: int
    symbols: int
    levels: int
    """Of a symbol: 2 (NRZ) or 4 (PAM4). The waveform does not depend on it, only on the codes."""
    samples_per_ui: int
    tx_bits: int
    adc_bits: int
    phase_steps: int
    seed: int
    noisy: bool
    ui_fs: Array
    """Symbol of side A, of side B."""
    rate_offset: Array
    """Receiver's symbol over transmitter's, less 1, by direction."""
    volts_per_code: float
    tx_response: Array
    """Volts at the modulator per volt of a held code, `samples_per_ui` a symbol."""
    modulator: Array
    """Kind and three parameters, see `kernel/modulator.hpp`."""
    source_field: Array
    """Root mW after modulator, engine, fibre, connectors and circulators, modulator fully open."""
    laser_turns: Array
    """Frequency offset in turns a word."""
    laser_walk: Array
    """Standard deviation of the phase walk in turns a word."""
    detector_field: Array
    """Root of A per mW."""
    dark_a: float
    noise: Array
    """Current variance a sample: constant, per A of current, per A squared of light current."""
    noise_every: int
    """Samples from one noise impulse to the next, see `lightloom.cosim.noise`."""
    delay_ui: Array
    """Start of a symbol at the DAC to start of its receive response, in symbols of the sender."""
    fabric_delay_fs: Array
    bank_phases: int
    rx_bank: Array
    """Volts per A held one sample; row `j` begins at delay `j / bank_phases` of a sample."""
    rx_gain: float
    baseline_rate: float
    detect_rate: float
    detect_a: float
    volts_per_step: float
    fabric_ports: int
    """Lines of the program."""
    fabric_shared: bool
    """Both directions pass one chip, B to A backwards; otherwise each has its own way forward."""
    fabric_ops: Array
    """Rows of kind, line a, line b, heater, four complex numbers."""
    heater_p_pi_mw: Array
    heater_tau_fs: Array
    thermal_crosstalk: Array
    dac_bits: int
    dac_full_scale_mw: float
    ring_lines: Array
    """Ring: for each lane the line from the transmitter, to primary and backup fibre, from them,
    and to the receiver, `[6, lanes]`; else empty. `fabric_ops` are then those of one switch, and
    the heaters of side A's come first."""
    ring_delay_ui: Array
    """Ring: as `delay_ui`, `[fibre, direction, lane]`, primary and backup."""
    ring_flight_fs: Array
    """Ring: of each fibre, from switch to switch."""
    ring_field: Array
    """Ring: field behind each fibre, relative to `source_field`."""
    tap_mw: float
    """Ring: mean light at a fibre's end that its tap shows."""
    permutation: tuple[int, ...]
    """Lane of B that lane i of A meets."""
    tx_lost: float
    rx_lost: float
    """Part of the responses' integral that truncation leaves out."""

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.setflags(write=False)

    @property
    def baud_hz(self) -> float:
        """Nominal symbol rate."""
        return 1e15 / float(self.ui_fs[0])

    @property
    def rx_taps(self) -> int:
        """Length of a row of the receive bank."""
        return self.rx_bank.shape[1]

    @property
    def ring(self) -> bool:
        """Whether two transceivers with their own switches stand at both ends of two fibres."""
        return self.ring_lines.size > 0

    def all_heaters(self, codes: Sequence[int]) -> Sequence[int]:
        """Codes of every heater: in a ring, where one side's are given, both sides have them."""
        one_side = self.ring and 2 * len(codes) == len(self.heater_p_pi_mw)
        return [*codes, *codes] if one_side else codes

    def source_lane(self, direction: int, lane: int) -> int:
        """Transmit lane whose light receive lane `lane` is meant to get."""
        return self.permutation.index(lane) if direction == 0 else self.permutation[lane]

    def named(self) -> dict[str, Array]:
        """Parameters of the kernel by name."""
        names = (
            "bank_phases", "baseline_rate", "dac_bits", "dac_full_scale_mw", "dark_a", "delay_ui",
            "detect_a", "detect_rate", "detector_field", "fabric_delay_fs", "fabric_ops",
            "fabric_ports", "fabric_shared", "heater_p_pi_mw", "heater_tau_fs", "laser_turns",
            "laser_walk", "modulator", "noise", "noise_every", "noisy", "phase_steps",
            "rate_offset", "rx_bank", "ring_delay_ui", "ring_field", "ring_flight_fs", "ring_lines",
            "rx_gain", "source_field", "tap_mw", "thermal_crosstalk", "tx_response", "ui_fs",
            "volts_per_code", "volts_per_step",
        )  # fmt: skip
        values = {name: np.ravel(np.asarray(getattr(self, name), float)) for name in names}
        values["seed"] = np.array([self.seed & 0xFFFFFFFF, self.seed >> 32], float)
        values["history_words"] = np.array([float(HISTORY_WORDS)])
        longest = max(float(self.delay_ui.max()), float(self.ring_delay_ui.max(initial=0.0)))
        flight = longest / self.symbols
        values["code_words"] = np.array([float(1024 + int(flight))])
        return values

    def with_(self, **changes: object) -> Coefficients:
        """Return a copy with some values replaced."""
        return dataclasses.replace(self, **changes)  # pyright: ignore[reportArgumentType]

    def digest(self) -> str:
        """Hash of every value."""
        digest = hashlib.sha256()
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            data = value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
            digest.update(f"{field.name}:{len(data)}:".encode() + data)
        return digest.hexdigest()


def build(design: Design, model: OpticalModel, other: OpticalModel | None = None) -> Coefficients:
    """Coefficients of the link `design` with optics `model`.

    `other` is the model of the path that a transceiver's switch does not stand on; without it its
    ways through the chip are taken for as long as those of `model`. Raises `DesignError` when the
    two do not belong together or a channel file cannot be used.
    """
    _check(design, model)
    serdes, receiver, run = design.serdes, design.receiver, design.run
    lanes, n = serdes.lanes, run.samples_per_ui
    ui_s = 1e-9 / serdes.baud_gbd
    ui_fs = 1e15 * ui_s / np.array([1.0, 1.0 + serdes.rate_offset_ppm * 1e-6])
    word_s = serdes.symbols_per_clock * ui_fs * 1e-15
    per_ui = BANK_PHASES * n
    nyquist = serdes.baud_gbd * 0.5e9
    package = channel.package(design.package, nyquist)
    modulator, parameters, polarity = _modulator(model)

    driver = channel.pole(design.engine.driver_bandwidth_ghz * 1e9)
    electrode = channel.pole(model.modulator.bandwidth_ghz * 1e9)
    tx = channel.held(
        lambda f: polarity * design.engine.driver_gain * package(f) * driver(f) * electrode(f),
        1.0, ui_s, per_ui, LONGEST_TX_UI,
    )  # fmt: skip

    detector = channel.pole(model.detector.bandwidth_ghz * 1e9)
    amplifier = channel.butterworth2(receiver.tia_bandwidth_ghz * 1e9)
    equalizer = channel.ctle(serdes.ctle_boost_db, nyquist)
    rx = channel.held(
        lambda f: receiver.tia_gain_ohm * detector(f) * amplifier(f) * package(f) * equalizer(f),
        1.0 / n, ui_s, per_ui, LONGEST_RX_UI,
    )  # fmt: skip
    # row j of the bank holds every BANK_PHASES-th value from j on; the last row is the first, later
    padded = np.append(rx.values, rx.values[-1])
    taps = len(rx.values) // BANK_PHASES
    bank = np.stack([padded[j : j + taps * BANK_PHASES : BANK_PHASES] for j in range(BANK_PHASES)])
    bank = np.vstack([bank, padded[BANK_PHASES::BANK_PHASES][:taps]])

    shared = model.fabric is not None and not design.ring
    permutation = tuple(model.permutation[:lanes]) if shared else tuple(range(lanes))
    spread = _laser_spread(design, lanes)
    linewidth = design.engine.laser_linewidth_mhz * 1e6
    bandwidth = n * serdes.baud_gbd * 1e9 / 2
    heaters = model.fabric.heaters if model.fabric else ()
    ring = _ring(design, model, other, ui_fs, tx.delay_ui, rx.delay_ui)
    crosstalk: Array = np.array(model.fabric.thermal_crosstalk if heaters and model.fabric else [])
    if ring.lines.size:
        # either side has a switch, and no heat crosses between them
        heaters = (*heaters, *heaters)
        crosstalk = np.kron(np.eye(2), crosstalk).astype(np.float64)
        delay, fabric_delay = ring.delay_ui[PATHS.index(design.switch.path)], ring.leave_fs
    else:
        delay, fabric_delay = _delays(design, model, permutation, ui_fs, tx.delay_ui, rx.delay_ui)
    return Coefficients(
        lanes=lanes,
        symbols=serdes.symbols_per_clock,
        levels=2**serdes.bits_per_symbol,
        samples_per_ui=n,
        tx_bits=serdes.tx_dac_bits,
        adc_bits=serdes.adc_bits,
        phase_steps=serdes.phase_steps_per_ui,
        seed=run.seed,
        noisy=True,
        ui_fs=ui_fs,
        rate_offset=np.array([ui_fs[1] / ui_fs[0] - 1.0, ui_fs[0] / ui_fs[1] - 1.0]),
        volts_per_code=serdes.tx_swing_v / 2 / (2 ** (serdes.tx_dac_bits - 1) - 1),
        tx_response=np.array(tx.values[::BANK_PHASES]),
        modulator=np.array([MODULATORS[modulator], *parameters]),
        source_field=np.tile(np.sqrt(_source_mw(design, model)), (2, 1)),
        laser_turns=spread * 1e9 * word_s[:, None],
        laser_walk=np.tile(
            np.sqrt(2 * np.pi * linewidth * word_s) / (2 * np.pi), (lanes, 1)
        ).T.copy(),
        detector_field=np.tile(
            [
                np.sqrt(
                    model.detector.responsivity_a_per_w * 1e-3 * _gain(lane.fibre_to_detector_db)
                )
                for lane in model.engine[:lanes]
            ],
            (2, 1),
        ),
        dark_a=model.detector.dark_current_na * 1e-9,
        noise=bandwidth
        * np.array(
            [
                (receiver.tia_noise_pa_per_rthz * 1e-12) ** 2,
                2 * ELECTRON_C,
                10 ** (design.engine.laser_rin_db_per_hz / 10),
            ]
        ),
        noise_every=noise.impulse_distance(bank, n),
        delay_ui=delay,
        fabric_delay_fs=fabric_delay,
        bank_phases=BANK_PHASES,
        rx_bank=bank,
        rx_gain=float(bank[0].sum()),
        baseline_rate=float(-np.expm1(-2 * np.pi * receiver.ac_coupling_mhz * 1e6 * word_s[0])),
        detect_rate=1.0 / DETECT_WORDS,
        detect_a=receiver.signal_detect_ua * 1e-6,
        volts_per_step=receiver.sampler_full_scale_v / 2**serdes.adc_bits,
        fabric_ports=model.fabric.lines if model.fabric else 0,
        fabric_shared=shared,
        fabric_ops=np.array(list(_operations(model)), float).reshape(-1, 12),
        heater_p_pi_mw=np.array([h.p_pi_mw for h in heaters]),
        heater_tau_fs=np.array([h.tau_us * 1e9 for h in heaters]),
        thermal_crosstalk=crosstalk,
        dac_bits=model.fabric.dac_bits if model.fabric else 1,
        dac_full_scale_mw=model.fabric.dac_full_scale_mw if model.fabric else 0.0,
        ring_lines=ring.lines,
        ring_delay_ui=ring.delay_ui,
        ring_flight_fs=ring.flight_fs,
        ring_field=ring.field,
        tap_mw=10 ** (design.switch.tap_threshold_dbm / 10),
        permutation=permutation,
        tx_lost=tx.lost,
        rx_lost=rx.lost,
    )


def _check(design: Design, model: OpticalModel) -> None:
    lanes = design.serdes.lanes
    if len(model.engine) < lanes:
        raise DesignError(
            f"optical model: {len(model.engine)} engine lanes; "
            f"allowed: at least serdes.lanes = {lanes}"
        )
    if (model.fabric is None) != (design.switch.topology == "none"):
        raise DesignError(
            f"optical model: {'no' if model.fabric is None else 'a'} fabric with switch.topology = "
            f"{design.switch.topology!r}; allowed: a fabric exactly where the design has a switch"
        )
    if model.fabric is not None:
        if model.fabric.lines > FABRIC_LINES:
            raise DesignError(
                f"optical model: a fabric of {model.fabric.lines} lines; allowed: at most "
                f"{FABRIC_LINES}, ports and dark arms together"
            )
        if any(heater.driven_loss_db for heater in model.fabric.heaters):
            raise DesignError(
                "optical model: phase shifters that absorb when driven; allowed: heaters"
            )
        if model.fabric.dac_bits != design.switch.dac_bits:
            raise DesignError(
                f"optical model: dac_bits = {model.fabric.dac_bits}; "
                f"allowed: switch.dac_bits = {design.switch.dac_bits}"
            )
        if design.ring:
            passages(design, model)
        elif sorted(model.permutation[:lanes]) != list(range(lanes)):
            raise DesignError(
                f"optical model: permutation = {list(model.permutation)}; "
                f"allowed: lanes 0 to {lanes - 1} among themselves"
            )
    for lane, skew in enumerate(design.run.skew_ui):
        if not 0 <= skew <= 32 * design.serdes.symbols_per_clock:
            raise DesignError(
                f"run.skew_ui[{lane}] = {skew:g}; allowed: 0 to "
                f"{32 * design.serdes.symbols_per_clock}"
            )


def _gain(loss_db: float) -> float:
    return 10 ** (-loss_db / 10)


def _modulator(model: OpticalModel) -> tuple[str, tuple[float, float, float], float]:
    """Kind, parameters and polarity: the driver is connected so that a one gives more light."""
    m = model.modulator
    if isinstance(m, Mzm):
        return "mzm", (m.v_pi, 10 ** (-m.er_limit_db / 10), 0.0), 1.0
    if isinstance(m, Ring):
        slope = m.detuning_pm * m.efficiency_pm_per_v
        parameters = (m.depth, m.detuning_pm / m.fwhm_pm, m.efficiency_pm_per_v / m.fwhm_pm)
        return "ring", parameters, 1.0 if slope >= 0 else -1.0
    assert isinstance(m, Eam)
    return "eam", (m.slope_db_per_v, m.bias_v, 0.0), -1.0


def _source_mw(design: Design, model: OpticalModel) -> Array:
    fibre = design.fibre
    common = (
        model.modulator.insertion_loss_db
        + fibre.length_m * 1e-3 * fibre.loss_db_per_km
        + fibre.connectors * fibre.connector_loss_db
        # one circulator at either end of the switched span, both passed in either direction
        + (2 * design.switch.circulator_loss_db if _circulators(design) else 0.0)
    )
    return np.array(
        [
            10 ** ((design.engine.laser_power_dbm - common - lane.modulator_to_fibre_db) / 10)
            for lane in model.engine[: design.serdes.lanes]
        ]
    )


def _circulators(design: Design) -> bool:
    """Whether both directions share the fibre: a transceiver's own switch has a fibre each way."""
    return design.has_controller and not design.ring


@dataclass(frozen=True)
class Passage:
    """A lane's way through the switches of two transceivers, the transmitting side's first."""

    loss_db: tuple[float, float]
    delay_ps: tuple[float, float]


def passages(
    design: Design, model: OpticalModel, path: fabrics.Path | None = None
) -> tuple[Passage, ...]:
    """How each lane passes the transceivers' own switches on a path, the design's when absent.

    Raises `DesignError` when the model has no such routes.
    """
    assert model.fabric is not None
    inputs, outputs = model.fabric.inputs, model.fabric.outputs
    routes = {(inputs[r.input], outputs[r.output]): r for r in model.routes}
    path = path or design.switch.path
    fibre = path[0]
    found: list[Passage] = []
    for lane in range(design.serdes.lanes):
        ways = (f"tx{lane}", f"{fibre}_out{lane}"), (f"{fibre}_in{lane}", f"rx{lane}")
        for way in ways:
            if way not in routes:
                raise DesignError(
                    f"optical model: no route from {way[0]} to {way[1]}; allowed: both for each "
                    f"lane on switch.path = {path!r}"
                )
        out, into = routes[ways[0]], routes[ways[1]]
        found.append(
            Passage((out.loss_db, into.loss_db), (out.group_delay_ps, into.group_delay_ps))
        )
    return tuple(found)


def _laser_spread(design: Design, lanes: int) -> Array:
    """Laser offsets in GHz, `[side, lane]`, uniform within the spread."""
    zero = np.zeros(1, np.uint64)
    return design.engine.laser_spread_ghz * np.array(
        [
            [
                2
                * float(
                    philox.uniforms(design.run.seed, philox.LASER_OFFSET + side, lane, zero)[0, 0]
                )
                - 1
                for lane in range(lanes)
            ]
            for side in (0, 1)
        ]
    )


def _flight_ps(design: Design, length_m: float) -> float:
    return length_m * 1e-3 * design.fibre.delay_us_per_km * 1e6


def _skew(design: Design) -> Array:
    """Extra delay of every lane in UI."""
    lanes = design.serdes.lanes
    return np.array([*design.run.skew_ui, *[0.0] * lanes][:lanes])


def _delays(
    design: Design,
    model: OpticalModel,
    permutation: tuple[int, ...],
    ui_fs: Array,
    tx_ui: float,
    rx_ui: float,
) -> tuple[Array, Array]:
    """Delay of each receive lane in UI, by direction, and the time at which light meets the fabric.

    Lane skew belongs to the fibre of A's lane, so both directions have it.
    """
    fibre_ps = _flight_ps(design, design.fibre.length_m)
    skew = _skew(design)
    on_chip = {(route.input, route.output): route.group_delay_ps for route in model.routes}
    delay = np.empty((2, design.serdes.lanes))
    for a, b in enumerate(permutation):
        if model.fabric is not None and (a, b) not in on_chip:
            raise DesignError(
                f"optical model: no route from {a} to {b}; allowed: one for each lane"
            )
        for direction, (sender, receiver) in enumerate(((a, b), (b, a))):
            optical_ps = (
                fibre_ps
                + on_chip.get((a, b), 0.0)
                + model.engine[sender].transmit_delay_ps
                + model.engine[receiver].receive_delay_ps
            )
            delay[direction, receiver] = (
                optical_ps * 1e3 / ui_fs[direction] + skew[a] + tx_ui + rx_ui
            )
    to_fabric = fibre_ps / 2 + min(
        lane.transmit_delay_ps for lane in model.engine[: design.serdes.lanes]
    )
    return delay, to_fabric * 1e3 + tx_ui * ui_fs


@dataclass(frozen=True)
class _Ring:
    """As in `Coefficients`; `leave_fs` is the time of word 0 at the sender's switch."""

    lines: Array
    delay_ui: Array
    flight_fs: Array
    field: Array
    leave_fs: Array


PATHS: tuple[fabrics.Path, fabrics.Path] = ("primary", "backup")


def _ring(
    design: Design,
    model: OpticalModel,
    other: OpticalModel | None,
    ui_fs: Array,
    tx_ui: float,
    rx_ui: float,
) -> _Ring:
    """Lines and delays of a ring of two; empty for another switch."""
    lanes, fibre = design.serdes.lanes, design.fibre
    if model.fabric is None or not design.ring:
        none = np.zeros(0)
        return _Ring(none, none, none, none, none)
    inputs, outputs = model.fabric.inputs, model.fabric.outputs
    lines = [
        [names.index(f"{name}{lane}") for lane in range(lanes)]
        for names, name in (
            (inputs, "tx"), (outputs, "p_out"), (outputs, "b_out"),
            (inputs, "p_in"), (inputs, "b_in"), (outputs, "rx"),
        )
    ]  # fmt: skip
    lengths = (fibre.length_m, fibre.backup_length)
    flight_ps = np.array([_flight_ps(design, length) for length in lengths])
    lost_db = (lengths[1] - lengths[0]) * 1e-3 * fibre.loss_db_per_km
    delay = np.empty((2, 2, lanes))
    for n, path in enumerate(PATHS):
        if other is None or path == design.switch.path:
            ways = passages(design, model)
        else:
            ways = passages(design, other, path)
        for direction in (0, 1):
            for lane, way in enumerate(ways):
                engine = model.engine[lane]
                optical_ps = (
                    flight_ps[n]
                    + sum(way.delay_ps)
                    + engine.transmit_delay_ps
                    + engine.receive_delay_ps
                )
                delay[n, direction, lane] = optical_ps * 1e3 / ui_fs[direction]
    delay += _skew(design) + tx_ui + rx_ui
    to_switch = min(lane.transmit_delay_ps for lane in model.engine[:lanes])
    return _Ring(
        lines=np.array(lines, float),
        delay_ui=delay,
        flight_fs=flight_ps * 1e3,
        field=np.array([1.0, 10 ** (-lost_db / 20)]),
        leave_fs=to_switch * 1e3 + tx_ui * ui_fs,
    )


def _operations(model: OpticalModel) -> Iterator[list[float]]:
    for op in model.fabric.ops if model.fabric else ():
        if isinstance(op, Couple):
            yield [0, op.a, op.b, -1, *(part for value in op.s for part in value)]
        elif isinstance(op, PathOp):
            yield [1, op.a, -1, -1, *op.t, 0, 0, 0, 0, 0, 0]
        else:
            assert isinstance(op, HeaterOp)
            yield [2, op.a, -1, op.heater, 0, 0, 0, 0, 0, 0, 0, 0]
