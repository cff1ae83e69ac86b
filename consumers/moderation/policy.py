"""A policy as data: which rules there are, and from which score on a label leads to which action.

Written in TOML, read by :meth:`Policy.load`, identified by its id and the hash of its content. A policy never changes:
another content is another version.

    id = "default"

    [labels.spam]
    flag = 0.3
    review = 0.6
    block = 0.9

    [[terms]]
    rule = "spam_phrases"
    label = "spam"
    score = 0.5
    terms = ["free money", "act now"]

A term is found as a whole word (in scripts without spaces: anywhere), in any case, also when it is written with
look-alike letters. A pattern is an re2 expression and looks at the normalised, lower-case text. What each key means and
may hold is in ``consumers/policies/policy.schema.json``.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from consumers.moderation.checks import check
from consumers.moderation.document import read_document
from consumers.moderation.extending import extended, with_files, with_lists, without_off
from consumers.moderation.policy_content import RULE_TABLES, PolicyContent
from consumers.moderation.problems import PolicyError, Problems
from consumers.moderation.rules import SEVERITIES
from consumers.policies import read_policy

__all__ = ["Policy", "PolicyError"]

_WITHOUT_SCORE = frozenset({"allow", "authors", "managed", "relations", "solicitations"})
"""Those whose rules have no score of their own."""


class Policy(PolicyContent, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One version of one policy.

    What stands in it is in :class:`consumers.moderation.policy_content.PolicyContent`.
    """

    @classmethod
    def load(cls, text: str, *, files: Callable[[str], str] | None = None) -> "Policy":
        """The policy in this TOML text, with what it extends and what stands in its files.

        Args:
            text: the TOML.
            files: gives the text of a file that the policy names, or raises ValueError with the reason; None: it may
                name none.

        Raises:
            PolicyError: it is no TOML, a key is unknown or missing, a value is not allowed, or rules contradict; all
                that could be found at once.

        >>> Policy.load('id = "a"\\n[labels.spam]\\nflga = 2')
        Traceback (most recent call last):
        consumers.moderation.problems.PolicyError: line 3, column 1: labels.spam.flga: unknown key; allowed: block, flag, handling, hold, review; did you mean 'flag'?
        """  # noqa: E501
        text = text.removeprefix("\ufeff")  # the byte order mark that some editors write
        document = read_document(text)
        problems = Problems(text)
        base = _extended_by(document, problems)
        _score_by_severity(document, base, problems)
        try:
            given = msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            problems.add_shape(document, cls)
            if not problems.found:
                problems.add((), str(error))
            raise problems.error() from None
        if base is None and "labels" not in document:
            problems.add((), "received a table without labels; labels is required", at_key=True)
        elif base is None and not given.labels:
            problems.add(("labels",), "received an empty table; allowed: at least one entry")
        given = with_lists(with_files(given, files, problems), problems)
        policy = given if base is None else extended(base, given)
        check(given, policy, problems)
        problems.refuse()
        return without_off(policy)


def _extended_by(document: dict[str, Any], problems: Problems) -> Policy | None:
    """The policy of the bundle that a document extends, if any."""
    name = document.get("extends", "")
    if name == "" or not isinstance(name, str):
        return None
    try:
        return Policy.load(read_policy(name))
    except ValueError as error:
        problems.add(("extends",), str(error))
        return None


def _score_by_severity(document: dict[str, Any], base: Policy | None, problems: Problems) -> None:
    """Gives each rule that has a severity the score it stands for."""
    given = document.get("severities")
    scores: dict[str, Any] = {str(word): score for word, score in SEVERITIES.items()}
    if base is not None:
        scores |= {str(word): score for word, score in base.severities.items()}
    if isinstance(given, dict):
        scores |= given
    for table in RULE_TABLES:
        rules = document.get(table)
        for position, rule in enumerate(rules if isinstance(rules, list) else ()):
            if not isinstance(rule, dict) or "severity" not in rule or table in _WITHOUT_SCORE:
                continue
            if "score" in rule:
                problems.add((table, position, "severity"), "received a severity beside a score; allowed: one of them")
            else:
                # An unknown word is named by the check of shapes; it needs some score to get there.
                rule["score"] = scores.get(rule["severity"], 0.5) if isinstance(rule["severity"], str) else 0.5
