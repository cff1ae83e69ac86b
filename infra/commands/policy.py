"""``streamkeeper policy``: check, show, try and compare policies, and publish one to the stack."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from consumers.aws.policy_store import LAST_GOOD, MAX_BYTES
from consumers.moderation.moderator import Finding, Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.rule_values import RuleRecord
from consumers.moderation.rules import ManagedRule, RelationRule, SolicitationRule
from consumers.moderation.scorer import Part
from consumers.policies import policy_names
from consumers.policy_tools.cases import CaseError, Outcome, read_cases, run
from consumers.policy_tools.compare import MOST_EXAMPLES, differences, effect, would_ask
from consumers.policy_tools.loading import files_beside, load, problems_of, read_text, unusable
from glue.aws.options import AWS_OPTIONS, aws_options
from glue.readers.formats import Reading
from glue.readers.sources import Source
from glue.readers.texts import Texts
from glue.terminal.commands import examples_help, group
from glue.terminal.errors import UNREACHABLE, CommandError, WrongUseError, exit_codes_help
from glue.terminal.reading import READING
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from infra.commands.stack import STACK, described, output

_SOURCE = (
    f"POLICY is a file, a policy of the bundle ({', '.join(policy_names())}), s3://BUCKET/KEY, or - for standard input."
)
_MOST_SHOWN = 100
"""Characters of a failing case's text."""
_STEPS = ("flag", "review", "block")
_MOST_WORDS = 5
_CODES = exit_codes_help(failed="something is wrong with the policy", also=(UNREACHABLE,))


@group(
    epilog=examples_help("streamkeeper policy check my-policy.toml", "streamkeeper policy diff default my-policy.toml")
)
def policy() -> None:
    """Check, show, try and compare policies, and publish one to the stack."""


