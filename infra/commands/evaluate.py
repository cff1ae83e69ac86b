"""``streamkeeper evaluate``: how well a policy tells labelled texts apart."""

import csv
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from consumers.evaluation.gates import hold
from consumers.evaluation.judge import ScoreOf
from consumers.evaluation.labelled import LabelError
from consumers.evaluation.options import columns_of, gates_of
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import PolicyError
from consumers.policy_tools.loading import load
from glue.aws.options import aws_options
from glue.readers.rows import SourceError
from glue.terminal.commands import command
from glue.terminal.errors import (
    GATE_MISSED,
    UNREACHABLE,
    CommandError,
    WrongUseError,
    exit_codes_help,
)
from glue.terminal.sanitize import no_formula
from glue.vocabulary import ACTIONS

EPILOG = """\b
Examples:
  streamkeeper evaluate --data comments.csv --text body --label rude --finds insult --slice forum
  streamkeeper evaluate --policy mine.toml --against default --data test.jsonl.gz --split split=test --html report.html
  streamkeeper evaluate --data all.parquet --label kind --map hate=insult --map junk=spam --map none= --json
  streamkeeper evaluate --data train.csv --text comment_text --labels insult=insult --labels threat=threat --csv
  streamkeeper evaluate --data synthetic.jsonl --entities entities --map EMAIL_ADDRESS=email --map CREDIT_CARD=card
  streamkeeper evaluate --data sms.jsonl --finds spam --min-f1 0.93 --max-fpr 0.01 --negatives chat.jsonl.gz

Peers are asked when they are installed: pip install better-profanity alt-profanity-check presidio-analyzer. With
--peers scikit-learn a plain logistic regression learns from the rows that --split leaves out, and is compared.

""" + exit_codes_help(
    done="evaluated, and every limit kept", failed="a policy cannot be used", also=(UNREACHABLE, GATE_MISSED)
)


