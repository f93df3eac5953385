"""The `lightloom` command. Heavy imports stay inside commands: `--help` must answer at once."""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lightloom.flows.progress import Reporter
    from lightloom.spec import Design

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Co-design of xPU-CPO links and optical circuit switches. "
    "Exit code: 0 passed, 1 a check failed, 2 could not run.",
)

DesignFile = Annotated[Path, typer.Argument(metavar="DESIGN.toml", show_default=False)]
DesignOption = Annotated[
    Path, typer.Option("--design", metavar="FILE", help="Design file.", show_default=False)
]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", metavar="DIR", help="Default: build/<design>/<step>."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a design key; repeatable."),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Same as --set run.seed=N.")]
Jobs = Annotated[
    int, typer.Option("-j", "--jobs", metavar="N", min=0, help="Processes; 0 takes every core.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Results and errors only.")]
Verbose = Annotated[
    int, typer.Option("-v", "--verbose", count=True, show_default=False, help="More; -vv debug.")
]


def main() -> None:
    """Run the command line and exit with its code; errors are one line, never a traceback."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    import click

    from lightloom.spec.base import DesignError

    # A run that is told to end removes its partial results like one that is interrupted.
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, _terminated)
    try:
        code = app(arguments, prog_name="lightloom", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except DesignError as error:
        return _fail(str(error))
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        print("lightloom: interrupted; earlier results are untouched", file=sys.stderr)
        return 130
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "lightloom"
        return _fail(f"{error.format_message()} (see {where} --help)")
    except click.ClickException as error:
        return _fail(error.format_message())
    except BrokenPipeError:
        sys.stderr.close()
        return 2
    except Exception as error:
        if any(a.startswith("-vv") for a in arguments) or arguments.count("-v") > 1:
            traceback.print_exc()
        text = " ".join(str(error).split()) or "no message"
        return _fail(f"internal error: {type(error).__name__}: {text} (-vv shows where)")


def _fail(message: str) -> int:
    print(f"lightloom: {message}", file=sys.stderr)
    return 2


def _terminated(number: int, frame: object) -> None:
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
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> int:
    """Generate, lay out, check, co-simulate and measure a complete link; the main job."""
    from lightloom import spec
    from lightloom.flows import link as flow

    changed = overrides(settings, seed)
    folder = _folder(out, spec.load(design, changed), "link")
    return flow.run(design, changed, payload, folder, _jobs(jobs), _reporter(quiet, verbose))
