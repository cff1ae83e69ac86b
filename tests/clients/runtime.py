"""A laptop runtime in a process of its own, started as a user starts it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.clients.environments import ROOT

_STOP_SECONDS = 60
# What the machine may have set for another endpoint or another authority.
_FOREIGN = ("AWS_", "SSL_CERT", "REQUESTS_CA", "NODE_EXTRA_CA", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS")


class Runtime(Struct, frozen=True):
    """Where it is, as ``up --json`` says it.

    Args:
        ready: the line itself.
        scratch: a folder for what a client writes.
    """

    ready: dict[str, Any]
    scratch: Path

    @property
    def url(self) -> str:
        return str(self.ready["endpoint_url"])

    @property
    def tls_url(self) -> str:
        return str(self.ready["tls_endpoint_url"])

    @property
    def outputs(self) -> dict[str, str]:
        return dict(self.ready["outputs"])

    def environment(self, **more: str) -> dict[str, str]:
        """This process's, with the lines that ``up`` prints."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return {
            **mine,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.ready["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.ready["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": self.ready["region"],
            "AWS_REGION": self.ready["region"],
            "AWS_EC2_METADATA_DISABLED": "true",
            **more,
        }

    def over_tls(self) -> dict[str, str]:
        """The same for a client that is to speak TLS."""
        authority = str(self.ready["ca_bundle"])
        return self.environment(AWS_ENDPOINT_URL=self.tls_url, AWS_CA_BUNDLE=authority, NODE_EXTRA_CA_CERTS=authority)

    def client(self, service: str) -> Any:
        """boto3's, to prepare and to look at what a client did."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.ready["region"],
            aws_access_key_id=self.ready["aws_access_key_id"],
            aws_secret_access_key=self.ready["aws_secret_access_key"],
        )


@contextmanager
def running(scratch: Path, *more: str) -> Iterator[Runtime]:
    """``streamkeeper up --port 0 --tls`` with more options, until the block ends."""
    with (scratch / "runtime.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "infra", "up", "--port", "0", "--tls", "--json", *more],
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=ROOT,
            text=True,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the runtime did not start; see {scratch / 'runtime.log'}")
            yield Runtime(ready=json.loads(line), scratch=scratch)
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)
