"""The boto3 clients by which the runtime itself makes its stack."""

import secrets
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class OwnClients:
    """The twin's own boto3 clients, whose calls are admitted while others still wait."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._key = f"TWIN{secrets.token_hex(8).upper()}"
        self._session: Any = None
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def made(self, environ: "WSGIEnvironment") -> bool:
        """Whether a call comes from one of these."""
        return f"Credential={self._key}/" in str(environ.get("HTTP_AUTHORIZATION", ""))

    def of(self, service: str, endpoint_url: str) -> Any:
        """The client of a service."""
        import boto3
        from botocore.config import Config

        from glue.aws.service_data import core_session

        with self._lock:
            if self._session is None:
                self._session = boto3.Session(
                    botocore_session=core_session(),
                    aws_access_key_id=self._key,
                    aws_secret_access_key="test",  # noqa: S106 - a twin asks for none
                    region_name=self._region,
                )
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,
                    endpoint_url=endpoint_url,
                    config=Config(
                        # A mistake must show here at once, and nothing on this machine is far away.
                        retries={"total_max_attempts": 1},
                        s3={"addressing_style": "path"},
                        proxies={},
                    ),
                )
            return self._clients[service]
