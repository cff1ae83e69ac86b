"""What the options of ``evaluate`` ask for, checked against each other and against the policy."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from consumers.evaluation.gates import Gate, read_gate
from consumers.evaluation.judge import ScoreOf
from consumers.evaluation.labelled import Columns
from consumers.moderation.kinds import PERSONAL_DATA_KINDS
from consumers.moderation.policy import Policy
from glue.readers.formats import Reading
from glue.terminal.errors import WrongUseError
from glue.vocabulary import Action


class EvaluateRequest(Struct, frozen=True):
    """What was asked for; see the command's help."""

    policy: str
    against: str | None
    files: tuple[str, ...]
    more: tuple[str, ...]
    negatives: tuple[str, ...]
    text_column: str
    label: str
    positive: tuple[str, ...]
    positive_from: float | None
    targets: tuple[str, ...]
    mapped: tuple[str, ...]
    flags: tuple[str, ...]
    entities: str
    language_column: str
    surface: str
    slices: tuple[str, ...]
    splits: tuple[str, ...]
    at: Action
    calibrated_at: float
    score: ScoreOf
    mistakes: int
    whole_texts: bool
    peers: str
    peer_texts: int
    min_precision: tuple[str, ...]
    min_recall: tuple[str, ...]
    min_f1: tuple[str, ...]
    min_auc: tuple[str, ...]
    max_fpr: tuple[str, ...]
    surely: bool
    html: Path | None
    as_csv: bool
    as_json: bool
    reading: Reading


def columns_of(request: EvaluateRequest, policy: Policy) -> Columns:
    """How rows are read.

    Raises:
        WrongUseError: options contradict, or name a label that the policy does not have.
    """
    meaning = dict(_pairs("--label-map", request.mapped))
    flags = dict(_pairs("--labels", request.flags))
    if flags and (meaning or request.targets or request.entities):
        raise WrongUseError(
            "--labels says which column is which label: not together with --label-map, --target, --entities"
        )
    if request.entities:
        _check_kinds(request, meaning)
    for label in () if request.entities else (*request.targets, *filter(None, [*meaning.values(), *flags.values()])):
        if label not in policy.labels:
            there = ", ".join(policy.labels)
            raise WrongUseError(
                f"received label {label!r}; the policy has {there}. Give one of them to --target, --label-map or "
                "--labels"
            )
    if meaning and (request.targets or request.positive or request.positive_from is not None):
        raise WrongUseError(
            "--label-map says what every label means: not together with --target, --positive or --positive-from"
        )
    if request.score == "model" and policy.model is None:
        raise WrongUseError("--score model: the policy has no [model]; leave the option out")
    if request.positive and request.positive_from is not None:
        raise WrongUseError("--positive and --positive-from: one of them")
    if not 0 < request.calibrated_at < 1:
        raise WrongUseError(f"--calibrated-at: received {request.calibrated_at}; allowed: between 0 and 1")
    only: dict[str, tuple[str, ...]] = {}
    for column, value in _pairs("--split", request.splits):
        only[column] = (*only.get(column, ()), value)
    return Columns(
        text=request.text_column,
        label=request.label,
        positive=request.positive,
        positive_from=request.positive_from,
        meaning=meaning,
        flags=flags,
        language=request.language_column,
        on=request.surface,
        slices=request.slices,
        only=only,
        entities=request.entities,
    )


def _check_kinds(request: EvaluateRequest, meaning: Mapping[str, str]) -> None:
    about_texts = {
        "--target": request.targets,
        "--positive": request.positive,
        "--against": request.against,
        "--negatives": request.negatives,
    }
    for option, value in about_texts.items():
        if value:
            raise WrongUseError(f"{option} is about whole texts: not together with --entities")
    for kind in filter(None, meaning.values()):
        if kind not in PERSONAL_DATA_KINDS:
            raise WrongUseError(f"--label-map: received kind {kind!r}; allowed: {', '.join(PERSONAL_DATA_KINDS)}")


def gates_of(request: EvaluateRequest) -> list[Gate]:
    """The limits.

    Raises:
        WrongUseError: one is no limit.
    """
    gates = []
    for option, figure, limits in (
        ("--min-precision", "precision", request.min_precision),
        ("--min-recall", "recall", request.min_recall),
        ("--min-f1", "f1", request.min_f1),
        ("--min-auc", "auc", request.min_auc),
        ("--max-fpr", "fpr", request.max_fpr),
    ):
        for one in limits:
            try:
                gates.append(read_gate(figure, one, at_most=option == "--max-fpr"))
            except ValueError:
                raise WrongUseError(f"{option}: received {one!r}; allowed: 0 to 1, or LABEL=0 to 1") from None
    return gates


def peers_of(given: str, known: Iterable[str]) -> list[str] | None:
    """Which peers are asked; None: those that are installed.

    Raises:
        WrongUseError: one is not known.
    """
    if given == "installed":
        return None
    names = [] if given == "none" else [name.strip() for name in given.split(",")]
    for name in names:
        if name not in known:
            raise WrongUseError(f"--peers: received {name!r}; allowed: installed, none, {', '.join(known)}")
    return names


def _pairs(option: str, given: Iterable[str]) -> Iterator[tuple[str, str]]:
    for one in given:
        name, sign, value = one.rpartition("=")
        if not sign or not name:
            raise WrongUseError(f"{option}: received {one!r}; allowed: NAME=VALUE")
        yield name, value
