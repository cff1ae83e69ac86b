"""``streamkeeper check``: the settings of a template that deploy without a word and lose or hold up records later."""

import json
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from glue.terminal.commands import command
from glue.terminal.errors import GATE_MISSED, GateMissedError, WrongUseError, exit_codes_help
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from infra.checking.check import RULES, at_or_above, not_looked_at
from infra.checking.check import check as check_template
from infra.checking.findings import SEVERITIES, Finding, Severity

_NEVER = "never"


class CheckRequest(Struct, frozen=True):
    """What to check, and what counts."""

    template: Path | None
    given: tuple[str, ...]
    fail_on: str
    listed: bool
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper check template.yaml
  streamkeeper check template.yaml --parameter Stage=prod --fail-on high --json
  streamkeeper check --rules

A finding that does not hold is suppressed where it is, with a reason:

\b
  Metadata:
    Streamkeeper:
      Suppress:
        - { Rule: SK108, Reason: heartbeats carry nothing that anybody counts }

"""
    + exit_codes_help(done="nothing that counts was found", also=(GATE_MISSED,))
)
@takes(
    CheckRequest,
    click.argument("template", type=click.Path(dir_okay=False, path_type=Path), required=False),
    click.option(
        "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="A parameter of the template. Repeatable."
    ),
    click.option(
        "--fail-on",
        type=click.Choice([*SEVERITIES, _NEVER]),
        default="medium",
        show_default=True,
        help="The least severity that ends with exit code 4.",
    ),
    click.option("--rules", "listed", is_flag=True, help="List the rules instead, with why, fix and source."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document."),
)
def check(context: click.Context, request: CheckRequest) -> None:
    """Name dangerous settings of a SAM or CloudFormation template of Kinesis, Lambda, Firehose, SQS and EventBridge.

    These pass cfn-lint, and AWS accepts them: a batch that blocks its shard for a year, records that are dropped
    without a trace, dead letters that expire first. Each finding says what it leads to, what to write instead, and
    the page of AWS that says so.
    """
    if request.listed:
        _list(as_json=request.as_json)
        return
    if request.template is None:
        raise WrongUseError("give a template; --rules lists what is looked for")
    template = _read(request.template)
    findings = check_template(template, _parameters(request.given, template.get("Parameters")))
    unseen = not_looked_at(template)
    counted = [one for one in findings if one.suppressed is None]
    failing = [] if request.fail_on == _NEVER else at_or_above(findings, _severity(request.fail_on))
    if request.as_json:
        document = {"template": str(request.template), "findings": [msgspec.to_builtins(one) for one in findings]}
        click.echo(json.dumps({**document, "failing": len(failing), "not_looked_at": unseen}))
    else:
        _show(request.template, findings)
        if unseen:
            click.echo(f"not looked at, since it has no Type: {inert(', '.join(unseen))}")
    if failing:
        names = ", ".join(sorted({one.rule for one in failing}))
        raise GateMissedError(f"{len(failing)} of {len(counted)} findings are {request.fail_on} or worse: {names}")


def _severity(text: str) -> Severity:
    return next(one for one in SEVERITIES if one == text)


def _read(path: Path) -> dict[str, object]:
    from infra.local.cloudformation.intrinsics import TemplateError, load_template

    try:
        return dict(load_template(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise WrongUseError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongUseError(f"{path} is not UTF-8") from error
    except TemplateError as error:
        raise WrongUseError(f"{path}: {error}") from error
    except RecursionError:
        raise WrongUseError(f"{path} is no template: its YAML is nested too deeply") from None


def _parameters(given: tuple[str, ...], declared: object) -> dict[str, object]:
    """The values by name, of those parameters that the template takes."""
    pairs = [pair.partition("=") for pair in given]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise WrongUseError(f"--parameter {wrong[0]!r} is no NAME=VALUE; e.g. --parameter Stage=prod")
    rules = declared if isinstance(declared, dict) else {}
    for name, _, value in pairs:
        if name not in rules:
            there = ", ".join(map(str, rules)) or "none"
            raise WrongUseError(f"--parameter: the template has no parameter {name}; there are: {there}")
        allowed = rules[name].get("AllowedValues") if isinstance(rules[name], dict) else None
        if isinstance(allowed, list) and value not in map(str, allowed):
            raise WrongUseError(
                f"--parameter: {name} is {value!r}; the template allows: {', '.join(map(str, allowed))}"
            )
    return {name: value for name, _, value in pairs}


def _show(template: Path, findings: list[Finding]) -> None:
    counted = [one for one in findings if one.suppressed is None]
    for one in counted:
        click.echo(f"{one.rule} {one.severity:<6} {inert(one.resource)}: {one.title}")
        click.echo(f"      here   {inert(one.message)}")
        click.echo(f"      why    {one.why}")
        click.echo(f"      fix    {one.fix}")
        click.echo(f"      source {one.source}\n")
    for one in findings:
        if one.suppressed is not None:
            click.echo(f"{one.rule} suppressed at {inert(one.resource)}: {inert(one.suppressed)}")
    by = ", ".join(f"{sum(one.severity == s for one in counted)} {s}" for s in reversed(SEVERITIES))
    findings_word = "finding" if len(counted) == 1 else "findings"
    suppressed = len(findings) - len(counted)
    click.echo(f"{template}: {len(RULES)} rules, {len(counted)} {findings_word} ({by}), {suppressed} suppressed")


def _list(*, as_json: bool) -> None:
    if as_json:
        names = ("id", "severity", "title", "why", "fix", "source")
        click.echo(json.dumps([{name: getattr(rule, name) for name in names} for rule in RULES]))
        return
    for rule in RULES:
        click.echo(f"{rule.id} {rule.severity:<6} {rule.title}")
        click.echo(f"      why    {rule.why}")
        click.echo(f"      fix    {rule.fix}")
        click.echo(f"      source {rule.source}")
