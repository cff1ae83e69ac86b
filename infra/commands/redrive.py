"""``streamkeeper redrive``: the producers' command, which here also finds the stack's parts and masks what it shows."""

import click

from consumers.moderation.detectors.personal_data import propose
from consumers.moderation.excerpt import excerpt
from consumers.moderation.normalise import normalise
from glue.terminal.commands import examples_help, group
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from infra.commands.stack import outputs
from producers.commands.redrive import DEAD_LETTER_EXAMPLES, EPILOG, QUARANTINE_EXAMPLES, World, execute
from producers.commands.redrive_request import LETTER_OPTIONS, OPTIONS, LettersRequest, RedriveRequest

_LOOKED_AT = 4096


def masked(payload: bytes) -> str:
    """The beginning of a payload with personal data masked, in one line.

    >>> masked(b'{"text": "mail jo@example.org"}')
    '{"text": "mail [email]"}'
    """
    text = payload[:_LOOKED_AT].decode("utf-8", "replace")
    shown, is_cut = excerpt(text, propose(normalise(text).plain))
    return inert(f"{shown} ..." if is_cut or len(payload) > _LOOKED_AT else shown)


def _world(context: click.Context) -> World:
    return context.find_object(World) or World(outputs=outputs, mask=masked)


@group(
    epilog=examples_help(
        "streamkeeper redrive quarantine --list", "streamkeeper redrive dead-letters --since 2d --dry-run"
    )
)
def redrive() -> None:
    """Send what was set aside through the stream again: quarantined records, batches that Lambda gave up on.

    Each event carries its own first arrival, lands once, and is never redriven twice: what was redriven is recorded in
    the lake under redriven/.
    """


@redrive.command(epilog=QUARANTINE_EXAMPLES + EPILOG)
@takes(RedriveRequest, *OPTIONS)
def quarantine(context: click.Context, request: RedriveRequest) -> None:
    """Redrive quarantined records: as they are after an upgrade of the code, or as a fix makes them."""
    context.exit(execute(_world(context), request))


@redrive.command("dead-letters", epilog=DEAD_LETTER_EXAMPLES + EPILOG)
@takes(LettersRequest, *LETTER_OPTIONS, *OPTIONS)
def dead_letters(context: click.Context, request: LettersRequest) -> None:
    """Redrive the batches that Lambda gave up on."""
    context.exit(execute(_world(context), request))
