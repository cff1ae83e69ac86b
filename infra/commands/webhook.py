"""``streamkeeper webhook``: who is told of verdicts, and what they did not take."""

import base64
import json
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from glue.aws.options import AWS_OPTIONS
from glue.terminal.commands import examples_help, group
from glue.terminal.errors import FAILED, UNREACHABLE, CommandError, UnreachableError, WrongUseError, exit_codes_help
from glue.terminal.progress import progress
from glue.terminal.sanitize import inert
from glue.vocabulary import ACTIONS
from glue.webhooks import SECRET_PREFIX
from infra.commands.stack import STACK, output, outputs

if TYPE_CHECKING:
    from consumers.webhooks.subscribers import Key

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_SECRET_BYTES = 32
_CODES = exit_codes_help(failed="there is no such subscriber, or it cannot be written", also=(UNREACHABLE,))

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _epilog(*examples: str) -> str:
    return examples_help(*examples) + _CODES


def _options(function: Any) -> Any:
    stack = click.option(
        "--stack", default=STACK, show_default=True, envvar="STREAMKEEPER_STACK", help="Which stack; it has Webhook=on."
    )
    for option in reversed((stack, _json, *AWS_OPTIONS)):
        function = option(function)
    return function


@group(
    epilog="""\b
Examples:
  streamkeeper webhook add shop --url https://shop.example/hooks/moderation --action block --action review
  streamkeeper webhook rotate shop; streamkeeper webhook rotate shop --finish
  streamkeeper webhook list
  streamkeeper webhook letters; streamkeeper webhook redrive --subscriber shop"""
)
def webhook() -> None:
    """Manage the subscribers that are notified of verdicts by HTTPS, and redrive what they did not accept.

    A subscriber is a SecureString in the Parameter Store, below /STACK/webhooks/. A change takes effect within a
    minute.
    """


@webhook.command(epilog=_epilog("streamkeeper webhook add shop --url https://shop.example/hook --action block"))
@click.argument("name")
@click.option("--url", required=True, help="Where requests go; https://.")
@click.option(
    "--action", "actions", multiple=True, type=click.Choice(ACTIONS[1:]), help="Only these actions; else all three."
)
@click.option("--label", "labels", multiple=True, help="Only verdicts with at least one of these.")
@click.option("--surface", "surfaces", multiple=True, help="Only content from these surfaces.")
@click.option("--off", is_flag=True, help="Send nothing yet; deliveries wait for a day.")
@_options
def add(
    name: str,
    url: str,
    actions: tuple[str, ...],
    labels: tuple[str, ...],
    surfaces: tuple[str, ...],
    off: bool,
    stack: str,
    as_json: bool,
) -> None:
    """Add a subscriber, or change one that is there and keep its keys. The secret of a new one is shown once.

    It takes effect within a minute; verdicts that come before it does are not sent to a new subscriber.
    """
    from consumers.webhooks.subscribers import Subscriber

    _checked(name)
    with _asking(stack) as subscribers:
        output(outputs(stack), "WebhookQueueUrl", stack=stack)
        before = subscribers.found().get(name)
        keys = before.keys if isinstance(before, Subscriber) else (_new_key(),)
        made = Subscriber(url, keys, actions, labels, surfaces, not off)  # type: ignore[arg-type]
        subscribers.write(name, made)
    secret = None if isinstance(before, Subscriber) else keys[0].secret
    _say_key(name, keys[-1].id, secret, as_json)


@webhook.command(epilog=_epilog("streamkeeper webhook rotate shop", "streamkeeper webhook rotate shop --finish"))
@click.argument("name")
@click.option("--key-id", help="The id of the new key.  [default: the day]")
@click.option("--finish", is_flag=True, help="Drop the older key: the receiver knows the newer one.")
@_options
def rotate(name: str, key_id: str | None, finish: bool, stack: str, as_json: bool) -> None:
    """Make a second key: every request is signed with both until the older one is dropped with --finish."""
    from consumers.webhooks.subscribers import Subscriber
    from infra.operating.webhooks import with_key, with_newest_key

    with _asking(stack) as subscribers:
        before = subscribers.found().get(name)
        if not isinstance(before, Subscriber):
            raise CommandError(f"there is no usable subscriber {name!r}; see: streamkeeper webhook list")
        made = with_newest_key(before) if finish else with_key(before, _new_key(key_id, before.keys))
        subscribers.write(name, made)
    _say_key(name, made.keys[-1].id, None if finish else made.keys[-1].secret, as_json)


