"""Whether a new version may have traffic: its verdicts, time and memory on the golden batch beside those of the old."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from consumers.rehearsal import NAME

_REPORT: Final = ("Duration: ", "Max Memory Used: ")
_SHOWN: Final = 5


class Limits(Struct, frozen=True, kw_only=True):
    """What a new version may do.

    Args:
        slower_percent: how long it may take, in percent of the old version.
        larger_percent: how much memory it may use, in percent of the old version.
        changed_percent: of how many events another policy may change the verdict, in percent of all.
    """

    slower_percent: int = 200
    larger_percent: int = 150
    changed_percent: int = 5


class Rehearsed(Struct, frozen=True):
    """What one version said of the golden batch.

    Args:
        policy: its id and version.
        refused: whether it refuses the policy that is stored.
        verdicts: by record, what it decided.
        milliseconds: the shortest of its runs over the batch, as Lambda reported it.
        megabytes: the most memory that it used, as Lambda reported it.
    """

    policy: str
    refused: bool
    verdicts: Mapping[str, Sequence[str]]
    milliseconds: float
    megabytes: float


class Failure(Exception):  # noqa: N818 - it is what came of a version, not of this code
    """A version did not answer as it should; the message holds no content."""


class Judgement(Struct, frozen=True):
    """Whether a new version passes, and why.

    Args:
        refusals: why it does not; empty when it does.
        notes: what was seen, a line each.
    """

    refusals: list[str]
    notes: list[str]

    @property
    def passes(self) -> bool:
        return not self.refusals


class Report(Struct, frozen=True):
    """What Lambda reports of an invocation."""

    milliseconds: float
    megabytes: float


def report_in(log: str) -> Report:
    """Duration and memory from the end of an invocation's log, in Lambda's text or JSON format.

    Raises:
        Failure: there is no report in it.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html

    >>> report_in("REPORT RequestId: 1\\tDuration: 12.50 ms\\tBilled Duration: 13 ms\\tMax Memory Used: 90 MB\\t\\n")
    Report(milliseconds=12.5, megabytes=90.0)
    """
    for line in reversed(log.splitlines()):
        if line.startswith("REPORT "):
            found = [re.search(rf"{word}([0-9.]+)", line) for word in _REPORT]
            if found[0] and found[1]:
                return Report(float(found[0][1]), float(found[1][1]))
        if '"platform.report"' in line:
            try:
                metrics = json.loads(line)["record"]["metrics"]
                return Report(float(metrics["durationMs"]), float(metrics["maxMemoryUsedMB"]))
            except (ValueError, KeyError, TypeError):
                continue
    raise Failure("Lambda's report is not at the end of its log; LogType Tail and the log level INFO are needed")


def answer_in(payload: Any, expected: Sequence[str]) -> tuple[str, bool, dict[str, Sequence[str]]]:
    """Policy, whether a stored one is refused, and verdicts, of an answer to a rehearsal.

    Args:
        expected: sequence numbers of the records that were sent.

    Raises:
        Failure: it is no such answer, or says nothing of a record.
    """
    try:
        said = payload[NAME]
        policy, refused, verdicts = str(said["policy"]), bool(said["refused"]), dict(said["verdicts"])
    except (KeyError, TypeError, ValueError):
        raise Failure("the answer is none to a rehearsal") from None
    missing = set(expected) - {place.partition(".")[0] for place in verdicts}
    # A container without records is no event and no row; it is quarantined as such, and answered for.
    if missing:
        raise Failure(f"{len(missing)} of {len(expected)} records have no verdict")
    return policy, refused, verdicts


def judge(old: Rehearsed, new: Rehearsed, limits: Limits) -> Judgement:
    """Whether the new version may have traffic.

    Args:
        old: the version that has it.
    """
    refusals: list[str] = []
    notes = [
        f"policy {old.policy} -> {new.policy}",
        f"time {old.milliseconds:.0f} -> {new.milliseconds:.0f} ms",
        f"memory {old.megabytes:.0f} -> {new.megabytes:.0f} MB",
    ]
    if new.refused and not old.refused:
        refusals.append("it refuses the stored policy, which the old version takes")
    places = old.verdicts.keys() | new.verdicts.keys()
    changed = sorted(
        (one for one in places if old.verdicts.get(one) != new.verdicts.get(one)), key=lambda one: (len(one), one)
    )
    share = 100 * len(changed) / max(1, len(places))
    if changed:
        notes += _named(old, new, changed)
    said = f"{len(changed)} of {len(places)} verdicts differ ({share:.2f} %)"
    notes.append(said)
    poisoned = sum(one[:2] == ["quarantine", "poison"] for one in map(list, new.verdicts.values()))
    if poisoned > sum(one[:2] == ["quarantine", "poison"] for one in map(list, old.verdicts.values())):
        refusals.append(f"{poisoned} events make it fail")
    if old.policy == new.policy and changed:
        refusals.append(f"{said} under one policy, {new.policy}; a build may change none")
    if old.policy != new.policy and share > limits.changed_percent:
        refusals.append(f"{said} under another policy; at most {limits.changed_percent} % are allowed")
    if new.milliseconds * 100 > old.milliseconds * limits.slower_percent:
        refusals.append(
            f"it takes {new.milliseconds:.0f} ms where the old version takes {old.milliseconds:.0f}; at most "
            f"{limits.slower_percent} % are allowed"
        )
    if new.megabytes * 100 > old.megabytes * limits.larger_percent:
        refusals.append(
            f"it uses {new.megabytes:.0f} MB where the old version uses {old.megabytes:.0f}; at most "
            f"{limits.larger_percent} % are allowed"
        )
    return Judgement(refusals, notes)


def _named(old: Rehearsed, new: Rehearsed, changed: Sequence[str]) -> list[str]:
    """What became of what, counted, and the first records: the golden batch is made up, so that they may be named."""

    def short(said: Sequence[str] | None) -> str:
        return f"{said[0]} {said[1]}".strip() if said else "nothing"

    kinds = Counter((short(old.verdicts.get(one)), short(new.verdicts.get(one))) for one in changed)
    lines = [f"{count} from {before} to {after}" for (before, after), count in kinds.most_common(_SHOWN)]
    return [*lines, f"the first records: {', '.join(changed[:_SHOWN])}"]
