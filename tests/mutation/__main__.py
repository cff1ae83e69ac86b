"""``python -m tests.mutation``: plants small defects in what must not fail, and counts those that the tests notice."""

import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Final, NamedTuple

import click
import msgspec

from tests.mutation.operators import Mutant, function_at, python_mutants, sql_mutants, watched
from tests.mutation.running import Chosen, Clean, Run, Watching, copy_tree, read_libraries
from tests.mutation.targets import THEMES, Theme

ROOT: Final = Path(__file__).parents[2]
ARGUED: Final = ROOT / "docs" / "mutation.md"
TARGET: Final = 0.95
_CLEAN_SECONDS: Final = 1200.0
_ARGUED_LINE: Final = re.compile(r"- `(.+?)` → `(.*?)`: \S")


class Planted(NamedTuple):
    """A defect in a module."""

    theme: Theme
    module: str
    mutant: Mutant
    change: tuple[str, str]


class Outcome(NamedTuple):
    """What became of it: "caught", "ended" (it ran on and on) or "passed"."""

    planted: Planted
    what: str


@click.command(epilog="Example: python -m tests.mutation --theme spool --sample 40")
@click.option("--sample", default=400, show_default=True, help="Defects to plant, the same number for each theme.")
@click.option("--seed", default=1, show_default=True, help="Chooses them.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Runs at a time.")
@click.option("--theme", "themes", multiple=True, type=click.Choice([one.name for one in THEMES]), help="Only these.")
@click.option("--module", "modules", multiple=True, help="Only these files.")
def main(sample: int, seed: int, jobs: int, themes: tuple[str, ...], modules: tuple[str, ...]) -> None:
    """Plant defects and say which the tests did not notice."""
    chosen = [one for one in THEMES if not themes or one.name in themes]
    argued = argued_for(ARGUED.read_text(encoding="utf-8")) if ARGUED.exists() else {}
    read_libraries()
    begun = time.monotonic()
    outcomes: list[Outcome] = []
    equivalent: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="streamkeeper-mutation-", ignore_cleanup_errors=True) as folder:
        trees = [Path(folder) / f"tree{number}" for number in range(jobs)]
        sound = Path(folder) / "sound"
        for tree in (sound, *trees):
            copy_tree(ROOT, tree)
        for theme in chosen:
            planted = sampled(theme, sound, sample // len(chosen), seed, modules)
            left = [one for one in planted if one.change not in argued.get(one.module, set())]
            equivalent[theme.name] = len(planted) - len(left)
            if not left:
                continue
            clean = clean_run(theme, sound, trees[0])
            for outcome in ran(left, clean, sound, trees):
                outcomes.append(outcome)
                _told(outcome, len(outcomes), begun)
    sys.exit(0 if summarised(chosen, outcomes, equivalent) >= TARGET else 1)


def sampled(theme: Theme, sound: Path, count: int, seed: int, modules: Sequence[str]) -> list[Planted]:
    """So many defects of a theme's modules, each equally likely."""
    found = []
    for module in theme.files(sound):
        if modules and module not in modules:
            continue
        source = (sound / module).read_text(encoding="utf-8")
        mutants = sql_mutants(source) if module.endswith(".sql") else python_mutants(source)
        found += [Planted(theme, module, one, one.change(source)) for one in mutants]
    return random.Random(f"{seed} {theme.name}").sample(found, min(count, len(found)))


def argued_for(page: str) -> dict[str, set[tuple[str, str]]]:
    """The changes that a page argues to change nothing, by module.

    >>> argued_for("### a.py\\n- `x < 1` → `x <= 1`: x is never 1\\n")
    {'a.py': {('x < 1', 'x <= 1')}}
    """
    found: dict[str, set[tuple[str, str]]] = {}
    module = ""
    for line in page.splitlines():
        if line.startswith("### "):
            module = line.removeprefix("### ").strip("` ")
        elif one := _ARGUED_LINE.match(line):
            found.setdefault(module, set()).add((one[1], one[2]))
    return found


def clean_run(theme: Theme, sound: Path, tree: Path) -> Clean:
    """What the theme's tests do when no defect is planted.

    Raises:
        click.ClickException: they fail.
    """
    click.echo(f"{theme.name}: its tests without a defect ...", err=True)
    plugin = Watching()
    answer = tree.parent / "clean.json"

    def report() -> None:
        callers = [(*function, sorted(tests)) for function, tests in plugin.callers.items()]
        answer.write_bytes(msgspec.json.encode((callers, plugin.seconds)))

    modules = [module for module in theme.files(sound) if module.endswith(".py")]
    for module in modules:
        _write(tree, module, watched((sound / module).read_text(encoding="utf-8"), module))
    run = Run(tree, theme.tests, plugin, seconds=_CLEAN_SECONDS, report=report)
    if code := _awaited(run):
        raise click.ClickException(f"they fail without a defect (exit code {code}): {_end_of(run.log)}")
    for module in modules:
        _write(tree, module, (sound / module).read_text(encoding="utf-8"))
    callers, seconds = msgspec.json.decode(answer.read_bytes())
    return Clean({(module, line): frozenset(tests) for module, line, tests in callers}, seconds)


def ran(planted: Sequence[Planted], clean: Clean, sound: Path, trees: Sequence[Path]) -> Iterator[Outcome]:
    """What became of each, as they end."""
    waiting = list(reversed(planted))
    free, running = list(trees), dict[Path, tuple[Planted, Run, bool]]()
    while waiting or running:
        while free and waiting:
            tree, one = free.pop(), waiting.pop()
            running[tree] = _begin(one, clean, sound, tree, every=False)
        for tree, (one, run, is_every) in list(running.items()):
            if (code := run.ended()) is None:
                continue
            if code in (0, 5) and not is_every:
                # A fixture that tests share is made in one of them only, and processes of their own are not watched.
                running[tree] = _begin(one, clean, sound, tree, every=True)
                continue
            for name in filter(None, (one.module, one.theme.rendered)):
                _write(tree, name, (sound / name).read_text(encoding="utf-8"))
            del running[tree]
            free.append(tree)
            yield Outcome(one, "passed" if code in (0, 5) else "ended" if code < 0 else "caught")
        time.sleep(0.02)


def _begin(one: Planted, clean: Clean, sound: Path, tree: Path, *, every: bool) -> tuple[Planted, Run, bool]:
    source = (sound / one.module).read_text(encoding="utf-8")
    _write(tree, one.module, one.mutant.apply(source))
    callers = frozenset[str]()
    if not every and one.module.endswith(".py"):
        callers = clean.callers.get((one.module, function_at(source, one.mutant.line)), frozenset())
    known = callers or clean.seconds.keys()
    files = sorted({test.partition("::")[0] for test in callers}) or list(one.theme.tests)
    seconds = 30 + 5 * sum(clean.seconds[test] for test in known)
    return (
        one,
        Run(tree, files, Chosen(callers, clean.seconds), seconds=seconds, render=one.theme.render),
        every or not callers,
    )


_stamps = count(2_000_000_000)


def _write(tree: Path, module: str, source: str) -> None:
    """A module as it is to be; compiled files are told apart by the whole seconds of their sources."""
    (tree / module).write_text(source, encoding="utf-8")
    stamp = next(_stamps)
    os.utime(tree / module, (stamp, stamp))


def summarised(themes: Sequence[Theme], outcomes: Sequence[Outcome], equivalent: Counter[str]) -> float:
    """Shows the table and gives the share that was caught."""
    click.echo(f"\n{'theme':<14}{'planted':>9}{'caught':>8}{'ended':>7}{'passed':>8}{'argued':>8}{'score':>9}")
    total: Counter[str] = Counter()
    for theme in themes:
        counts = Counter(one.what for one in outcomes if one.planted.theme is theme)
        total += counts
        _row(theme.name, counts, equivalent[theme.name])
    score = _row("all", total, equivalent.total())
    click.echo(f"\ncaught {score:.1%} of those that change something; at least {TARGET:.0%} is asked for")
    return score


def _row(name: str, counts: Counter[str], argued: int) -> float:
    noticed, judged = counts["caught"] + counts["ended"], counts.total()
    score = noticed / judged if judged else 1.0
    figures = f"{judged + argued:>9}{counts['caught']:>8}{counts['ended']:>7}{counts['passed']:>8}{argued:>8}"
    click.echo(f"{name:<14}{figures}{score:>9.1%}")
    return score


def _told(outcome: Outcome, done: int, begun: float) -> None:
    if outcome.what == "passed":
        one = outcome.planted
        click.echo(f"### {one.module} {one.mutant.line} {one.mutant.place} ({one.mutant.operator})")
        click.echo("- `{}` → `{}`: ".format(*one.change))
    if done % 20 == 0:
        click.echo(f"{done} planted, {time.monotonic() - begun:.0f} s", err=True)


def _awaited(run: Run) -> int:
    while (code := run.ended()) is None:
        time.sleep(0.05)
    return code


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])


if __name__ == "__main__":
    main()
