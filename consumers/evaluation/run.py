"""Files in, a report out: what the options asked for, put together."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from consumers.evaluation import regression
from consumers.evaluation.entities import Entities
from consumers.evaluation.evaluating import Evaluation, Wanted
from consumers.evaluation.judge import PolicyJudge, questions_of
from consumers.evaluation.labelled import Columns, LabelError, Labelled, Passed, ordinary, read_labelled
from consumers.evaluation.options import EvaluateRequest, peers_of
from consumers.evaluation.peers import PEERS, Sample
from consumers.evaluation.peers import load as load_peers
from consumers.evaluation.report import Report
from consumers.moderation.moderator import Moderator
from glue.readers.formats import Reading
from glue.readers.sources import Source
from glue.terminal.progress import progress

_SHOW_EVERY = 64
"""Texts between two updates of what is shown."""

Read = tuple[str, Columns]
"""A file, and how its rows are read."""


def evaluate_texts(
    moderator: Moderator,
    against: Sequence[Moderator],
    columns: Columns,
    files: Sequence[Read],
    request: EvaluateRequest,
) -> Report:
    """How well a policy tells texts apart.

    Args:
        moderator: the policy.
        against: others, on the same texts.
        columns: how labels are meant.
        files: what is read.
        request: what else was asked for.

    Raises:
        LabelError, SourceError: what was given cannot be evaluated on.
    """
    questions = questions_of(request.targets, columns.flags or columns.meaning)
    judge, *others = (
        PolicyJudge(one, questions, at=request.at, score_of=request.score) for one in [moderator, *against]
    )
    wanted = Wanted(request.at, request.calibrated_at, request.mistakes, request.whole_texts)
    evaluation = Evaluation(judge, questions, wanted, against=others)
    names = peers_of(request.peers, [*(one.package for one in PEERS), regression.PACKAGE])
    peers, missing = load_peers(names)
    learns = regression.PACKAGE in (names or ())
    if learns and (not columns.only or any(name == "-" for name, _ in files)):
        raise LabelError(
            f"--peers {regression.PACKAGE} learns from the rows that --split leaves out: give --split, files"
        )
    sample, passed = Sample(request.peer_texts), Passed()
    with progress("evaluating", unit="texts") as advance:
        for row, groups in _rows(files, passed, request.reading):
            evaluation.add(row, groups)
            if peers or learns:
                sample.add(row.text)
            if evaluation.texts % _SHOW_EVERY == 0:
                advance(evaluation.texts)
    asked = [found for one in peers if (found := sample.asked(one, questions)) is not None]
    if learns:
        besides = [(name, msgspec.structs.replace(read, others=True)) for name, read in files if not read.negative]
        try:
            rows = (row for row, _ in _rows(besides, Passed(), request.reading))
            asked += regression.compare(rows, questions, sample.places, sample.texts)
        except ModuleNotFoundError as error:
            missing[regression.PACKAGE] = f"no module {error.name}"
    return evaluation.report(passed, peers=asked, notes=_notes(request.peers, missing))


def evaluate_entities(columns: Columns, files: Sequence[Read], request: EvaluateRequest) -> Report:
    """How much of the labelled personal data is found; arguments and errors as above."""
    entities = Entities(columns.meaning, mistakes=request.mistakes, whole_texts=request.whole_texts)
    passed = Passed()
    with progress("evaluating", unit="texts") as advance:
        for row, groups in _rows(files, passed, request.reading):
            entities.add(row, groups)
            if entities.texts % _SHOW_EVERY == 0:
                advance(entities.texts)
    return entities.report(passed)


def reads(columns: Columns, files: Sequence[str], negatives: Sequence[str]) -> list[Read]:
    """Each file with how its rows are read."""
    natural = ordinary(columns)
    return [*((one, columns) for one in files), *((one, natural) for one in negatives)]


def _rows(files: Sequence[Read], passed: Passed, reading: Reading) -> Iterator[tuple[Labelled, list[tuple[str, str]]]]:
    for name, columns in files:
        with Source(name, reading=reading) as source:
            for row in read_labelled(source.name, source.rows(), columns, passed):
                groups = [("file", Path(name).name), *row.slices]
                if row.language:
                    groups.insert(1, ("language", row.language))
                yield row, groups


def _notes(given: str, missing: Mapping[str, str]) -> list[str]:
    if given == "none" or not missing:
        return []
    reasons = ", ".join(f"{package} ({why})" for package, why in missing.items())
    return [f"not compared with {reasons}; to compare: pip install {' '.join(missing)}"]