@command(epilog=EPILOG)
@click.option("--policy", "policy", default="default", show_default=True, help="A file, a name in the bundle, s3://…")
@click.option("--against", default=None, metavar="POLICY", help="Another policy to compare with, text by text.")
@click.option("--data", "files", multiple=True, help="A file of labelled texts, - for standard input; again for more.")
@click.argument("more", nargs=-1, metavar="[FILE]...")
@click.option("--negatives", multiple=True, metavar="FILE", help="Ordinary texts without labels; again for more.")
@click.option("--text", default="text", show_default=True, help="The column with the text; a.b is field b of a.")
@click.option("--label", default="label", show_default=True, help="The column with the label, or a list of labels.")
@click.option("--positive", multiple=True, help="A label that means yes; again for more. Else 1, true and yes do.")
@click.option("--positive-from", type=float, default=None, help="Labels are numbers; yes is from here on.")
@click.option("--finds", multiple=True, metavar="LABEL", help="The policy's label that yes means.  [default: any]")
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="VALUE=LABEL",
    help="A label of the file is this one of the policy's; none after = means negative.",
)
@click.option("--labels", "flags", multiple=True, metavar="COLUMN=LABEL", help="A column says yes or no to one label.")
@click.option("--entities", default="", metavar="COLUMN", help="Spans of personal data (label, start, end) instead.")
@click.option("--language", default="", help="The column with the language.  [default: language or lang]")
@click.option(
    "--surface", default="comment", show_default=True, help="Where texts were posted whose rows have no surface."
)
@click.option("--slice", "slices", multiple=True, metavar="COLUMN", help="Figures by this column's values, too.")
@click.option("--split", "splits", multiple=True, metavar="COLUMN=VALUE", help="Only such rows; again for more values.")
@click.option(
    "--at",
    type=click.Choice(ACTIONS[1:]),
    default="flag",
    show_default=True,
    help="The mildest action that counts as found.",
)
@click.option("--calibrated-at", type=float, default=0.01, show_default=True, help="The base rate of scores.")
@click.option(
    "--score",
    type=click.Choice(get_args(ScoreOf)),
    default="policy",
    show_default=True,
    help="Whose score AUC and calibration are of: the strongest signal's, or the linear model's alone.",
)
@click.option("--mistakes", type=click.IntRange(0, 1000), default=5, show_default=True, help="Shown of each kind.")
@click.option("--whole-texts", is_flag=True, help="Show mistakes as they were written: not cut, not masked.")
@click.option("--peers", default="installed", show_default=True, help="installed, none, or packages with commas.")
@click.option("--peer-texts", type=click.IntRange(1), default=2000, show_default=True, help="How many texts peers get.")
@click.option("--min-precision", multiple=True, metavar="[LABEL=]X", help="Fail below this.")
@click.option("--min-recall", multiple=True, metavar="[LABEL=]X", help="Fail below this.")
@click.option("--min-f1", multiple=True, metavar="[LABEL=]X", help="Fail below this.")
@click.option("--min-auc", multiple=True, metavar="[LABEL=]X", help="Fail below this.")
@click.option("--max-fpr", multiple=True, metavar="[LABEL=]X", help="Fail with a larger share of negatives found.")
@click.option("--surely", is_flag=True, help="Limits hold the worse end of the interval, not the figure.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page that needs nothing else.")
@click.option("--csv", "as_csv", is_flag=True, help="Figures as CSV, one line for each question and group.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the tables.")
@aws_options
@click.pass_context
def evaluate(context: click.Context, /, **given: Any) -> None:
    """Tell how well a policy tells labelled texts apart.

    FILES are JSON lines, CSV, TSV or Parquet, also gzip. Precision, recall, F1, AUC, false flags, precision at base
    rates and calibration come with 95 % intervals, for each label, language and slice. Texts are judged one after the
    other; only numbers are kept of them, and masked excerpts of the worst mistakes. With --entities it is personal data
    that is counted, span by span.
    """
    if given["as_csv"] and given["as_json"]:
        raise WrongUseError("--csv and --json: one of them")
    files, gates = [*given["files"], *given["more"]], gates_of(given)
    if given["html"] is not None and not given["html"].parent.is_dir():
        raise WrongUseError(f"--html {given['html']}: there is no folder {given['html'].parent}")
    if not files and not given["negatives"]:
        raise WrongUseError("nothing to evaluate on: give --data FILE, or --negatives FILE; --help has examples")
    moderator = _moderator(given["policy"])
    against = [_moderator(given["against"])] if given["against"] is not None else []
    columns = columns_of(given, moderator.policy)
    try:
        # numpy takes longer to load than --help may.
        from consumers.evaluation.run import evaluate_entities, evaluate_texts, reads
        from consumers.evaluation.table import lines
    except ModuleNotFoundError as error:
        raise CommandError(f"no module {error.name!r}: it needs the extra, pip install streamkeeper[local]") from None
    asked = reads(columns, files, given["negatives"])
    try:
        if columns.entities:
            report = evaluate_entities(columns, asked, given)
        else:
            report = evaluate_texts(moderator, against, columns, asked, given)
    except (LabelError, SourceError) as error:
        raise WrongUseError(str(error)) from None
    try:
        held = hold(report, gates, surely=given["surely"])
    except ValueError as error:
        raise WrongUseError(f"a limit: {error}") from None
    if given["html"] is not None:
        from consumers.evaluation.page import page

        _write(given["html"], page(report, held))
    if given["as_json"]:
        click.echo(json.dumps({**msgspec.to_builtins(report), "limits": msgspec.to_builtins(held)}, indent=1))
    elif given["as_csv"]:
        csv.writer(sys.stdout, lineterminator="\r\n").writerows(_csv(report))
    else:
        for line in lines(report):
            click.echo(line)
    for one in held:
        word = "at most" if one.gate.at_most else "at least"
        reached = "the texts do not give it" if one.reached is None else f"{one.reached:.4f}"
        state = "kept" if one.is_kept else "NOT KEPT"
        click.echo(f"limit {state}: {one.question} {one.gate.figure} {word} {one.gate.limit}: {reached}", err=True)
    context.exit(0 if all(one.is_kept for one in held) else GATE_MISSED)


def _moderator(name: str) -> Moderator:
    try:
        policy, moderator = load(name)
        # What has expired is found by no live handler either.
        current = policy.in_force(time.time())
        return moderator if current is policy else Moderator(current)
    except PolicyError as error:
        raise CommandError(f"{name}: {error}") from error


def _csv(report: Any) -> Iterator[list[object]]:
    figures = ("precision", "recall", "f1", "false_positive_rate", "auc", "average_precision")
    ends = [f"{name}{end}" for name in figures for end in ("", "_low", "_high")]
    counts = ("texts", "positive", "true_positives", "false_positives", "false_negatives", "true_negatives")
    yield ["question", "by", "value", *counts, *ends]
    for answered in report.questions:
        for group in answered.groups:
            estimates = [getattr(group.figures, name) for name in figures]
            cells: list[object] = [getattr(group.figures, name) for name in counts]
            for one in estimates:
                cells += ["", "", ""] if one is None else [one.value, one.low, one.high]
            yield [answered.name, no_formula(group.by), no_formula(group.value), *cells]


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}; give --html a path that can be written") from None
