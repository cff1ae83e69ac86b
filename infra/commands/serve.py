"""``streamkeeper serve``: scores and verdicts by HTTP, and the keys of those who may ask."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from glue.aws.options import aws_options
from glue.aws.settings import aws_settings
from glue.terminal.commands import examples_help, group
from glue.terminal.errors import CommandError, WrongUseError, exit_codes_help

if TYPE_CHECKING:
    from infra.serving.redirect_service import Redirected

PORT = 8700
KEYS = Path("streamkeeper-keys.json")
PER_MINUTE = 60
TRUSTING = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPLIB2_CA_CERTS", "NODE_EXTRA_CA_CERTS")
"""Where clients are told whom to trust: Python, Go and Rust; requests; httplib2; Node."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")

_keys_option = click.option(
    "--keys",
    "keys_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=KEYS,
    show_default=True,
    envvar="STREAMKEEPER_KEYS",
    help="The file of keys; it holds their hashes only.",
)


@group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  streamkeeper serve keys add web --per-minute 6000
  streamkeeper serve
  streamkeeper serve --host 0.0.0.0 --processes 4 --access-log /var/log/scores.jsonl --behind-proxy
  streamkeeper serve --stream streamkeeper-content --endpoint-url http://localhost:4566

"""
    + exit_codes_help(done="stopped by Ctrl-C or SIGTERM", failed="the port is taken, or there is no key"),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; 0.0.0.0 is all.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option(
    "--processes",
    default=os.cpu_count() or 1,
    show_default="one a core",
    type=click.IntRange(1, 256),
    help="How many answer at the same time.",
)
@click.option("--policy", "policy_name", default="default", show_default=True, help="A file, or a name in the bundle.")
@_keys_option
@click.option(
    "--default-language",
    default="en",
    show_default=True,
    help="The language assumed for a text in Latin letters that is too short to identify.",
)
@click.option(
    "--cors-origin",
    "cors_origins",
    multiple=True,
    metavar="ORIGIN",
    help="An origin whose pages may call this, such as https://example.com; * allows all. Repeatable.",
)
@click.option(
    "--access-log", default="-", show_default=True, help="A file for a JSON line a request; - is standard error."
)
@click.option("--no-access-log", is_flag=True, help="Write no line for each request.")
@click.option(
    "--max-body",
    default=4 << 20,
    show_default=True,
    type=click.IntRange(1024, 64 << 20),
    help="Bytes of a request's body.",
)
@click.option(
    "--stream",
    default="",
    metavar="NAME",
    help="Put scored texts on this Kinesis stream, but for those that say doNotStore.",
)
@click.option(
    "--redirect",
    "redirect_folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Also serve clients that have Perspective's host name hard-coded: starts a proxy to name in HTTPS_PROXY, and "
    "writes a certificate to trust into FOLDER.",
)
@click.option(
    "--redirect-port",
    default=8701,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="The proxy's port; 0: any.",
)
@click.option(
    "--redirect-tls-port",
    default=0,
    type=click.IntRange(0, 65535),
    help="The TLS listener's port, such as 443 for an entry in /etc/hosts; by default any free one.",
)
@click.option("--redirect-host", default="127.0.0.1", show_default=True, help="The address that both listen on.")
@click.option("--behind-proxy", is_flag=True, help="Believe X-Forwarded-Proto and X-Forwarded-Host.")
@click.option("--open-metrics", is_flag=True, help="Show /metrics without a key.")
@click.option("--json", "as_json", is_flag=True, help="When ready, print one JSON line: the address.")
@aws_options
@click.pass_context
def serve(
    context: click.Context,
    *,
    host: str,
    port: int,
    processes: int,
    policy_name: str,
    keys_path: Path,
    default_language: str,
    cors_origins: tuple[str, ...],
    access_log: str,
    no_access_log: bool,
    max_body: int,
    stream: str,
    redirect_folder: Path | None,
    redirect_port: int,
    redirect_tls_port: int,
    redirect_host: str,
    behind_proxy: bool,
    open_metrics: bool,
    as_json: bool,
) -> None:
    """Score texts by HTTP, in Perspective's form and in a plain one, until Ctrl-C.

    POST /v1alpha1/comments:analyze?key=KEY and POST /v1/moderate; docs/score-text.md shows both with curl. Nothing of
    a text or a key is in any log.
    """
    if context.invoked_subcommand is not None:
        return
    # Imported here: other commands need not wait for it.
    from consumers.moderation.moderator import Moderator
    from consumers.moderation.policy import Policy, PolicyError
    from consumers.policy_tools.loading import files_beside, read_text, unusable
    from consumers.scoring.service import Settings
    from infra.serving.application import Limits
    from infra.serving.keys_file import KeysError, KeysFile
    from infra.serving.server import ServeSettings, free_port, is_taken
    from infra.serving.server import serve as run

    if not _LANGUAGE.fullmatch(default_language):
        raise WrongUseError(f"--default-language is {default_language!r}; allowed: a tag such as en or de")
    try:
        if not KeysFile(keys_path).stored():
            raise CommandError(f"{keys_path} has no key; make one: streamkeeper serve keys add NAME --keys {keys_path}")
    except KeysError as error:
        raise CommandError(str(error)) from error
    if port == 0:
        port = free_port(host)
    elif is_taken(host, port):
        raise CommandError(f"port {port} of {host} is taken; stop whoever has it, or give another --port")
    text, files = read_text(policy_name), dict[str, str]()
    try:
        Moderator(Policy.load(text, files=_remembering(files_beside(policy_name), files)))
    except PolicyError as error:
        raise unusable(f"--policy {policy_name}", error, WrongUseError) from error
    url = f"http://{host}:{port}"

    with tempfile.TemporaryDirectory(prefix="streamkeeper-serve-") as folder:
        settings = ServeSettings(
            host=host,
            port=port,
            processes=processes,
            policy=text,
            policy_files=files,
            keys=keys_path.absolute(),
            run=Path(folder),
            service=Settings(default_language, tuple(cors_origins)),
            limits=Limits(body_bytes=max_body),
            access_log="" if no_access_log else access_log,
            stream=stream,
            aws=aws_settings(),
            open_metrics=open_metrics,
            behind_proxy=behind_proxy,
        )
        _check_log(settings.access_log)
        with ExitStack() as ending:
            redirected: Redirected | None = None
            if redirect_folder is not None:
                from infra.serving.redirect_service import redirecting

                for other in filter(None, (redirect_port, redirect_tls_port)):
                    if is_taken(redirect_host, other):
                        raise CommandError(f"port {other} of {redirect_host} is taken, or not yours to listen on")
                try:
                    redirected = ending.enter_context(
                        redirecting(
                            settings,
                            address=redirect_host,
                            port=redirect_port,
                            tls_port=redirect_tls_port,
                            folder=redirect_folder,
                        )
                    )
                except OSError as error:
                    said = error.strerror or error
                    raise CommandError(f"--redirect {redirect_folder}: {said}; name another folder") from error

            def ready() -> None:
                document = _document(url, processes, redirected)
                click.echo(json.dumps(document) if as_json else _told(url, processes, redirected))
                sys.stdout.flush()

            run(settings, ready)
    click.echo("Stopped.", err=True)


def _check_log(path: str) -> None:
    """Whether the access log can be written: said once here, and not by each process that answers."""
    if path in ("", "-"):
        return
    try:
        open(path, "ab").close()
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}; give another --access-log") from error


def _remembering(read: Callable[[str], str] | None, files: dict[str, str]) -> Callable[[str], str] | None:
    if read is None:
        return None

    def remember(name: str) -> str:
        files[name] = read(name)
        return files[name]

    return remember


def _document(url: str, processes: int, redirected: "Redirected | None") -> dict[str, Any]:
    document: dict[str, Any] = {"url": url, "processes": processes}
    if redirected is not None:
        authority = str(redirected.certificate.authority.absolute())
        document |= {"proxy": redirected.proxy, "tls_port": redirected.tls_port, "authority": authority}
    return document


def _told(url: str, processes: int, redirected: "Redirected | None") -> str:
    lines = _how_to_ask(url, processes)
    if redirected is not None:
        authority = redirected.certificate.authority.absolute()
        trusting = " ".join(f"{variable}={authority}" for variable in TRUSTING)
        lines += f"""