@webhook.command("list", epilog=_epilog("streamkeeper webhook list --json"))
@_options
@click.pass_context
def list_subscribers(context: click.Context, stack: str, as_json: bool) -> None:
    """Show subscribers with their filters and key ids, never a secret; ends with 1 when one cannot be used."""
    from consumers.webhooks.subscribers import Refusal

    with _asking(stack) as subscribers:
        found = subscribers.found()
    rows: list[dict[str, Any]] = []
    for name, one in sorted(found.items()):
        if isinstance(one, Refusal):
            rows.append({"name": name, "refused": one.reason})
            continue
        rows.append(
            {
                "name": name,
                "url": one.url,
                "actions": list(one.actions or ACTIONS[1:]),
                "labels": list(one.labels),
                "surfaces": list(one.surfaces),
                "keys": [key.id for key in one.keys],
                "enabled": one.enabled,
            }
        )
    if as_json:
        click.echo(json.dumps({"subscribers": rows}))
    elif not rows:
        click.echo("No subscribers; write one: streamkeeper webhook add NAME --url URL")
    for row in rows if not as_json else ():
        if "refused" in row:
            click.echo(f"{row['name']}: cannot be used: {inert(row['refused'])}")
            continue
        narrowed = "".join(f"  {part}: {', '.join(row[part])}" for part in ("labels", "surfaces") if row[part])
        state = "" if row["enabled"] else "  (off)"
        wanted = f"{', '.join(row['actions'])}{narrowed}"
        click.echo(f"{row['name']}: {inert(row['url'])}  {wanted}  keys: {', '.join(row['keys'])}{state}")
    context.exit(FAILED if any("refused" in row for row in rows) else 0)


@webhook.command(epilog=_epilog("streamkeeper webhook remove shop"))
@click.argument("name")
@_options
def remove(name: str, stack: str, as_json: bool) -> None:
    """Forget a subscriber. What is on its way to it is not sent, and is no dead letter."""
    with _asking(stack) as subscribers:
        if name not in subscribers.found():
            raise CommandError(f"there is no subscriber {name!r}; see: streamkeeper webhook list")
        subscribers.remove(name)
    click.echo(json.dumps({"removed": name}) if as_json else f"removed {name}")


@webhook.command(epilog=_epilog("streamkeeper webhook letters --json"))
@_options
def letters(stack: str, as_json: bool) -> None:
    """Count the dead letters by subscriber and reason. They stay where they are."""
    with _asking(stack), progress("reading", clock=time.monotonic) as advance:
        counts = sorted(_letters(stack).counted().items())
        advance(len(counts), "")
    if as_json:
        rows = [{"subscriber": name, "reason": reason, "letters": count} for (name, reason), count in counts]
        click.echo(json.dumps({"letters": rows}))
        return
    for (name, reason), count in counts:
        click.echo(f"{count:>8}  {inert(name) or '(not yet for anybody)'}  {inert(reason)}")
    if not counts:
        click.echo("No dead letters.")


@webhook.command(epilog=_epilog("streamkeeper webhook redrive --subscriber shop"))
@click.option("--subscriber", help="Only this one's; else all.")
@_options
def redrive(subscriber: str | None, stack: str, as_json: bool) -> None:
    """Put dead letters back into the queue, to be tried for another day. They keep the ids that receivers know."""
    with _asking(stack), progress("sending", clock=time.monotonic) as advance:
        count = _letters(stack).redrive(
            lambda letter: subscriber is None or letter.subscriber == subscriber,
            on_sent=lambda sent: advance(sent, ""),
        )
    click.echo(json.dumps({"redriven": count}) if as_json else f"redriven: {count}")


def _letters(stack: str) -> Any:
    from glue.aws.clients import make_client
    from infra.operating.webhooks import Letters

    found = outputs(stack)
    return Letters(
        make_client("sqs"),
        queue_url=output(found, "WebhookQueueUrl", stack=stack),
        dead_letter_url=output(found, "WebhookDeadLetterQueueUrl", stack=stack),
    )


@contextmanager
def _asking(stack: str) -> Iterator[Any]:
    """The subscribers; whatever AWS refuses becomes this command's error."""
    from athena.aws.engine import failure_of
    from consumers.ports import DefectError, TransientError
    from glue.aws.clients import make_client
    from glue.aws.errors import AWS_ERRORS
    from infra.operating.webhooks import NotWrittenError, Subscribers

    try:
        yield Subscribers(make_client("ssm"), stack)
    except NotWrittenError as error:
        raise CommandError(str(error)) from error
    except (DefectError, TransientError) as error:
        raise UnreachableError(f"subscribers below /{stack}/webhooks: {error}") from error
    except AWS_ERRORS as error:
        raise UnreachableError(f"subscribers below /{stack}/webhooks: {failure_of(error)}") from error


def _checked(name: str) -> None:
    if not _NAME.match(name):
        raise WrongUseError(f"NAME: received {name!r}; allowed: 1 to 64 of A-Z a-z 0-9 _ -")


def _new_key(key_id: str | None = None, beside: "Sequence[Key]" = ()) -> "Key":
    from consumers.webhooks.subscribers import Key
    from infra.operating.webhooks import free_key_id

    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    return Key(key_id or free_key_id(beside, datetime.now(UTC).strftime("%Y-%m-%d")), secret)


def _say_key(name: str, key_id: str, secret: str | None, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"subscriber": name, "key_id": key_id, **({"secret": secret} if secret else {})}))
        return
    click.echo(f"written: {name}; newest key: {key_id}")
    if secret:
        click.echo(f"{secret}\nThis is the secret of that key. It is not shown again; the receiver needs it to verify.")
