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
from consumers.evaluation.options import EvaluateRequest, columns_of, gates_of
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import PolicyError
from consumers.policy_tools.loading import load, unusable
from glue.aws.options import AWS_OPTIONS
from glue.readers.rows import SourceError
from glue.terminal.commands import command
from glue.terminal.errors import (
    GATE_MISSED,
    UNREACHABLE,
    CommandError,
    WrongUseError,
    exit_codes_help,
)
from glue.terminal.reading import READING
from glue.terminal.requests import Option, takes
from glue.terminal.sanitize import no_formula
from glue.vocabulary import ACTIONS

EPILOG = """\b
Examples:
  streamkeeper evaluate --data comments.csv --text-column body --label rude --target insult --slice forum
  streamkeeper evaluate --policy mine.toml --against default --data test.jsonl.gz --split split=test --html report.html
  streamkeeper evaluate --data all.parquet --label kind --label-map hate=insult --label-map none= --json
  streamkeeper evaluate --data train.csv --text-column comment_text --labels insult=insult --labels threat=threat --csv
  streamkeeper evaluate --data synthetic.jsonl --entities entities --label-map EMAIL_ADDRESS=email
  streamkeeper evaluate --data sms.jsonl --target spam --min-f1 0.93 --max-fpr 0.01 --negatives chat.jsonl.gz

Peers are asked when they are installed: pip install better-profanity alt-profanity-check presidio-analyzer. With
--peers scikit-learn a plain logistic regression learns from the rows that --split leaves out, and is compared.

""" + exit_codes_help(
    done="evaluated, and every limit kept", failed="a policy cannot be used", also=(UNREACHABLE, GATE_MISSED)
)


