"""What ``up`` says once the runtime is ready."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


def show_ready(
    ready: Mapping[str, Any], *, seconds: float, data: str | None, template: Path | None, as_json: bool, detached: bool
) -> None:
    """Prints how to reach the runtime.

    Args:
        ready: ``endpoint_url``, ``region``, the credentials and the stack's ``outputs``; with TLS also
            ``tls_endpoint_url`` and ``ca_bundle``.
        seconds: how long it took.
        data: the folder of ``--data``.
        as_json: one line of JSON instead.
        template: the user's own, if it is not the project's.
        detached: whether it runs on when this process ends.
    """
    if as_json:
        click.echo(json.dumps(ready))
        return
    url, outputs = ready["endpoint_url"], ready["outputs"]
    click.echo(
        f"The stack of {template or 'infra/aws/template.yaml'} is up ({seconds:.1f} s). "
        + ("Paste:\n" if detached else "In another terminal, paste:\n")
    )
    click.echo(f"export AWS_ENDPOINT_URL={url}")
    click.echo(
        f"export AWS_ACCESS_KEY_ID={ready['aws_access_key_id']} AWS_SECRET_ACCESS_KEY={ready['aws_secret_access_key']}"
    )
    click.echo(f"export AWS_DEFAULT_REGION={ready['region']} AWS_REGION={ready['region']}\n")
    if "tls_endpoint_url" in ready:
        _show_tls(ready["tls_endpoint_url"], Path(ready["ca_bundle"]))
    if template is None:
        click.echo("and then, for instance:\n")
        click.echo("streamkeeper produce --synthetic 10000")
        click.echo("streamkeeper report actions_by_hour")
        click.echo("streamkeeper query 'SELECT action, count(*) FROM current_verdicts GROUP BY 1'\n")
    width = max(map(len, outputs), default=0)
    for name, value in sorted(outputs.items()):
        click.echo(f"{name:<{width}}  {value}")
    click.echo(
        "\nWhat is to land is buffered as on AWS, for minutes; `streamkeeper drain` lands it now, "
        "`streamkeeper status` shows what is in flight.\n"
        + (f"Everything is kept in {data}. " if data else "Nothing is kept when it stops. ")
        + ("`streamkeeper down` stops it." if detached else "Ctrl-C stops it.")
    )


def _show_tls(url: str, authority: Path) -> None:
    """How each kind of client is told to trust the certificate; nothing on this machine is changed."""
    given, store = shlex.quote(str(authority)), shlex.quote(str(authority.with_name("truststore.p12")))
    click.echo(f"Over TLS: {url}. To trust its certificate:\n")
    click.echo(f"export AWS_CA_BUNDLE={given}        # aws, boto3, Go")
    click.echo(f"export NODE_EXTRA_CA_CERTS={given}  # JavaScript")
    click.echo(f"export SSL_CERT_FILE={given}        # curl, and what else reads OpenSSL's")
    click.echo(
        f"keytool -importcert -noprompt -alias streamkeeper -file {given} -keystore {store} -storepass changeit\n"
        f"export JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore={store}  # Java\n"
    )
