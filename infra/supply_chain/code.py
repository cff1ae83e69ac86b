"""bandit over the packages, and checkov over the template; what we keep has its reason in ``exceptions.toml``."""

import json
from pathlib import Path

from infra.supply_chain.exceptions import Finding, left, read
from infra.supply_chain.steps import NOT_RUN, Step, judged, run

PACKAGES = ("glue", "producers", "consumers", "athena", "infra")
TEMPLATE = "infra/aws/template.yaml"


def bandit(root: Path, tools: Path) -> Step:
    """Risky code in what we ship, at every severity."""
    code, said, error = run([str(tools / "bandit"), "-q", "-r", *PACKAGES, "-f", "json"], cwd=root)
    if code not in (0, 1):
        return Step("bandit", NOT_RUN, f"it ended with {code}: {error.strip()[-300:]}")
    answer = json.loads(said)
    lines = answer["metrics"]["_totals"]["loc"]
    errors = [Finding("error", one["filename"], one["reason"]) for one in answer["errors"]]
    return judged(
        "bandit", left(bandit_findings(answer) + errors, read("bandit")), f"{lines:,} lines of {len(PACKAGES)} packages"
    )


def bandit_findings(answer: dict) -> list[Finding]:  # type: ignore[type-arg]
    """What bandit's JSON has.

    >>> one = {"test_id": "B101", "filename": "./a.py", "line_number": 3, "issue_text": "Use of assert"}
    >>> bandit_findings({"results": [one]})
    [Finding(rule='B101', where='a.py:3', said='Use of assert')]
    """
    return [
        Finding(one["test_id"], f"{one['filename'].removeprefix('./')}:{one['line_number']}", one["issue_text"])
        for one in answer["results"]
    ]


def checkov(root: Path, tools: Path) -> Step:
    """The template against checkov's rules; nothing is fetched and nothing is sent."""
    command = [str(tools / "checkov"), "--file", TEMPLATE, "--framework", "cloudformation", "--output", "json"]
    code, said, error = run([*command, "--compact", "--quiet", "--skip-download"], cwd=root)
    if code not in (0, 1):
        return Step("checkov", NOT_RUN, f"it ended with {code}: {error.strip()[-300:]}")
    answer = json.loads(said)
    found = left(checkov_findings(answer), read("checkov"))
    unread = [f"{TEMPLATE} cannot be read by checkov"] * answer["summary"]["parsing_errors"]
    count = answer["summary"]["resource_count"]
    return judged("checkov", unread + found, f"{answer['summary']['passed']} checks held on {count} resources")


def checkov_findings(answer: dict) -> list[Finding]:  # type: ignore[type-arg]
    """What checkov's JSON has as failed.

    >>> one = {"check_id": "CKV_AWS_18", "resource": "AWS::S3::Bucket.B", "check_name": "access logging"}
    >>> checkov_findings({"results": {"failed_checks": [one]}})
    [Finding(rule='CKV_AWS_18', where='AWS::S3::Bucket.B', said='access logging')]
    """
    return [Finding(one["check_id"], one["resource"], one["check_name"]) for one in answer["results"]["failed_checks"]]