OPTIONS: tuple[Option, ...] = (
    click.option(
        "--policy", "policy", default="default", show_default=True, help="A file, a name in the bundle, s3://…"
    ),
    click.option("--against", default=None, metavar="POLICY", help="Another policy to compare with, text by text."),
    click.option(
        "--data", "files", multiple=True, help="A file of labelled texts, or - for standard input; repeat for more."
    ),
    click.argument("more", nargs=-1, metavar="[FILE]..."),
    click.option("--negatives", multiple=True, metavar="FILE", help="Ordinary texts without labels; repeat for more."),
    click.option(
        "--text-column", default="text", show_default=True, help="The column with the text; a.b is field b of a."
    ),
    click.option("--label", default="label", show_default=True, help="The column with the label, or a list of labels."),
    click.option(
        "--positive",
        multiple=True,
        help="A label that makes a text positive; repeat for more.  [default: 1, true, yes]",
    ),
    click.option(
        "--positive-from",
        type=float,
        default=None,
        help="For labels that are numbers: a text is positive from this one on.",
    ),
    click.option(
        "--target",
        "targets",
        multiple=True,
        metavar="LABEL",
        help="The policy's label that a positive text must get.  [default: any]",
    ),
    click.option(
        "--label-map",
        "mapped",
        multiple=True,
        metavar="VALUE=LABEL",
        help="What a label of the file is called in the policy; VALUE= makes it negative.",
    ),
    click.option(
        "--labels", "flags", multiple=True, metavar="COLUMN=LABEL", help="A column that holds 1 or 0 for one label."
    ),
    click.option(
        "--entities",
        default="",
        metavar="COLUMN",
        help="Evaluate spans of personal data instead: the column of label, start, end.",
    ),
    click.option(
        "--language-column",
        metavar="COLUMN",
        default="",
        help="The column with the language.  [default: language or lang]",
    ),
    click.option("--surface", default="comment", show_default=True, help="The surface of rows that have none."),
    click.option(
        "--slice", "slices", multiple=True, metavar="COLUMN", help="Also give figures for each value of this column."
    ),
    click.option(
        "--split",
        "splits",
        multiple=True,
        metavar="COLUMN=VALUE",
        help="Only rows with this value; repeat for more values.",
    ),
    click.option(
        "--at",
        type=click.Choice(ACTIONS[1:]),
        default="flag",
        show_default=True,
        help="The mildest action that counts as a finding.",
    ),
    click.option(
        "--calibrated-at",
        type=float,
        default=0.01,
        show_default=True,
        help="The base rate that scores are calibrated to.",
    ),
    click.option(
        "--score",
        type=click.Choice(get_args(ScoreOf)),
        default="policy",
        show_default=True,
        help="Which score AUC and calibration are about: the strongest signal's, or the linear model's alone.",
    ),
    click.option(
        "--mistakes",
        type=click.IntRange(0, 1000),
        default=5,
        show_default=True,
        help="How many mistakes are shown of each kind.",
    ),
    click.option("--whole-texts", is_flag=True, help="Show mistakes in full and unmasked."),
    click.option(
        "--peers",
        default="installed",
        show_default=True,
        help="Packages to compare with: installed, none, or names separated by commas.",
    ),
    click.option(
        "--peer-texts",
        type=click.IntRange(1),
        default=2000,
        show_default=True,
        help="How many texts the other packages judge.",
    ),
    click.option("--min-precision", multiple=True, metavar="[LABEL=]X", help="Fail below this."),
    click.option("--min-recall", multiple=True, metavar="[LABEL=]X", help="Fail below this."),
    click.option("--min-f1", multiple=True, metavar="[LABEL=]X", help="Fail below this."),
    click.option("--min-auc", multiple=True, metavar="[LABEL=]X", help="Fail below this."),
    click.option("--max-fpr", multiple=True, metavar="[LABEL=]X", help="Fail with a larger share of negatives found."),
    click.option("--surely", is_flag=True, help="Compare limits with the worse end of each interval."),
    click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a self-contained page."),
    click.option("--csv", "as_csv", is_flag=True, help="Figures as CSV, one line for each question and group."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document instead of the tables."),
    *READING,
    *AWS_OPTIONS,
)
RENAMED = {
    "--text": "--text-column",
    "--language": "--language-column",
    "--map": "--label-map",
    "--finds": "--target",
}
"""Options whose names meant something else in other commands."""


@command(epilog=EPILOG, renamed=RENAMED)
@takes(EvaluateRequest, *OPTIONS)
def evaluate(context: click.Context, request: EvaluateRequest) -> None:
    """Measure how well a policy tells labelled texts apart.

    FILES are of any form that `produce` reads (docs/reading-files.md). Precision, recall, F1, AUC, false flags,
    precision at base rates and calibration come with 95 % intervals, for each label, language and slice. Texts are
    judged one after the other; only numbers are kept of them, and masked excerpts of the worst mistakes. With
    --entities it is personal data that is counted, span by span.
    """
    if request.as_csv and request.as_json:
        raise WrongUseError("--csv and --json: one of them")
    files, gates = [*request.files, *request.more], gates_of(request)
    if request.html is not None and not request.html.parent.is_dir():
        raise WrongUseError(f"--html {request.html}: there is no folder {request.html.parent}")
    if not files and not request.negatives:
        raise WrongUseError("nothing to evaluate on: give --data FILE, or --negatives FILE; --help has examples")
    moderator = _moderator(request.policy)
    against = [_moderator(request.against)] if request.against is not None else []
    columns = columns_of(request, moderator.policy)
    # numpy takes longer to load than --help may.
    from consumers.evaluation.run import evaluate_entities, evaluate_texts, reads
    from consumers.evaluation.table import lines

    asked = reads(columns, files, request.negatives)
    try:
        if columns.entities:
            report = evaluate_entities(columns, asked, request)
        else:
            report = evaluate_texts(moderator, against, columns, asked, request)
    except (LabelError, SourceError) as error:
        raise WrongUseError(str(error)) from None
    try:
        held = hold(report, gates, surely=request.surely)
    except ValueError as error:
        raise WrongUseError(f"a limit: {error}") from None
    if request.html is not None:
        from consumers.evaluation.page import page

        _write(request.html, page(report, held))
    if request.as_json:
        click.echo(json.dumps({**msgspec.to_builtins(report), "limits": msgspec.to_builtins(held)}, indent=1))
    elif request.as_csv:
        csv.writer(sys.stdout, lineterminator="\r\n").writerows(_csv(report))
    else:
        for line in lines(report, whole_texts=request.whole_texts):
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
        raise unusable(name, error) from error


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
