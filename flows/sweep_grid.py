"""The points of a sweep: what `--vary` asks for, every point checked before any is run."""

from __future__ import annotations

import itertools
import re
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from lightloom import spec
from lightloom.flows.runs import sources, versions
from lightloom.spec import DesignError, cache, loader

if TYPE_CHECKING:
    import click

MAX_POINTS = 10_000
"""Most points of a sweep."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER}):({_NUMBER})")
_OWN = ("out", "settings", "seed", "design", "jobs", "quiet", "verbose", "junit", "listing")
"""Options of the swept command that the sweep gives itself, or that would not run anything."""


@dataclass(frozen=True)
class Axis:
    """A key of the design and the values that it takes, as text for `--set`."""

    key: str
    texts: tuple[str, ...]

    @property
    def values(self) -> tuple[object, ...]:
        """The values as they stand in the table."""
        return tuple(map(value, self.texts))


@dataclass(frozen=True)
class Command:
    """The command that is run at each point."""

    words: tuple[str, ...]
    """Its name, of one word or two."""
    extra: tuple[str, ...]
    """Its own arguments and options."""
    design_option: bool
    """Whether the design file goes behind `--design`."""
    has_jobs: bool

    @property
    def name(self) -> str:
        """As written on the command line."""
        return " ".join(self.words)

    def arguments(self, design: Path, settings: Mapping[str, str], out: Path) -> list[str]:
        """Command line of a point, without the number of jobs."""
        place = ["--design", str(design)] if self.design_option else [str(design)]
        pairs = [part for key, text in settings.items() for part in ("--set", f"{key}={text}")]
        return [*self.words, *place, *self.extra, *pairs, "-o", str(out), "-q"]


@dataclass(frozen=True)
class Point:
    """One combination of values."""

    texts: tuple[str, ...]
    """Of the axes, in their order."""
    settings: Mapping[str, str]
    """`--set` of the whole sweep and of this point."""
    digest: str
    """Of all that the results depend on; the name of its folder."""


def value(text: str) -> object:
    """A value of a table: number, truth or text; lists stay as they were written."""
    try:
        found = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text
    return found if isinstance(found, bool | int | float | str) else text


def axis(text: str) -> Axis:
    """Read one `--vary`: `key=a,b,c`, where `lo:hi:step` stands for evenly spaced numbers."""
    key, equals, listed = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise DesignError(f"--vary {text}: allowed: KEY=A,B,C or KEY=LOW:HIGH:STEP")
    known = loader.keys()
    if key not in known:
        # as a design with that key is refused, with what was meant
        spec.parse(_nested(key, listed), f"--vary {text}")
        raise DesignError(f"--vary {text}: {key} is a section; allowed: a key in it")
    texts: list[str] = []
    for item in _split(listed):
        bounds = _RANGE.fullmatch(item)
        texts += _spaced(text, *map(Decimal, bounds.groups())) if bounds else [item]
    if not texts or not all(texts):
        raise DesignError(f"--vary {text}: an empty value; allowed: {loader.allowed(key)}")
    twice = next((item for item in texts if texts.count(item) > 1), None)
    if twice is not None:
        raise DesignError(f"--vary {text}: {twice} is there twice; allowed: each value once")
    return Axis(key, tuple(texts))


def axes(varied: Sequence[str], fixed: Mapping[str, str]) -> tuple[Axis, ...]:
    """Read all `--vary`; a key is in one of them, and not in `--set`."""
    found = tuple(map(axis, varied))
    if not found:
        raise DesignError("--vary: missing; allowed: KEY=A,B,C or KEY=LOW:HIGH:STEP, repeatable")
    names = [each.key for each in found]
    for name in names:
        if names.count(name) > 1 or name in fixed:
            other = "--set" if name in fixed else "another --vary"
            raise DesignError(f"--vary {name}: also in {other}; allowed: once")
    count = 1
    for each in found:
        count *= len(each.texts)
    if count > MAX_POINTS:
        raise DesignError(f"--vary: {count} points; allowed: 1 to {MAX_POINTS}")
    return found


def command(text: str, design: Path) -> Command:
    """Read `--command`: name, arguments and options of a command that takes a design."""
    import click
    import typer.main

    from lightloom.flows import cli

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise DesignError(f"--command {text}: {error}") from None
    swept = _swept(typer.main.get_command(cli.app))
    name = next((n for n in swept if words[: len(n)] == list(n)), None)
    if name is None:
        names = ", ".join(sorted(" ".join(n) for n in swept))
        raise DesignError(f"--command {text}: allowed: {names}, with their options")
    found, extra = swept[name], tuple(map(_absolute, words[len(name) :]))
    parameters = {each.name: each for each in found.params}
    option = not isinstance(parameters["design"], click.Argument)
    try:
        place = ["--design", str(design)] if option else [str(design)]
        context = found.make_context(name[-1], [*place, *extra], resilient_parsing=False)
    except click.exceptions.Exit:
        raise DesignError(f"--command {text}: allowed: what runs, not --help") from None
    except click.ClickException as error:
        words = " ".join(error.format_message().split())
        raise DesignError(f"--command {text}: {words}") from None
    empty = found.make_context(name[-1], [*place, *_positional(found, extra)])
    for own in _OWN:
        if own in parameters and context.params[own] != empty.params[own]:
            flag = parameters[own].opts[-1]
            raise DesignError(f"--command {text}: {flag} is given by the sweep; allowed: others")
    return Command(name, extra, option, "jobs" in parameters)


def points(
    design: Path, fixed: Mapping[str, str], found: Sequence[Axis], swept: Command
) -> tuple[Point, ...]:
    """Every combination, the last key fastest; raises `DesignError` for one that cannot be."""
    made = []
    files: dict[str, str] = {}
    state = repr((sources(), sorted(versions().items())))
    for texts in itertools.product(*(each.texts for each in found)):
        settings = {**fixed, **{each.key: t for each, t in zip(found, texts, strict=True)}}
        loaded = spec.resolve(spec.load(design, settings), design.resolve().parent)
        if swept.words == ("link",):
            loaded.check_link(str(design))
        named = [
            *loader.files(loaded).values(),
            *(word for word in swept.extra if Path(word).is_file()),
        ]
        digests = [files.setdefault(name, _digest(Path(name))) for name in named]
        digest = cache.key(
            repr((swept.words, swept.extra)), loaded.model_dump_json(), repr(digests), state
        )
        made.append(Point(texts, settings, digest[:16]))
    return tuple(made)


def _swept(
    group: click.Command, above: tuple[str, ...] = ()
) -> dict[tuple[str, ...], click.Command]:
    """Commands that take a design file, keys of it, and an output folder."""
    import click

    found: dict[tuple[str, ...], click.Command] = {}
    for name, each in group.commands.items() if isinstance(group, click.Group) else ():
        if isinstance(each, click.Group):
            found |= _swept(each, (*above, name))
        elif {"design", "settings", "out"} <= {p.name for p in each.params} and name != "sweep":
            found[(*above, name)] = each
    return found


def _positional(found: click.Command, extra: Sequence[str]) -> list[str]:
    """The arguments that the command cannot be without."""
    import click

    needed = sum(
        isinstance(p, click.Argument) and p.required and p.name != "design" for p in found.params
    )
    return [word for word in extra if not word.startswith("-")][:needed]


def _nested(key: str, text: str) -> dict[str, object]:
    """A design file that has one key."""
    data: object = text
    for part in reversed(key.split(".")):
        data = {part: data}
    assert isinstance(data, dict)
    return {"name": "sweep", **data}


def _split(listed: str) -> list[str]:
    """Cut at commas outside of brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in listed:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _spaced(text: str, low: Decimal, high: Decimal, step: Decimal) -> list[str]:
    if step <= 0 or high < low:
        raise DesignError(f"--vary {text}: {low}:{high}:{step}; allowed: LOW <= HIGH, STEP above 0")
    count = int((high - low) / step) + 1
    if count > MAX_POINTS:
        raise DesignError(f"--vary {text}: {count} values; allowed: 1 to {MAX_POINTS}")
    # decimal, so that the third of 0:1:0.1 is 0.3 and a whole number stays one
    return [format(low + k * step, "f") for k in range(count)]


def _digest(path: Path) -> str:
    try:
        return cache.key(path.read_bytes())
    except OSError as error:
        raise DesignError(f"{path}: cannot be read: {error.strerror}") from None


def _absolute(word: str) -> str:
    """A worker may stand in another folder."""
    return str(Path(word).resolve()) if Path(word).is_file() else word
