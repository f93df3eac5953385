import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lightloom.photonics.export.parameters import PhotodiodeParameters, RingParameters


@pytest.fixture(scope="session")
def ring():
    """A ring of 10 um with made-up but plausible numbers, none of them a default."""
    return RingParameters(
        wavelength_nm=1305.0,
        radius_um=10.0,
        gap_um=0.2,
        fwhm_pm=240.0,
        depth=0.93,
        overcoupled=False,
        detuning_pm=70.0,
        efficiency_pm_per_v=35.0,
        insertion_loss_db=0.8,
        bias_v=1.2,
        built_in_v=0.9,
        capacitance_ff=11.0,
        resistance_ohm=330.0,
        saturation_a=1e-15,
        heater_ohm=310.0,
        heater_pm_per_mw=90.0,
        heater_tau_us=8.0,
    )


@pytest.fixture(scope="session")
def photodiode():
    return PhotodiodeParameters(
        length_um=20.0,
        width_um=1.6,
        responsivity_a_per_w=0.87,
        dark_current_na=12.0,
        bandwidth_ghz=45.0,
        capacitance_ff=11.0,
        resistance_ohm=35.0,
    )


@pytest.fixture
def ngspice(tmp_path):
    """Run a netlist whose control block writes `out.txt`; returns its columns without the scales.

    ngspice writes the scale before every vector: columns 1, 3, 5 hold the values.
    """
    program = shutil.which("ngspice")
    if program is None:
        pytest.skip("ngspice is not installed (Debian, Ubuntu: apt-get install ngspice)")

    def run(models: str, circuit: str, control: str) -> tuple[np.ndarray, np.ndarray]:
        netlist = f"* test\n{models}\n{circuit}\n.control\n{control}\nquit 0\n.endc\n.end\n"
        Path(tmp_path, "test.cir").write_text(netlist)
        found = subprocess.run(
            [program, "-n", "-b", "test.cir"],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        said = found.stdout + found.stderr
        out = Path(tmp_path, "out.txt")
        assert found.returncode == 0, said
        assert out.exists(), said
        table = np.loadtxt(out, ndmin=2)
        return table[:, 0], table[:, 1::2].T

    return run


class Compiled:
    """A Verilog-A module as its compiler understood it: currents and charges of every node.

    `f(x) + dq(x)/dt = 0` at each node of `nodes`, but for what the circuit outside adds.
    """

    def __init__(self, module):
        self.module = module
        self.nodes = [node["name"] for node in module.get_dae_system()["nodes"]]
        self.terminals = self.nodes[: module.num_terminals]
        self.defaults = {
            name: value
            for name, value in module.get_param_defaults().items()
            if name in module.param_names
        }

    def at(self, volts, **parameters):
        """Return f, q and their Jacobians at node values `volts` (dict, missing ones are 0)."""
        values = {"$temperature": 300.15, "mfactor": 1.0, **self.defaults, **parameters}
        for name, kind in zip(self.module.param_names, self.module.param_kinds, strict=True):
            if kind == "voltage":
                plus, _, minus = name[2:-1].partition(",")
                values[name] = volts.get(plus, 0.0) - (volts.get(minus, 0.0) if minus else 0.0)
            elif kind == "current":
                values[name] = volts.get(f"flow({name[2:-1]})", 0.0)
        residuals, entries = self.module.run_init_eval(values)
        count = len(self.nodes)
        f, q = np.array(residuals).T
        jf, jq = np.zeros((count, count)), np.zeros((count, count))
        for row, column, resist, react in entries:
            jf[row, column], jq[row, column] = resist, react
        return f, q, jf, jq

    def solve(self, fixed, **parameters):
        """Return node values at rest with the nodes of `fixed` held; others balance (Newton)."""
        x = np.array([fixed.get(name, 0.0) for name in self.nodes])
        free = [i for i, name in enumerate(self.nodes) if name not in fixed]
        for _ in range(100):
            f, _, jf, _ = self.at(dict(zip(self.nodes, x, strict=True)), **parameters)
            step = np.linalg.solve(jf[np.ix_(free, free)], -f[free])
            x[free] += np.clip(step, -1.0, 1.0)
            if np.abs(step).max() < 1e-14:
                return dict(zip(self.nodes, x, strict=True))
        raise AssertionError(f"no rest at {fixed}")

    def small(self, rest, driven, frequencies_hz, **parameters):
        """Return node values over frequency `[f, node]` for 1 V at `driven`, others held or free.

        `rest` is what `solve` returned; nodes held there are those of `driven` and `held`.
        """
        _, _, jf, jq = self.at(rest, **parameters)
        held = set(driven)
        free = [i for i, name in enumerate(self.nodes) if name not in held]
        force = np.array([driven.get(name, 0.0) for name in self.nodes])
        found = np.empty((len(frequencies_hz), len(self.nodes)), complex)
        for i, frequency in enumerate(frequencies_hz):
            y = jf + 2j * np.pi * frequency * jq
            found[i] = force
            found[i, free] = np.linalg.solve(y[np.ix_(free, free)], -(y @ force)[free])
        return found


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """Compile the text of one Verilog-A module."""
    openvaf = pytest.importorskip("openvaf_py", reason="openvaf-py has no wheel for this Python")

    def build(text: str) -> Compiled:
        path = tmp_path_factory.mktemp("va") / "module.va"
        path.write_text(text)
        (module,) = openvaf.compile_va(str(path))
        return Compiled(module)

    return build
