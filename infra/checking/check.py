"""Every rule over one template. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from infra.checking.findings import SEVERITIES, Finding, Hit, Rule, Severity
from infra.checking.store_rules import STORE_RULES
from infra.checking.stream_rules import STREAM_RULES
from infra.checking.view import View

RULES: Final[tuple[Rule, ...]] = (*STREAM_RULES, *STORE_RULES)
METADATA: Final = "Streamkeeper"

_UNWRITTEN: Final = Rule(
    "SK001",
    "high",
    "a finding is suppressed without a reason, or one that there is not",
    "Nobody can judge later whether it still holds.",
    f"Metadata: {{{METADATA}: {{Suppress: [{{Rule: SK104, Reason: why it does not hold here}}]}}}}",
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-metadata.html",
    lambda _: iter(()),
)
_SHORTEST_REASON: Final = 10


def check(template: Mapping[str, Any], parameters: Mapping[str, object] | None = None) -> list[Finding]:
    """What the rules find, the worst first; what was suppressed with a written reason has it.

    Args:
        template: of SAM or CloudFormation, as ``load_template`` gives it.
        parameters: values by name; the others take their defaults.

    >>> template = {"Resources": {"S": {"Type": "AWS::Kinesis::Stream", "Properties": {"ShardCount": 1}}}}
    >>> [(one.rule, one.resource, one.message) for one in check(template)]
    [('SK201', 'S', 'records are kept for 24 hours')]
    """
    view = View(template, parameters)
    reasons, problems = _suppressions(template, view)
    found = [_finding(rule, hit, reasons.get((hit.owner, rule.id))) for rule in RULES for hit in rule.find(view)]
    found += [_finding(_UNWRITTEN, hit, None) for hit in problems]
    return sorted(found, key=lambda one: (-SEVERITIES.index(one.severity), one.rule, one.resource, one.message))


def not_looked_at(template: Mapping[str, Any]) -> list[str]:
    """What stands under Resources and is no resource with a Type, such as an ``Fn::ForEach``: no rule sees it.

    >>> not_looked_at({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}, "Fn::ForEach::Queues": []}})
    ['Fn::ForEach::Queues']
    """
    found = template.get("Resources")
    resources = found if isinstance(found, dict) else {}
    return [str(name) for name, one in resources.items() if not (isinstance(one, dict) and one.get("Type"))]


def at_or_above(findings: Sequence[Finding], severity: Severity) -> list[Finding]:
    """Those that count: not suppressed, and at least that severe."""
    least = SEVERITIES.index(severity)
    return [one for one in findings if one.suppressed is None and SEVERITIES.index(one.severity) >= least]


def _finding(rule: Rule, hit: Hit, reason: str | None) -> Finding:
    return Finding(
        rule.id, rule.severity, hit.resource, hit.message, rule.title, rule.why, rule.fix, rule.source, reason
    )


def _suppressions(template: Mapping[str, Any], view: View) -> tuple[dict[tuple[str, str], str], list[Hit]]:
    """By resource and rule, the written reason, and what is written wrong; the template's own hold everywhere."""
    reasons: dict[tuple[str, str], str] = {}
    problems: list[Hit] = []
    known = {rule.id for rule in RULES}
    for owner, metadata in [
        ("", template.get("Metadata")),
        *((n, r.get("Metadata")) for n, r in view.resources.items()),
    ]:
        for given in _listed(metadata):
            rule, reason = (given.get("Rule"), given.get("Reason")) if isinstance(given, dict) else (None, None)
            if rule not in known:
                problems.append(Hit(owner or "Metadata", f"there is no rule {str(rule)[:40]!r}", owner))
            elif not isinstance(reason, str) or len(reason.strip()) < _SHORTEST_REASON:
                problems.append(Hit(owner or "Metadata", f"{rule} is suppressed without a reason", owner))
            else:
                for name in [owner] if owner else view.resources:
                    reasons.setdefault((name, str(rule)), reason.strip())
    return reasons, problems


def _listed(metadata: Any) -> Iterator[Any]:
    ours = metadata.get(METADATA) if isinstance(metadata, dict) else None
    given = ours.get("Suppress") if isinstance(ours, dict) else None
    yield from given if isinstance(given, list) else ()
