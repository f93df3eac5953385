"""Optical sections of the design file: process, engine, switch, fibre, receiver.

Unit names end the key. Sources stand in each description; `demonstration value` means chosen for
the reference designs and open to change, not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from lightloom.spec.base import Frozen, within


class Technology(Frozen):
    """The photonic process that both chips are drawn in."""

    band: Literal["O", "C"] = Field(
        default="O",
        description="Optical band: waveguide width, device numbers and carrier. O is "
        "1260-1360 nm, C 1530-1565 nm (ITU-T G.Sup39).",
    )
    metals: Literal[2, 3] = Field(
        default=2,
        description="Metals of the switch chip: a third one carries what runs across, thicker.",
    )
    layer_map: str | None = Field(
        default=None,
        description="TOML file that gives layers other GDS numbers; those of the open "
        "demonstration technology when absent.",
    )


BANDS_NM: dict[str, tuple[float, float]] = {"O": (1260.0, 1360.0), "C": (1530.0, 1565.0)}
"""Wavelengths of each band; ITU-T G.Sup39."""
CARRIERS_NM: dict[str, float] = {"O": 1310.0, "C": 1550.0}
"""Default carrier of each band."""


class Engine(Frozen):
    """The co-packaged optical engine."""

    lanes: int = within(
        0,
        0,
        16,
        "Fibre lanes each way; 0 takes serdes.lanes / wavelengths, rounded up.",
    )

    modulator: Literal["ring", "mzm", "eam"] = Field(
        default="mzm",
        description="Modulator type of every lane.",
    )
    wavelengths: int = within(1, 1, 16, "Wavelengths on a fibre.")
    wavelength_spacing_ghz: float = within(
        200.0,
        25.0,
        1000.0,
        "Grid of the wavelengths; 200 GHz is that of the CW-WDM MSA's 8 and 16 wavelength sets.",
    )
    wavelength_nm: float = within(
        1310.0,
        1260.0,
        1565.0,
        "Carrier, or the first of the grid; inside technology.band. 1310 in the O-band, 1550 in "
        "the C-band when absent.",
    )
    receiver: Literal["direct", "drop-filter"] = Field(
        default="direct",
        description="What stands before the photodiodes: nothing, or a ring filter for each "
        "wavelength. More than one wavelength needs filters.",
    )
    laser_inputs: int = within(
        0,
        0,
        16,
        "Fibres that bring laser light, each split to equally many lanes; 0 is one a lane.",
    )
    monitors: bool = Field(
        default=False,
        description="A tap with a photodiode behind every modulator and at every laser input.",
    )
    integration: Literal["obo", "npo", "cpo", "3d"] = Field(
        default="cpo",
        description="Where the engine sits: on the board, near the package, in the package, or "
        "under the electrical die. It sets the bump pitch and the copper between.",
    )
    bump_pitch_um: float = within(
        0.0,
        0.0,
        250.0,
        "Pitch of the micro-bumps; 0 takes that of the integration.",
    )
    laser_power_dbm: float = within(7.0, -30.0, 20.0, "Per lane at the modulator input.")
    laser_rin_db_per_hz: float = within(
        -150.0,
        -180.0,
        -100.0,
        "Relative intensity noise; DFB class, IEEE 802.3 asks -136 or better.",
    )
    laser_linewidth_mhz: float = within(
        1.0,
        0.0,
        100.0,
        "Lorentzian linewidth; DFB class, demonstration value.",
    )
    laser_spread_ghz: float = within(
        5.0,
        0.0,
        100.0,
        "Lanes' lasers differ by up to this either way; sets the beat of crosstalk.",
    )
    laser_wall_plug_percent: float = within(
        10.0,
        0.5,
        50.0,
        "Optical power out over electrical power in; demonstration value.",
    )
    driver_gain: float = within(
        2.0,
        0.1,
        20.0,
        "Linear driver between package and modulator; demonstration value.",
    )
    driver_bandwidth_ghz: float = within(30.0, 1.0, 200.0, "Driver pole; demonstration value.")
    mzm_v_pi_v: float = within(
        3.0,
        0.5,
        20.0,
        "MZM half-wave voltage, push-pull; V_pi L 0.825 V cm published for a depletion junction.",
    )
    mzm_er_limit_db: float = within(
        25.0,
        5.0,
        60.0,
        "Static extinction limit of the MZM; demonstration value.",
    )
    mzm_loss_db: float = within(
        4.0,
        0.0,
        15.0,
        "MZM insertion loss beside the quadrature bias; 3-5 dB class.",
    )
    mzm_bandwidth_ghz: float = within(
        35.0,
        1.0,
        200.0,
        "MZM electro-optic pole; demonstration value.",
    )
    ring_q: float = within(
        5000.0,
        500.0,
        50000.0,
        "Loaded quality factor; 3000-6000 is typical for 50-100 GHz photon lifetime limit.",
    )
    ring_depth: float = within(
        0.95,
        0.1,
        1.0,
        "Depth of the resonance, 1 is critical coupling; demonstration value.",
    )
    ring_efficiency_pm_per_v: float = within(
        40.0,
        1.0,
        200.0,
        "Resonance shift; 20-40 pm/V is typical.",
    )
    ring_detuning_pm: float = within(
        76.0,
        -1000.0,
        1000.0,
        "Bias point: resonance to carrier. Steepest slope: the width over 2 sqrt 3.",
    )
    ring_loss_db: float = within(1.0, 0.0, 15.0, "Loss beside the resonance; demonstration value.")
    ring_bandwidth_ghz: float = within(
        40.0,
        1.0,
        200.0,
        "Junction RC and photon lifetime as one pole; 52-110 GHz published by detuning.",
    )
    eam_slope_db_per_v: float = within(5.0, 0.1, 50.0, "Absorption slope; demonstration value.")
    eam_bias_v: float = within(1.0, 0.0, 5.0, "Reverse bias; demonstration value.")
    eam_loss_db: float = within(
        4.5,
        0.0,
        15.0,
        "Insertion loss; 4-5 dB published for GeSi devices.",
    )
    eam_bandwidth_ghz: float = within(50.0, 1.0, 200.0, "EAM pole; demonstration value.")


class Switch(Frozen):
    """The optical circuit switch chip and its controller."""

    topology: Literal[
        "benes", "piloss", "crossbar", "switch-and-select", "odd-even", "ocstrx", "none"
    ] = Field(default="benes", description="Fabric topology.")
    ports: int = within(
        8,
        2,
        128,
        "Fabric ports; a power of two for Benes and switch-and-select, lanes (even) for ocstrx.",
    )
    permutation: Literal["identity", "reverse", "random"] | tuple[int, ...] = Field(
        default="reverse",
        description="Output of each input, or a named one; `random` uses run.seed.",
    )
    path: Literal["primary", "backup", "loopback"] = Field(
        default="primary",
        description="Path that an ocstrx switch takes; exactly one carries all lanes.",
    )
    coupler_gap_um: float = within(
        0.2,
        0.15,
        0.4,
        "Gap of the directional couplers in each MZI cell, as drawn.",
    )
    coupler_length_um: float = within(
        0.0,
        0.0,
        100.0,
        "Straight length of the couplers; 0 takes the 50:50 length of the default gap.",
    )
    arm_imbalance_um: float = within(
        0.0,
        -20.0,
        20.0,
        "Extra length of the heated arm of each cell, as drawn.",
    )
    heater_length_um: float = within(200.0, 50.0, 1000.0, "Length of the heater in each cell.")
    phase_shifter: Literal["heater", "undercut", "pin"] = Field(
        default="heater",
        description="Phase shifter of each cell: a heater, a suspended heater (less power, "
        "slower), or a PIN diode (electro-optic, nanoseconds, absorbs when driven).",
    )
    pin_length_um: float = within(300.0, 50.0, 1000.0, "Length of the PIN diode in each cell.")
    match_paths: bool = Field(
        default=False,
        description="Lengthen the fibre fan-outs so that all ports have equally long waveguides "
        "outside the fabric.",
    )
    monitors: Literal["none", "port", "cell"] = Field(
        default="none",
        description="Taps with photodiodes: at no place, at every port, or at both outputs of "
        "every cell.",
    )
    drive: Literal["parallel", "pwm", "sigma_delta", "spi"] = Field(
        default="spi",
        description="What block `ocs_board` has on its pins: codes, one bit a heater (PWM or "
        "sigma-delta), or serial DACs and ADCs. Co-simulations see the codes.",
    )
    coupler: Literal["edge", "grating"] = Field(
        default="edge", description="How fibres meet the chip."
    )
    fibre_pitch_um: Literal[127, 250] = Field(
        default=127, description="Pitch of the fibre array; V-groove arrays come in both."
    )
    contacts: Literal["pads", "bumps"] = Field(
        default="pads", description="Bond pads along the edges, or micro-bumps."
    )
    calibration: str = Field(
        default="nominal",
        description="`nominal`: codes for a cell as designed; `measured`: codes from the "
        "extracted cell phases; "
        "else a JSON file `{'bar': [codes], 'cross': [codes]}`.",
    )
    clock_mhz: float = within(250.0, 1.0, 1000.0, "Clock of the controller.")
    dac_bits: int = within(10, 6, 14, "Heater DAC resolution.")
    settle_us: float = within(
        60.0,
        0.1,
        10000.0,
        "Wait between commit and done; at least five heater time constants is usual.",
    )
    overdrive: bool = Field(
        default=True,
        description="A transceiver's own switch overdrives its heaters when the path changes.",
    )
    saved_sets: bool = Field(
        default=True,
        description="A transceiver's own switch has the SerDes save its coefficients for each path "
        "and start from them when the path changes.",
    )
    tap_threshold_dbm: float = within(
        -30.0,
        -60.0,
        10.0,
        "Mean light in a fibre at a transceiver's switch that its tap shows as light; "
        "demonstration value, some 20 dB below the light of a link that works.",
    )
    circulator_loss_db: float = within(
        0.8,
        0.0,
        5.0,
        "One circulator; both directions share the chip, as in the Palomar "
        "switch. Commercial O-band class, demonstration value.",
    )

    @model_validator(mode="after")
    def _routable(self) -> Self:
        sizes = PORTS.get(self.topology)
        if sizes is not None and self.ports not in sizes:
            every = isinstance(sizes, range) and sizes.step == 1
            allowed = f"{sizes[0]} to {sizes[-1]}" if every else ", ".join(map(str, sizes))
            raise ValueError(
                f"ports = {self.ports} with topology {self.topology!r}; allowed: {allowed}"
            )
        given = self.permutation
        if isinstance(given, tuple) and sorted(given) != list(range(self.ports)):
            raise ValueError(
                f"permutation = {list(given)}; allowed: each of 0 to {self.ports - 1} once"
            )
        return self


PORTS: dict[str, Sequence[int]] = {
    "benes": (2, 4, 8, 16, 32, 64, 128),
    # The shuffle between the trees has (N (N - 1) / 2)^2 crossings: 246,016 at 32.
    "switch-and-select": (2, 4, 8, 16),
    # N^2 cells: 4096 at 64, as many as the controller has registers and tables for.
    "piloss": range(2, 65),
    "crossbar": range(2, 65),
    "odd-even": range(2, 65),
    # The loopback joins two halves of the lanes.
    "ocstrx": range(2, 17, 2),
}
"""Sizes of the topologies."""


class Fibre(Frozen):
    """Single-mode fibre between the engines, the switch in its middle."""

    length_m: float = within(10.0, 0.0, 2000.0, "Whole length, xPU to xPU.")
    backup_length_m: float | None = Field(
        default=None,
        ge=0.0,
        le=2000.0,
        description="Length of the backup fibre of transceivers with their own switch, the way "
        "around the ring; as long as the primary one when absent.",
    )
    loss_db_per_km: float = within(
        0.4,
        0.0,
        10.0,
        "O-band class loss, ITU-T G.652 limit at 1310 nm.",
    )
    delay_us_per_km: float = within(4.9, 4.0, 6.0, "Group delay of silica fibre at 1310 nm.")
    connectors: int = within(4, 0, 20, "Connectors on the whole way.")
    connector_loss_db: float = within(
        0.25,
        0.0,
        3.0,
        "Loss of one connector; IEC 61753 grade B average is 0.12, maximum 0.25.",
    )

    @property
    def backup_length(self) -> float:
        """Length of the backup fibre in m."""
        return self.length_m if self.backup_length_m is None else self.backup_length_m


class Receiver(Frozen):
    """Photodiode and transimpedance amplifier."""

    responsivity_a_per_w: float = within(
        0.9,
        0.05,
        1.2,
        "Ge photodiode; 0.91 A/W published in the O-band.",
    )
    dark_current_na: float = within(
        10.0,
        0.0,
        10000.0,
        "Ge photodiode at 1 V; 1.3 nA published for a good one.",
    )
    pd_bandwidth_ghz: float = within(
        50.0,
        1.0,
        200.0,
        "Photodiode pole; 58 GHz published at high power.",
    )
    tia_noise_pa_per_rthz: float = within(
        16.0,
        0.1,
        200.0,
        "Input-referred density; 2 uA rms over a 25G class receiver is published, 16 pA/rtHz "
        "over 20 GHz gives 2.3 uA.",
    )
    tia_bandwidth_ghz: float = within(
        24.0,
        1.0,
        200.0,
        "Two-pole Butterworth corner, 0.75 of the baud rate.",
    )
    tia_gain_ohm: float = within(
        4000.0,
        10.0,
        100000.0,
        "Transimpedance, fixed; demonstration value.",
    )
    sampler_full_scale_v: float = within(
        0.4,
        0.01,
        5.0,
        "Peak-to-peak differential input range of the sampler; demonstration value.",
    )
    ac_coupling_mhz: float = within(
        0.5,
        0.001,
        20.0,
        "High-pass corner of the offset-cancelling loop; demonstration value.",
    )
    signal_detect_ua: float = within(
        1.0,
        0.0,
        1000.0,
        "Mean photocurrent below which a lane reports loss of light.",
    )
