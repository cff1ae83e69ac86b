"""What the options of ``evaluate`` ask for, checked against each other and against the policy."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from consumers.evaluation.gates import Gate, read_gate
from consumers.evaluation.labelled import Columns
from consumers.moderation.kinds import PERSONAL_DATA_KINDS
from consumers.moderation.policy import Policy
from glue.terminal.errors import WrongUseError

LIMITS = {
    "min_precision": "precision",
    "min_recall": "recall",
    "min_f1": "f1",
    "min_auc": "auc",
    "max_fpr": "fpr",
}
"""The options that limit a figure, and which one."""


def columns_of(given: Mapping[str, Any], policy: Policy) -> Columns:
    """How rows are read.

    Raises:
        WrongUseError: options contradict, or name a label that the policy does not have.
    """
    meaning = dict(_pairs("--map", given["mapped"]))
    flags = dict(_pairs("--labels", given["flags"]))
    if flags and (meaning or given["finds"] or given["entities"]):
        raise WrongUseError("--labels says which column is which label: not together with --map, --finds or --entities")
    if given["entities"]:
        _check_kinds(given, meaning)
    for label in () if given["entities"] else (*given["finds"], *filter(None, [*meaning.values(), *flags.values()])):
        if label not in policy.labels:
            there = ", ".join(policy.labels)
            raise WrongUseError(
                f"received label {label!r}; the policy has {there}. Give one of them to --finds, --map or --labels"
            )
    if meaning and (given["finds"] or given["positive"] or given["positive_from"] is not None):
        raise WrongUseError(
            "--map says what every label means: not together with --finds, --positive or --positive-from"
        )
    if given["score"] == "model" and policy.model is None:
        raise WrongUseError("--score model: the policy has no [model]; leave the option out")
    if given["positive"] and given["positive_from"] is not None:
        raise WrongUseError("--positive and --positive-from: one of them")
    if not 0 < given["calibrated_at"] < 1:
        raise WrongUseError(f"--calibrated-at: received {given['calibrated_at']}; allowed: between 0 and 1")
    only: dict[str, tuple[str, ...]] = {}
    for column, value in _pairs("--split", given["splits"]):
        only[column] = (*only.get(column, ()), value)
    return Columns(
        text=given["text"],
        label=given["label"],
        positive=given["positive"],
        positive_from=given["positive_from"],
        meaning=meaning,
        flags=flags,
        language=given["language"],
        on=given["surface"],
        slices=given["slices"],
        only=only,
        entities=given["entities"],
    )


def _check_kinds(given: Mapping[str, Any], meaning: Mapping[str, str]) -> None:
    for option in ("finds", "positive", "against", "negatives"):
        if given[option]:
            raise WrongUseError(f"--{option} is about whole texts: not together with --entities")
    for kind in filter(None, meaning.values()):
        if kind not in PERSONAL_DATA_KINDS:
            raise WrongUseError(f"--map: received kind {kind!r}; allowed: {', '.join(PERSONAL_DATA_KINDS)}")


def gates_of(given: Mapping[str, Any]) -> list[Gate]:
    """The limits.

    Raises:
        WrongUseError: one is no limit.
    """
    gates = []
    for option, figure in LIMITS.items():
        for one in given[option]:
            try:
                gates.append(read_gate(figure, one, at_most=option == "max_fpr"))
            except ValueError:
                shown = option.replace("_", "-")
                raise WrongUseError(f"--{shown}: received {one!r}; allowed: 0 to 1, or LABEL=0 to 1") from None
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