@policy.command(epilog=examples_help("streamkeeper policy check my-policy.toml --json") + f"{_SOURCE}\n\n{_CODES}")
@click.argument("names", nargs=-1, required=True, metavar="POLICY...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array of problems.")
@aws_options
@click.pass_context
def check(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Say everything that is wrong with policies: where, what was received, what is allowed."""
    found = []
    for name in names:
        text, files = read_text(name), files_beside(name)
        problems = problems_of(text, files=files)
        found += [{"policy": name, **msgspec.to_builtins(problem)} for problem in problems]
        if not as_json:
            for problem in problems:
                click.echo(f"{name}:{problem.line}:{problem.column}: " + inert(_without_place(str(problem))))
            if not problems:
                made = Policy.load(text, files=files)
                version = f" (version {made.version}, {sum(1 for _ in made.rules())} rules)"
                click.echo(f"{name}: good{version}")
    if as_json:
        click.echo(json.dumps(found, indent=1))
    context.exit(1 if found else 0)


@policy.command(
    epilog=f"""{_SOURCE}

\b
Examples:
  streamkeeper policy show default
  echo "FREE M0NEY, write to jo@example.org" | streamkeeper policy show default --text -

{_CODES}"""
)
@click.argument("name", metavar="POLICY")
@click.option("--text", default=None, help="Judge this text and explain the verdict; - reads standard input.")
@click.option("--surface", default="comment", show_default=True, help="With --text: where it was posted.")
@click.option("--language", default=None, help="With --text: its language, such as de or pt-BR.")
@click.option("--author", default=None, help="With --text: who posted it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@aws_options
def show(name: str, text: str | None, surface: str, language: str | None, author: str | None, as_json: bool) -> None:
    """Show a policy's rules, or what it says to one text and why. Personal data is masked."""
    made, moderator = _load(name)
    if text is not None:
        given = _given(text)
        given = given.rstrip("\n")
        finding = moderator.judge(given, surface=surface, language=language, author_id=author)
        asked = would_ask(moderator, finding, given, language=language, surface=surface)
        _explain(moderator, finding, given, asked, surface=surface, language=language, as_json=as_json)
        return
    if as_json:
        click.echo(json.dumps({"version": made.version, **msgspec.to_builtins(made)}, indent=1, ensure_ascii=False))
        return
    click.echo(f"{made.id}  version {made.version}  {inert(made.description)}")
    for label, thresholds in made.labels.items():
        steps = ", ".join(f"{word} from {value}" for word in _STEPS if (value := getattr(thresholds, word)))
        if label in made.off:
            steps = "off"
        if thresholds.hold:
            steps += ", always held for a person"
        if thresholds.handling:
            steps += f", handling {thresholds.handling}"
        click.echo(f"  {label}: {steps or 'never acted on'}")
    width = max((len(table) for table, _, _ in made.rules()), default=0)
    for table, _, rule in made.rules():
        fields = msgspec.structs.asdict(rule)
        language_of = f" [{fields['language']}]" if fields.get("language") else ""
        expires = f", until {rule.expires}" if rule.expires else ""
        owner = rule.owner or made.owner or "nobody"
        reason = f": {inert(rule.reason)}" if rule.reason else ""
        what = f"{rule.rule}{_counts_for(rule)}{language_of}"
        click.echo(f"  {table:<{width}}  {what}  ({inert(owner)}{expires}){reason}")


def _counts_for(rule: RuleRecord) -> str:
    """The label and the score that a rule gives, or the lowest and the highest where the score depends on the text."""
    if isinstance(rule, ManagedRule):
        return f" {rule.service}: {', '.join(sorted(set(rule.labels.values())))}, {rule.calls_per_hour} calls an hour"
    if isinstance(rule, RelationRule | SolicitationRule):
        return f" {rule.label} {rule.at_least} to {rule.at_most}"
    fields = msgspec.structs.asdict(rule)
    return f" {fields['label']} {fields['score']}" if "label" in fields else ""


@policy.command(
    epilog=f"""\b
Examples:
  streamkeeper policy test
  streamkeeper policy test tests/policies/default.yaml --policy my-policy.toml --json

A file of cases names its policy and lists texts with what is expected:

\b
  policy: default
  cases:
    - text: FREE MONEY, act now
      action: flag
      rules: [spam_phrases_en]
    - text: Buy my record, number {{number}} of the charts
      times: 5          # in one batch, {{number}} counts; for rules about floods and repeats
      authors: 3        # in turns
      every: 10         # seconds
      action: flag

{_CODES}"""
)
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[FILE|FOLDER]...")
@click.option("--policy", "name", default=None, help="Another policy than the files name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@aws_options
@click.pass_context
def test(context: click.Context, files: tuple[Path, ...], name: str | None, as_json: bool) -> None:
    """Try cases: texts, and what the policy must say to them. Looks into tests/policies unless told otherwise."""
    paths = list(_case_files(files or (Path("tests/policies"),)))
    if not paths:
        raise WrongUseError(
            "no files of cases (*.yaml) found; give a file or a folder, --help shows what one looks like"
        )
    outcomes: list[Outcome] = []
    for path in paths:
        try:
            named, cases = read_cases(path)
        except CaseError as error:
            raise WrongUseError(str(error)) from error
        outcomes += run(_load(name or _beside(path, named))[1], cases)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if as_json:
        listed = [
            {"case": one.case.place, "line": one.case.line, "text": one.case.text, "differs": one.differs}
            for one in failed
        ]
        click.echo(json.dumps({"cases": len(outcomes), "failed": listed}, indent=1, ensure_ascii=False))
    else:
        for outcome in failed:
            where = f" (line {outcome.case.line})" if outcome.case.line else ""
            click.echo(f"{outcome.case.place}{where}: {inert(_shortened(outcome.case.text))}")
            for what, (wanted, said) in outcome.differs.items():
                click.echo(f"  {what}: expected {inert(_listed(wanted))}, the policy said {inert(_listed(said))}")
        click.echo(f"{len(outcomes) - len(failed)} of {len(outcomes)} cases as expected")
    context.exit(1 if failed else 0)


class DiffRequest(Struct, frozen=True):
    """What ``policy diff`` was asked for."""

    before: str
    after: str
    data: str | None
    text_column: str
    examples: int
    as_json: bool
    reading: Reading


@policy.command(
    epilog=f"""{_SOURCE}

\b
Examples:
  streamkeeper policy diff default my-policy.toml
  streamkeeper policy diff default my-policy.toml --data comments.jsonl.gz --examples 3

{_CODES}"""
)
@takes(
    DiffRequest,
    click.argument("before", metavar="POLICY"),
    click.argument("after", metavar="POLICY"),
    click.option("--data", metavar="FILE|-", help="Texts to judge by both policies; - is standard input."),
    click.option("--text-column", default="text", show_default=True, help="With --data: the column with the text."),
    *READING,
    click.option("--examples", type=click.IntRange(0, MOST_EXAMPLES), default=0, help="Texts shown of each change."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    *AWS_OPTIONS,
)
def diff(_: click.Context, request: DiffRequest) -> None:
    """Show what differs between two policies, and what that does to real texts."""
    (old, old_moderator), (new, new_moderator) = _load(request.before), _load(request.after)
    found = differences(old, new)
    done = None
    texts = None
    if request.data is not None:
        try:
            with Source(request.data, reading=request.reading) as source:
                texts = Texts(source, request.text_column)
                done = effect(old_moderator, new_moderator, texts, examples=request.examples)
        except ValueError as error:
            raise WrongUseError(str(error)) from error
    if request.as_json:
        document: dict[str, Any] = {"differences": msgspec.to_builtins(found)}
        if done is not None:
            moves = [
                {"before": pair[0], "after": pair[1], "texts": count} for pair, count in sorted(done.moves.items())
            ]
            document |= {"texts": done.texts, "moves": moves, "examples": msgspec.to_builtins(done.examples)}
            document["would_ask"] = done.asked
        if texts is not None:
            document |= {"rows": texts.rows, "unreadable": texts.unreadable, "empty": texts.empty}
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    for one in found:
        click.echo(f"{one.where}: {inert(_listed(one.before))} -> {inert(_listed(one.after))}")
    click.echo(f"{len(found)} differences; version {old.version} -> {new.version}")
    if done is not None:
        changed, stricter = done.changed, done.stricter
        share = changed / done.texts if done.texts else 0.0
        if texts is not None and (texts.unreadable or texts.empty):
            click.echo(f"{texts.rows:,} rows; {texts.unreadable:,} could not be read, {texts.empty:,} have no text")
        click.echo(f"{done.texts:,} texts: {changed:,} acted on otherwise ({share:.2%}), {stricter:,} more strictly")
        for (was, will), count in sorted(done.moves.items()):
            if was != will:
                click.echo(f"  {was} -> {will}: {count:,}")
        for rule, count in done.asked.items():
            share = count / done.texts if done.texts else 0.0
            click.echo(f"  {rule} would ask about {count:,} ({share:.2%}), which is not done here")
        for moved in done.examples:
            rules = f"{', '.join(moved.rules_before) or 'none'} -> {', '.join(moved.rules_after) or 'none'}"
            click.echo(f"  {moved.before} -> {moved.after} ({rules}): {inert(moved.excerpt)}")


@policy.command(
    epilog=f"""\b
Example:
  streamkeeper policy publish my-policy.toml --name default

{_SOURCE} A stack uses what is published when it was deployed with PolicyPlace=bucket.

{_CODES}"""
)
@click.argument("source", metavar="POLICY")
@click.option(
    "--name",
    default="default",
    show_default=True,
    help="The name to publish under; the stack uses the one that its parameter Policy names.",
)
@click.option("--cases", type=click.Path(exists=True, path_type=Path), help="Cases that it must pass first.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object: address, policy, version, unused, in_force_within_seconds.",
)
@click.option("--stack", default=STACK, show_default=True, envvar="STREAMKEEPER_STACK", help="To which stack.")
@aws_options
def publish(source: str, name: str, cases: Path | None, as_json: bool, stack: str) -> None:
    """Check a policy and upload it to where the stack's functions read it. Takes effect within PolicyRefreshSeconds."""
    text = read_text(source)
    if problems := problems_of(text):
        raise CommandError(f"{source} is not published:", details=map(str, problems))
    if len(text.encode()) > MAX_BYTES:
        raise CommandError(f"{source} has {len(text.encode()):,} bytes; allowed: {MAX_BYTES:,}")
    made = Policy.load(text)
    if cases is not None:
        for path in _case_files((cases,)):
            failed = [one for one in run(Moderator(made), read_cases(path)[1]) if not one.passed]
            if failed:
                raise CommandError(f"{source} is not published: {len(failed)} cases of {path} fail; see `policy test`")
    from glue.aws.clients import make_client
    from glue.aws.reaching import reaching

    its = described(stack)
    bucket = output(its.outputs, "LakeBucketName", stack=stack)
    key = f"policies/{name}.toml"
    client = make_client("s3")
    # The copy first: whoever starts between the two finds a good one either way.
    for one in (key + LAST_GOOD, key):
        with reaching(f"s3://{bucket}/{one}"):
            client.put_object(Bucket=bucket, Key=one, Body=text.encode(), ContentType="application/toml")
    unused = unused_because(its.parameters, name)
    if as_json:
        document = {"address": f"s3://{bucket}/{key}", "policy": made.id, "version": made.version, "unused": unused}
        seconds = None if unused else refresh_seconds(its.parameters)
        click.echo(json.dumps({**document, "in_force_within_seconds": seconds}))
        return
    click.echo(f"s3://{bucket}/{key}: policy {made.id}, version {made.version}")
    if unused:
        click.echo(f"It is not used yet: {unused}", err=True)
    else:
        seconds = refresh_seconds(its.parameters)
        click.echo(
            f"Every function uses it within {seconds} seconds; a replay that begins earlier may use the one before."
        )


def refresh_seconds(parameters: Mapping[str, str]) -> int:
    """After how many seconds at most every function of a stack uses what was published.

    Args:
        parameters: the stack's.

    >>> refresh_seconds({"PolicyRefreshSeconds": "30"})
    30
    """
    return int(parameters.get("PolicyRefreshSeconds", 60))


def unused_because(parameters: Mapping[str, str], name: str) -> str | None:
    """Why a stack does not use the policy that was published under a name, and what to do; None when it does.

    Args:
        parameters: the stack's.
        name: what it was published as.

    >>> unused_because({"PolicyPlace": "bucket", "Policy": "default"}, "default")
    >>> unused_because({"PolicyPlace": "bucket", "Policy": "default"}, "mine")
    "the stack uses 'default'; publish it with --name default, or deploy with Policy=mine"
    """
    if (place := parameters.get("PolicyPlace", "bundle")) != "bucket":
        return f"PolicyPlace is {place}, so the stack uses the policy it was built with; deploy with PolicyPlace=bucket"
    if (used := parameters.get("Policy", name)) != name:
        return f"the stack uses {used!r}; publish it with --name {used}, or deploy with Policy={name}"
    return None


def _given(text: str) -> str:
    """A text from the command line, or from standard input."""
    # What Python could not decode of either comes as lone surrogates, which no text has.
    raw = sys.stdin.buffer.read() if text == "-" else text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise WrongUseError(f"the text is not UTF-8: byte {error.start} is {raw[error.start]:#04x}") from None


def _load(name: str) -> tuple[Policy, Moderator]:
    try:
        return load(name)
    except PolicyError as error:
        raise unusable(name, error) from error


def _beside(path: Path, named: str) -> str:
    """A policy named by a file of cases: a path is meant from where that file lies."""
    return str(path.parent / named) if named.endswith(".toml") else named


def _case_files(given: tuple[Path, ...]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            yield from sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
        elif path.exists():
            yield path


def _without_place(text: str) -> str:
    return text.partition(": ")[2] if text.startswith("line ") else text


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}..."


def _listed(value: Any) -> str:
    if value is None:
        return "nothing"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)


def _explain(
    moderator: Moderator,
    finding: Finding,
    text: str,
    asked: Sequence[ManagedRule],
    *,
    surface: str,
    language: str | None,
    as_json: bool,
) -> None:
    decision = finding.decision
    primary = language.partition("-")[0].lower() if language else None
    thresholds = moderator.policy.thresholds(surface, primary)
    words = [_strongest_words(moderator, finding, text, signal.rule) for signal in finding.signals]
    if as_json:
        document = {
            "policy": f"{moderator.policy_id}@{moderator.policy_version}",
            **msgspec.to_builtins(decision),
            "signals": [
                {**msgspec.to_builtins(signal), **({"words": msgspec.to_builtins(parts)} if parts else {})}
                for signal, parts in zip(finding.signals, words, strict=True)
            ],
            "thresholds": {label: msgspec.to_builtins(thresholds[label]) for label in decision.labels},
            "would_ask": [rule.rule for rule in asked],
            "excerpt": finding.excerpt,
        }
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    click.echo(f"{decision.action}: {inert(finding.excerpt)}")
    reasons = {rule.rule: rule.reason for _, _, rule in moderator.policy.rules() if rule.reason}
    for signal, parts in zip(finding.signals, words, strict=True):
        reached = thresholds[signal.label].action(signal.score)
        steps = zip(_STEPS, thresholds[signal.label].steps(), strict=True)
        limits = ", ".join(f"{word} {value}" for word, value in steps if value is not None)
        click.echo(
            f"  {signal.detector} {signal.rule}: {signal.label} {signal.score} -> {reached}  "
            f"(on {surface}: {limits or 'never acted on'})"
        )
        if (reason := reasons.get(signal.rule)) is not None:
            click.echo(f"    {inert(reason)}")
        if parts:
            click.echo("    made by " + ", ".join(f"{inert(part.token)} {part.logit:+.1f}" for part in parts))
    if not finding.signals:
        click.echo("  no rule found anything")
    for rule in asked:
        click.echo(f"  {rule.rule} would ask {rule.service}, which is not done here")


def _strongest_words(moderator: Moderator, finding: Finding, text: str, rule: str) -> list[Part]:
    """The words that speak most for a score of the model; only such as the masked excerpt shows, too."""
    shown = set(normalise(finding.excerpt).plain.split())
    parts = [part for part in moderator.model_parts(text, rule) if part.logit > 0 and part.token in shown]
    return parts[:_MOST_WORDS]