Clients with Perspective's host written into them:
  export HTTPS_PROXY={redirected.proxy}
  export {trusting}"""
    return lines


def _how_to_ask(url: str, processes: int) -> str:
    return f"""Scores are at {url} until Ctrl-C, from {processes} process{"es" if processes > 1 else ""}.
  curl '{url}/v1/moderate' -H 'Authorization: Bearer KEY' -d '{{"text": "You are a complete idiot."}}'"""


@serve.group(
    epilog="""\b
Example:
  streamkeeper serve keys add web --per-minute 6000
"""
)
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command(
    epilog="""\b
Examples:
  streamkeeper serve keys add web
  streamkeeper serve keys add forum --per-minute 0
  streamkeeper serve keys add old-client --key-from - < key.txt

"""
    + exit_codes_help(failed="the name or the key is taken, or the file cannot be written")
)
@click.argument("name")
@click.option(
    "--per-minute",
    default=PER_MINUTE,
    show_default=True,
    type=click.IntRange(0, 10_000_000),
    help="Texts a minute; 0: any number.",
)
@click.option("--key-from", type=click.File("r"), help="Take a key that clients have already from a file; - is stdin.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line: name and key.")
@_keys_option
def add(name: str, per_minute: int, key_from: TextIO | None, as_json: bool, keys_path: Path) -> None:
    """Create a key and show it once. A running server accepts it within a second."""
    from infra.serving.keys_file import KeysError, KeysFile

    if not _NAME.fullmatch(name):
        raise WrongUseError("NAME is not one; allowed: 1 to 64 of A-Z a-z 0-9 . _ -")
    given = key_from.read().strip() if key_from is not None else None
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        made = KeysFile(keys_path).add(name, per_minute=per_minute, created_at=now, key=given)
    except KeysError as error:
        raise CommandError(str(error)) from error
    if as_json:
        click.echo(json.dumps({"name": name, "key": made, "per_minute": per_minute}))
    elif given is None:
        click.echo(f"{made}\nThis is the key of {name}. It is not shown again: {keys_path} holds its hash.")
    else:
        click.echo(f"The key of {name} is taken.")


@keys.command(
    name="list",
    epilog=examples_help("streamkeeper serve keys list --json") + exit_codes_help(failed="the file holds no keys"),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--for-template", is_flag=True, help="One line, as the template's parameter ScoreKeys takes it.")
@_keys_option
def list_keys(as_json: bool, for_template: bool, keys_path: Path) -> None:
    """Show who has a key, and the limit of each."""
    from infra.serving.keys_file import KeysError, KeysFile

    try:
        stored = KeysFile(keys_path).stored()
    except KeysError as error:
        raise CommandError(str(error)) from error
    if for_template:
        click.echo(",".join(f"{one.name}:{one.sha256}:{one.per_minute}" for one in stored))
        return
    if as_json:
        rows = [{"name": one.name, "per_minute": one.per_minute, "created_at": one.created_at} for one in stored]
        click.echo(json.dumps({"keys": rows}))
        return
    for one in stored:
        limit = f"{one.per_minute:,} texts a minute" if one.per_minute else "no limit"
        click.echo(f"{one.name}  {limit}  since {one.created_at}")
    if not stored:
        click.echo("No keys; make one: streamkeeper serve keys add NAME")


@keys.command(
    epilog=examples_help("streamkeeper serve keys revoke web") + exit_codes_help(failed="there is no such key")
)
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON line.")
@_keys_option
def revoke(name: str, as_json: bool, keys_path: Path) -> None:
    """Revoke a key. A running server refuses it within a second."""
    from infra.serving.keys_file import KeysError, KeysFile

    try:
        KeysFile(keys_path).revoke(name)
    except KeysError as error:
        raise CommandError(str(error)) from error
    click.echo(json.dumps({"revoked": name}) if as_json else f"The key of {name} is good no more.")
