"""The `lightloom` command. Heavy imports stay inside commands: `--help` must answer at once."""

from __future__ import annotations

import contextlib
import enum
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lightloom.flows.progress import Reporter
    from lightloom.spec import Design

INTERRUPTED = 130
"""Exit code after Ctrl-C or a request to end, as shells have it: 128 + SIGINT."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Co-design of xPU-CPO links and optical circuit switches. "
    "Exit code: 0 passed, 1 a check failed, 2 could not run.",
)

DesignFile = Annotated[Path, typer.Argument(metavar="DESIGN.toml", show_default=False)]
DesignOption = Annotated[Path, typer.Option("--design", metavar="FILE", help="Design file.")]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Default: build/<design>/<step>."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a design key; repeatable."),
]
LayerMapFile = Annotated[
    Path | None,
    typer.Option("--layer-map", metavar="FILE", help="Layer numbers of the file, if others."),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Same as --set run.seed=N.")]
Jobs = Annotated[
    int, typer.Option("-j", "--jobs", metavar="N", min=0, help="Processes; 0 takes every core.")
]
Waves = Annotated[
    bool, typer.Option("--waves", help="Also write waves.fst, with files for GTKWave and Surfer.")
]
JunitFile = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="Also write the checks as JUnit test cases."),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Results and errors only.")]
Verbose = Annotated[
    int, typer.Option("-v", "--verbose", count=True, show_default=False, help="More; -vv debug.")
]


class Chip(enum.StrEnum):
    """Chips that a design has."""

    SWITCH = "switch"
    ENGINE = "engine"
    OCSTRX = "ocstrx"


class Solver(enum.StrEnum):
    """Circuit solvers."""

    AUTO = "auto"
    FORWARD = "forward"
    SPARSE = "sparse"


def main() -> None:
    """Run the command line and exit with its code; errors are one line, never a traceback."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    import click

    # A run that is told to end removes its partial results like one that is interrupted.
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, _terminated)
        signal.signal(signal.SIGINT, _terminated)
    try:
        code = app(arguments, prog_name="lightloom", standalone_mode=False)
        # Typer turns Ctrl-C inside a command into this code.
        return _interrupted() if code == INTERRUPTED else int(code or 0)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _interrupted()
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "lightloom"
        return _fail(f"{error.format_message()} (see {where} --help)")
    except click.ClickException as error:
        return _fail(error.format_message())
    except BrokenPipeError:
        sys.stderr.close()
        return 2
    except ModuleNotFoundError as error:
        return _fail(f"{error.name} is not installed; lightloom doctor says how to install it")
    except Exception as error:
        # Not at the top: it brings pydantic, which --help can do without.
        from lightloom.spec.base import DesignError

        if isinstance(error, DesignError):
            return _fail(str(error))
        if any(a.startswith("-vv") for a in arguments) or arguments.count("-v") > 1:
            traceback.print_exc()
        text = " ".join(str(error).split()) or "no message"
        return _fail(f"internal error: {type(error).__name__}: {text} (-vv shows where)")


def _fail(message: str) -> int:
    print(f"lightloom: {message}", file=sys.stderr)
    return 2


def _interrupted() -> int:
    print("lightloom: interrupted; earlier results are untouched", file=sys.stderr)
    return INTERRUPTED


def _terminated(number: int, frame: object) -> None:
    # Only a command that has a folder to protect needs to know, and it has loaded this module.
    runs = sys.modules.get("lightloom.flows.runs")
    if runs is not None:
        runs.interruption.set()
    raise KeyboardInterrupt


def overrides(settings: list[str] | None, seed: int | None) -> dict[str, str]:
    """Return `--set` and `--seed` as dotted key to text; raises DesignError for one without `=`."""
    from lightloom.spec.base import DesignError

    found: dict[str, str] = {}
    for item in settings or []:
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise DesignError(f"--set {item}: allowed: KEY=VALUE, as in engine.laser_power_dbm=8")
        found[key.strip()] = value.strip()
    if seed is not None:
        found["run.seed"] = str(seed)
    return found


def _reporter(quiet: bool, verbose: int) -> Reporter:
    from lightloom.flows.progress import Reporter

    return Reporter(-1 if quiet else verbose)


def _opened(
    design: Path, settings: list[str] | None, seed: int | None, out: Path | None, step: str
) -> tuple[dict[str, str], Design, Path]:
    """What a command on a design begins with: changed keys, the design, its folder."""
    from lightloom import spec

    changed = overrides(settings, seed)
    loaded = spec.load(design, changed)
    return changed, loaded, _folder(out, loaded, step)


