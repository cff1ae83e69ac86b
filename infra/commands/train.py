"""``streamkeeper train``: weights for the linear model out of labelled texts."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from consumers.moderation.weights import Weights, WeightsError
from consumers.training.examples import Cells, Examples, read_examples
from consumers.training.recipe import Published, Recipe, Teachers, TextSet, TrainingError
from glue.readers.formats import Reading
from glue.readers.rows import SourceError, plain
from glue.readers.sources import Source
from glue.terminal.commands import command
from glue.terminal.errors import FAILED, CommandError, WrongUseError, exit_codes_help
from glue.terminal.reading import READING
from glue.terminal.requests import Option, takes

EPILOG = """\b
Examples:
  streamkeeper train comments.csv --text-column body --label is_toxic --negatives calm.jsonl.gz --out mine.bin
  streamkeeper train messages.jsonl --head spam --positive junk --split part --held-out test --out mine.bin --json
  streamkeeper train --recipe consumers/models/default.toml --folder ../shared/data --out mine.bin

Then name the weights in a policy; the last line of the answer says how.

""" + exit_codes_help(
    done="made (with --check: the same)", failed="with --check: other bytes", wrong_use="nothing to learn from"
)


OPTIONS: tuple[Option, ...] = (
    click.argument("files", nargs=-1),
    click.option(
        "--recipe", type=click.Path(dir_okay=False), help="A TOML recipe instead of FILES: several sets and heads."
    ),
    click.option("--folder", default=".", show_default=True, help="The folder that file names are relative to."),
    click.option("--out", required=True, type=click.Path(dir_okay=False), help="The weights file to write."),
    click.option(
        "--text-column", default="text", show_default=True, help="The column with the text; a.b is field b of a."
    ),
    click.option("--label", default="label", show_default=True, help="The column with the label."),
    click.option(
        "--positive",
        multiple=True,
        help="A label that makes a text positive; repeat for more.  [default: 1, true, yes]",
    ),
    click.option("--negatives", multiple=True, help="A file of ordinary texts without labels; repeat for more."),
    click.option(
        "--split", default="", help="The column that says what is held out; else one text in ten is, by its hash."
    ),
    click.option(
        "--held-out",
        multiple=True,
        default=("test",),
        show_default=True,
        help="The values of that column that are held out.",
    ),
    click.option(
        "--head", default="insult", show_default=True, help="The name of the model's head, such as the label."
    ),
    click.option("--name", default=None, help="The name of the weights.  [default: the head's name]"),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        default=1,
        show_default=True,
        help="The same seed makes the same bytes.",
    ),
    click.option(
        "--base-rate",
        type=float,
        default=0.01,
        show_default=True,
        help="The share of positive texts where the model is used.",
    ),
    click.option(
        "--bits",
        type=click.IntRange(8, 20),
        default=16,
        show_default=True,
        help="2^BITS bytes for n-grams.",
    ),
    click.option(
        "--passes", type=click.IntRange(1, 1000), default=40, show_default=True, help="Passes over the texts."
    ),
    click.option(
        "--ridge", type=float, default=0.3, show_default=True, help="The strength of the L2 penalty on the weights."
    ),
    click.option("--check", is_flag=True, help="Write nothing; check that --out holds exactly these bytes."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the table."),
    *READING,
)
RENAMED = {"--text": "--text-column", "--data": "--folder"}
"""Options whose names meant something else in other commands."""


class TrainRequest(Struct, frozen=True):
    """What was asked for."""

    files: tuple[str, ...]
    recipe: str | None
    folder: str
    out: str
    text_column: str
    label: str
    positive: tuple[str, ...]
    negatives: tuple[str, ...]
    split: str
    held_out: tuple[str, ...]
    head: str
    name: str | None
    seed: int
    base_rate: float
    bits: int
    passes: int
    ridge: float
    check: bool
    as_json: bool
    reading: Reading


@command(epilog=EPILOG, renamed=RENAMED)
@takes(TrainRequest, *OPTIONS)
def train(context: click.Context, request: TrainRequest) -> None:
    """Train weights for the linear model from labelled FILES.

    FILES are of any form that `produce` reads (docs/reading-files.md). Give ordinary texts with --negatives: they
    decide how seldom a calm text is flagged, and scores are calibrated on some that were set aside. The same files,
    options and seed make the same bytes. Held-out texts are scored as the detector scores them, with the bytes that
    were written.
    """
    begun = time.monotonic()

    def progress(line: str) -> None:
        click.echo(f"{time.monotonic() - begun:6.1f} s  {line}", err=True)

    try:
        recipe = _recipe(request, _was_given(context))
        sets = [_read(one, request, recipe, progress) for one in recipe.sets]
        # numpy takes longer to load than --help may.
        from consumers.training.training import train as make

        with ExitStack() as stack:
            teachers, published = (_rows(stack, request.folder, of) for of in (recipe.teachers, recipe.published))
            trained = make(recipe, sets, teachers=teachers, published=published, progress=progress)
    except (TrainingError, SourceError) as error:
        raise WrongUseError(str(error)) from None
    out = Path(request.out)
    if request.check:
        context.exit(_compare(out, trained.weights, trained.data))
    _write(out, trained.data)
    if request.as_json:
        click.echo(json.dumps({"out": str(out), **trained.summary}, ensure_ascii=False))
    else:
        _print(out, trained.summary)


def _was_given(context: click.Context) -> Callable[[str], bool]:
    return lambda name: context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _recipe(request: TrainRequest, was_given: Callable[[str], bool]) -> Recipe:
    if request.recipe is not None:
        alone = ("files", "text_column", "label", "positive", "negatives", "split", "held_out", "head", "name", "seed")
        for name in (*alone, "base_rate", "bits", "passes", "ridge"):
            if was_given(name) and getattr(request, name):
                shown = "FILES" if name == "files" else "--" + name.replace("_", "-")
                raise WrongUseError(f"{shown}: not together with --recipe; say it in {request.recipe}")
        try:
            return Recipe.load(Path(request.recipe).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUseError(f"--recipe {request.recipe}: {error}") from None
    if not request.files:
        raise WrongUseError("nothing to learn from: give labelled FILES, or --recipe")
    return _from_options(request)


def _from_options(request: TrainRequest) -> Recipe:
    head = request.head
    common = {"text": request.text_column, "split": request.split, "held_out": request.held_out}
    labels = {head: {"column": request.label, "yes": request.positive}}
    labelled = [
        {"name": f"labelled_{number}", "file": file, "labels": labels, **common}
        for number, file in enumerate(request.files, start=1)
    ]
    natural = [
        {"name": f"natural_{number}", "file": file, "text": request.text_column, "calm": [head], "natural": True}
        for number, file in enumerate(request.negatives, start=1)
    ]
    head_of = {"name": head, "ridge": request.ridge, "passes": request.passes}
    whole: dict[str, Any] = {"name": request.name or head, "heads": [head_of], "sets": labelled + natural}
    whole |= {"seed": request.seed, "base_rate": request.base_rate, "bits": request.bits}
    try:
        recipe = msgspec.convert(whole, Recipe)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        key = where.rstrip("`").rpartition(".")[2]
        option = "head" if key == "name" and request.name is None else key
        raise WrongUseError(
            f"--{option.replace('_', '-')}: received {getattr(request, option, None)!r}; {what}"
        ) from None
    recipe.check()
    return recipe


def _read(one: TextSet, request: TrainRequest, recipe: Recipe, progress: Callable[[str], None]) -> Examples:
    with Source(str(Path(request.folder) / one.file), reading=request.reading) as source:
        examples = read_examples(one, _cells(one, source), seed=recipe.seed, longest=recipe.longest)
    found = {head: sum(example.labels.get(head, False) for example in examples.examples) for head in one.labels}
    shown = ", ".join(f"{count:,} {head}" for head, count in found.items()) or "natural"
    progress(f"{one.name}: {len(examples.examples):,} texts, {shown}")
    return examples


def _cells(one: TextSet, source: Source) -> Iterator[Cells]:
    wanted = {one.text, one.language, one.split, *(rule.column for rule in one.labels.values())}
    wanted |= {*one.only, *one.without, *one.teachers_only}
    wanted |= {name.partition(".")[0] for name in wanted}
    for row in source.rows():
        if row.problem is not None:
            raise TrainingError(f"{one.name}: {source.path}: row {row.number:,} cannot be read: {row.problem.detail}")
        yield {name: plain(value) if name in wanted else value for name, value in row.cells.items()}


def _rows(stack: ExitStack, folder: str, of: Teachers | Published | None) -> Iterator[Cells]:
    if of is None:
        return iter(())
    source = stack.enter_context(Source(str(Path(folder) / of.file)))
    return (row.cells for row in source.rows())


def _write(out: Path, data: bytes) -> None:
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CommandError(f"{out}: {error.strerror}; give --out a path that can be written") from None


def _compare(out: Path, made: Weights, data: bytes) -> int:
    try:
        there = out.read_bytes()
    except OSError as error:
        raise WrongUseError(f"--check: {out}: {error.strerror}") from None
    if there == data:
        click.echo(f"the same: {out} is {made.name}, byte for byte")
        return 0
    try:
        name = Weights.read(there, what=str(out)).name
    except WeightsError as error:
        name = str(error)
    click.echo(f"not the same: these texts make {made.name}, {out} is {name}", err=True)
    return FAILED


def _print(out: Path, summary: dict[str, Any]) -> None:
    for head in summary["heads"]:
        on = head["calibrated_on"]
        kind = "natural" if on["natural"] else "labelled negative"
        click.echo(
            f"{head['head']}: {head['labelled']:,} labelled texts ({head['positive']:,} yes), {head['taught']:,} with "
            f"teachers; calibrated on {on['positive']:,} positive and {on['negative']:,} {kind} texts"
        )
    click.echo("")
    points = ("0.1", "0.3", "0.5", "0.7")
    titles = "".join(f"{'at ' + point:>9}" for point in points)
    click.echo(f"{'held out':<24}{'head':<12}{'texts':>8}{'AUC':>8}{'F1 .5':>8}  {'share found:':<10}{titles}")
    for one in summary["held_out"]:
        area, half = (("-" if one[key] is None else f"{one[key]:.3f}") for key in ("auc", "f1_at_half"))
        for kind in ("positive", "negative"):
            shares = one[f"found_of_{kind}"]
            if not shares:
                continue
            cells = "".join(f"{shares[point]:>9.2%}" for point in points)
            first = f"{one['set']:<24}{one['head']:<12}{one['texts']:>8,}{area:>8}{half:>8}"
            click.echo(f"{first}  {kind:<12}{cells}")
    click.echo(f"\n{out}: {summary['bytes']:,} bytes. In a policy, once it lies in consumers/models as NAME.bin:")
    click.echo(f'\n[model]\nweights = "{summary["weights"]}"')
    for head in summary["heads"]:
        click.echo(f'[model.heads.{head["head"]}]\nlabel = "…"      # one of the policy\'s labels\nat_least = 0.3')
    sys.stdout.flush()
