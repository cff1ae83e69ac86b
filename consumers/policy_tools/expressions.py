"""What is known of the expressions in the bundle, so that a cold start need not find it out.

``python -m consumers.policy_tools.expressions`` writes it; with ``--check`` it says whether it is stale.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import consumers.policies
from consumers.moderation.detectors.personal_data.numbers import scan_for_ids
from consumers.moderation.detectors.solicitation import marks
from consumers.moderation.expressions import fingerprint
from consumers.moderation.literals import needed
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.moderation.rules import AllowRule, BesideRule, PatternRule
from consumers.moderation.scan import compile_expression
from consumers.policies import policy_names, read_policy
from glue.terminal.renderings import keep_fresh

ROOT = Path(__file__).parents[2]
PATH = Path(consumers.policies.__file__).parent / "expressions.json"


def expressions() -> Iterator[str]:
    """All expressions that the policies of the bundle have, and those of the code that are looked for together."""
    for name in policy_names():
        policy = Policy.load(read_policy(name))
        for _, _, rule in policy.rules():
            if isinstance(rule, PatternRule):
                yield rule.pattern
            elif isinstance(rule, AllowRule | BesideRule):
                yield from rule.patterns
        yield from Moderator(policy).expressions
    yield from scan_for_ids(numeric=True).expressions
    yield from scan_for_ids(numeric=False).expressions
    yield from marks()[0].expressions


def rendered() -> str:
    """What the file holds: by an expression's fingerprint, the ways in which it can match.

    Raises:
        ScanError: re2 does not take an expression.
    """
    known = {}
    for expression in expressions():
        compile_expression(expression)
        known[fingerprint(expression)] = [
            [[sorted(clause) for clause in way.clauses], way.digits, [sorted(clause) for clause in way.also]]
            for way in needed(expression)
        ]
    lines = (f"{json.dumps(key)}: {json.dumps(known[key])}" for key in sorted(known))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when the file is (or now is) up to date, 1 when ``--check`` found it stale."""
    command = "python -m consumers.policy_tools.expressions"
    return keep_fresh({PATH: rendered()}, arguments, command=command, description=__doc__, root=ROOT)


if __name__ == "__main__":
    sys.exit(main())