def _folder(out: Path | None, design: Design, step: str) -> Path:
    return out if out is not None else Path("build") / design.name / step


def _jobs(jobs: int) -> int:
    from lightloom.flows.runs import cores

    return jobs or cores()


@app.command()
def link(
    design: DesignFile,
    payload: Annotated[
        Path | None,
        typer.Option("--payload", metavar="FILE", help="File to carry instead of the design's."),
    ] = None,
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    jobs: Jobs = 0,
    waves: Waves = False,
    junit: JunitFile = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Generate, lay out, check, co-simulate and measure a complete link; the main job."""
    changed, loaded, folder = _opened(design, settings, seed, out, "link")
    from lightloom.flows import junit as tests
    from lightloom.flows import link as flow

    with tests.reported(junit, "link", loaded.name, folder):
        log = _reporter(quiet, verbose)
        return flow.run(design, changed, payload, folder, _jobs(jobs), log, waves=waves)


@app.command()
def repeat(
    run_file: Annotated[Path, typer.Argument(metavar="RUN.json", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="Default: build/<design>/repeat."),
    ] = None,
    jobs: Jobs = 0,
    waves: Waves = False,
    junit: JunitFile = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Run a link again from what its run.json says, and compare its waveform bit for bit."""
    from lightloom.flows import junit as tests
    from lightloom.flows import repeat as flow

    before = flow.read(run_file)
    folder = _folder(out, before.design, "repeat")
    with tests.reported(junit, "repeat", before.design.name, folder):
        log = _reporter(quiet, verbose)
        return flow.run(run_file, before, folder, _jobs(jobs), log, waves=waves)


@app.command()
def sensitivity(
    design: Annotated[list[Path], typer.Argument(metavar="DESIGN.toml...", show_default=False)],
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    jobs: Jobs = 0,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Measure receivers' sensitivity, bathtub and statistical eye; BER by three methods."""
    from lightloom import spec

    changed = overrides(settings, seed)
    # all of them are read before the first is measured
    loaded = [spec.load(one, changed) for one in design]
    folders = [
        _folder(out / x.name if out and len(loaded) > 1 else out, x, "sensitivity") for x in loaded
    ]
    if len(set(folders)) < len(folders):
        names = ", ".join(each.name for each in loaded)
        raise spec.DesignError(f"designs named {names}; allowed: names that differ")
    from lightloom.flows import sensitivity as flow

    log = _reporter(quiet, verbose)
    return max(
        flow.run(one, changed, folder, _jobs(jobs), log)
        for one, folder in zip(design, folders, strict=True)
    )


@app.command()
def verilog(
    block: Annotated[
        str | None, typer.Argument(metavar="[BLOCK]", help="Block; default: the whole design.")
    ] = None,
    design: DesignOption = Path("designs/xpu_cpo.toml"),
    listing: Annotated[bool, typer.Option("--list", help="Name the blocks and stop.")] = False,
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Write the Verilog and register files of the design or of one block."""
    from lightloom.flows import blocks, steps

    log = _reporter(quiet, verbose)
    if listing:
        for name, words in blocks.names().items():
            log.result(f"{name:16} {words}")
        return 0
    changed, loaded, folder = _opened(design, settings, seed, out, "verilog")
    return steps.verilog(design, loaded, changed, block, folder, log)


@app.command()
def layout(
    chip: Annotated[Chip, typer.Argument(metavar="switch|engine|ocstrx", show_default=False)],
    design: DesignOption = Path("designs/xpu_cpo.toml"),
    show: Annotated[
        bool, typer.Option("--show", help="Show it in a KLayout that is running with klive.")
    ] = False,
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    junit: JunitFile = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Lay out a chip of the design and run DRC and LVS on it."""
    from lightloom.flows import junit as tests
    from lightloom.flows import steps

    changed, loaded, folder = _opened(design, settings, seed, out, f"layout-{chip.value}")
    log = _reporter(quiet, verbose)
    with tests.reported(junit, f"layout {chip.value}", loaded.name, folder):
        return steps.layout(design, loaded, changed, chip.value, folder, log, show=show)


@app.command()
def drc(
    gds: Annotated[Path, typer.Argument(metavar="FILE.gds", show_default=False)],
    layer_map: LayerMapFile = None,
    out: Out = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Check the design rules of any layout drawn in the project's technology."""
    from lightloom.flows import steps

    folder = out or Path("build") / gds.stem / "drc"
    return steps.drc(gds, layer_map, folder, _reporter(quiet, verbose))


@app.command()
def lvs(
    gds: Annotated[Path, typer.Argument(metavar="FILE.gds", show_default=False)],
    netlist: Annotated[
        Path, typer.Option("--netlist", metavar="FILE.yml", help="What was meant to be drawn.")
    ],
    layer_map: LayerMapFile = None,
    out: Out = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Compare a layout with a netlist: devices, waveguides and metal."""
    from lightloom.flows import steps

    folder = out or Path("build") / gds.stem / "lvs"
    return steps.lvs(gds, netlist, layer_map, folder, _reporter(quiet, verbose))


@app.command()
def technology(
    layer_map: LayerMapFile = None,
    out: Out = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Write the technology for KLayout: layer colours, connectivity, design rules as a script."""
    from lightloom.flows import steps

    folder = out or Path("build") / "technology"
    return steps.technology(layer_map, folder, _reporter(quiet, verbose))


@app.command()
def sparams(
    design: DesignOption = Path("designs/xpu_cpo.toml"),
    points: Annotated[int, typer.Option(metavar="N", help="Wavelengths over the band.")] = 500,
    band: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="NM NM", help="First and last wavelength; default: technology.band."),
    ] = None,
    solver: Annotated[
        Solver, typer.Option(help="forward: fast, no reflections; sparse: with all of them.")
    ] = Solver.AUTO,
    permutations: Annotated[
        int, typer.Option(metavar="N", help="Also all permutations, or N where there are too many.")
    ] = 0,
    variation: Annotated[
        int, typer.Option(metavar="N", help="Also N chips of the process, calibrated and not.")
    ] = 0,
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Compute the switch's S-matrix, every input to every output, from its extracted layout."""
    changed, loaded, folder = _opened(design, settings, seed, out, "sparams")
    from lightloom.flows import sparams as flow

    log = _reporter(quiet, verbose)
    return flow.run(
        design, loaded, changed, points, band, folder, log, solver.value, variation, permutations
    )


@app.command()
def models(
    design: DesignOption = Path("designs/xpu_cpo.toml"),
    points: Annotated[int, typer.Option(metavar="N", help="Frequencies of S-parameters.")] = 101,
    span: Annotated[
        float, typer.Option(metavar="GHZ", help="Their range, the carrier in its middle.")
    ] = 200.0,
    touchstone: Annotated[int, typer.Option(metavar="1|2", help="Touchstone version.")] = 1,
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Write models of the optics for other simulators: Touchstone, ngspice, Verilog-A."""
    from lightloom.flows import models as flow

    changed, loaded, folder = _opened(design, settings, seed, out, "models")
    grid = flow.Grid(points, span)
    return flow.run(design, loaded, changed, grid, touchstone, folder, _reporter(quiet, verbose))


@app.command()
def reproduce(out: Out = None, quiet: Quiet = False, verbose: Verbose = 0) -> int:
    """Compare published switches and engines with what the models predict of them."""
    from lightloom.flows import reproduce as flow

    return flow.run(out or Path("build") / "reproduce", _reporter(quiet, verbose))


@app.command()
def sweep(
    design: DesignFile,
    varied: Annotated[
        list[str] | None,
        typer.Option("--vary", metavar="KEY=A,B,C", help="Or KEY=LOW:HIGH:STEP; repeatable."),
    ] = None,
    command: Annotated[
        str,
        typer.Option(metavar="COMMAND", help="What to run, with its options: 'layout switch'."),
    ] = "link",
    plots: Annotated[
        list[str] | None,
        typer.Option("--plot", metavar="METRIC", help="Draw it; default: what differs."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Of a Dask cluster: tcp://host:8786.")
    ] = None,
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    jobs: Jobs = 0,
    junit: JunitFile = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Run a command at every point of a grid of designs, in parallel; resumes where it ended."""
    changed, loaded, folder = _opened(design, settings, seed, out, "sweep")
    from lightloom.flows import junit as tests
    from lightloom.flows import sweep as flow

    options = flow.Options(varied or (), command, plots or (), scheduler, _jobs(jobs))
    with tests.reported(junit, "sweep", loaded.name, folder):
        return flow.run(design, changed, options, folder, _reporter(quiet, verbose))


@app.command()
def formal(
    block: Annotated[
        str | None, typer.Argument(metavar="[BLOCK]", help="Block; default: all that have proofs.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Name the proofs and stop.")] = False,
    out: Out = None,
    jobs: Jobs = 0,
    junit: JunitFile = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Prove properties of the RTL blocks; each proof must reach its covers and see a fault."""
    from lightloom.flows import formal as flow

    log = _reporter(quiet, verbose)
    if listing:
        for proof in flow.proofs(block):
            log.result(f"{proof.key:34} {flow.reach(proof):12} {proof.claim}")
        return 0
    from lightloom.flows import junit as tests

    folder = out or Path("build") / "formal"
    with tests.reported(junit, "formal", block or "all", folder):
        return flow.run(block, folder, _jobs(jobs), log)


@app.command()
def synth(
    block: Annotated[
        list[str] | None, typer.Argument(metavar="[BLOCK]...", help="Default: every block.")
    ] = None,
    design: DesignOption = Path("designs/xpu_cpo.toml"),
    liberty: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Cell library; default: osu018, if it is installed."),
    ] = None,
    period: Annotated[
        float, typer.Option(metavar="NS", help="Clock period with the cell library.")
    ] = 10.0,
    limits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Limits other than the shipped ones.")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Set the limits anew around what is measured.")
    ] = False,
    out: Out = None,
    settings: Set = None,
    jobs: Jobs = 0,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Measure area and timing of the RTL blocks: cells, depth, ECP5, a cell library."""
    changed, loaded, folder = _opened(design, settings, None, out, "synth")
    from lightloom.flows import synth as flow

    options = flow.Options(liberty, period, limits, renew)
    log = _reporter(quiet, verbose)
    return flow.run(design, loaded, changed, block or [], options, folder, _jobs(jobs), log)


ocs = typer.Typer(no_args_is_help=True, help="Lock and calibrate a switch chip with its RTL.")
app.add_typer(ocs, name="ocs")
ChipNumber = Annotated[
    int, typer.Option("--chip", metavar="N", min=0, help="Number of the chip of the process.")
]


@ocs.command()
def ramp(
    design: DesignFile,
    kelvin: Annotated[float, typer.Option(metavar="K", help="Rise of the ambient.")] = 20.0,
    seconds: Annotated[float, typer.Option(metavar="S", help="Time that it takes.")] = 60.0,
    permutations: Annotated[
        int, typer.Option(metavar="N", min=0, help="Settings; 0 takes every route.")
    ] = 0,
    chip: ChipNumber = 0,
    fixed_couplers: Annotated[
        bool, typer.Option("--fixed-couplers", help="Couplers do not change with temperature.")
    ] = False,
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    jobs: Jobs = 0,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Warm a switch chip up, with its lock on and off, and watch every route's extinction."""
    from lightloom.flows import ocs as flow

    changed, loaded, folder = _opened(design, settings, seed, out, "ocs-ramp")
    return flow.ramp(
        design, loaded, changed, kelvin, seconds, permutations or loaded.switch.ports, chip,
        fixed_couplers, folder, _jobs(jobs), _reporter(quiet, verbose),
    )  # fmt: skip


@ocs.command()
def calibrate(
    design: DesignFile,
    permutations: Annotated[
        int, typer.Option(metavar="N", help="Random settings that crosstalk is measured in.")
    ] = 100,
    chip: ChipNumber = 0,
    out: Out = None,
    settings: Set = None,
    seed: Seed = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Find the codes of every cell of a switch chip from random ones, by its taps alone."""
    from lightloom.flows import ocs as flow

    changed, loaded, folder = _opened(design, settings, seed, out, "ocs-calibrate")
    log = _reporter(quiet, verbose)
    return flow.calibrate(design, loaded, changed, permutations, chip, folder, log)


@app.command()
def doctor() -> int:
    """Say what is installed and what is missing, with the command that installs it."""
    from lightloom.flows.doctor import needs

    found = needs()
    for need in found:
        absent = "MISSING" if need.required else "not installed"
        state = need.found if need.found is not None else absent
        print(f"{need.name:20} {state:44.44} {need.purpose}")
    missing = [need for need in found if need.found is None]
    for need in missing:
        print(f"{need.name} is {'missing' if need.required else 'optional'}: {need.install}")
    return int(any(need.required for need in missing))
