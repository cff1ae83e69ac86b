"""What another process asks of a running laptop runtime, over its paths under ``/_twin/``."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode


class NotThereError(Exception):
    """No runtime answers there; the message says what was met."""


class Runtime:
    """A running laptop runtime.

    Args:
        endpoint_url: as ``up`` prints it.

    Raises (every method):
        NotThereError: nobody answers, or somebody else.
    """

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url.rstrip("/")
        # A proxy of the environment has no business between two programs of one machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def state(self) -> dict[str, Any]:
        """What is in flight and what was done."""
        return self._ask("state", method="GET", timeout=60.0)

    def records(self, delivery_stream: str, *, after: int = 0) -> list[dict[str, Any]]:
        """The newest records of a delivery stream after that number, oldest first: ``number`` and ``data``, as text."""
        query = {"stream": delivery_stream, "after": after}
        return list(self._ask("records", query, method="GET", timeout=60.0)["records"])

    def drain(self, timeout: float) -> dict[str, Any]:
        """Lands what is in flight.

        Args:
            timeout: seconds after which it gives up.

        Returns:
            ``drained``, ``seconds`` and the ``state`` at the end.
        """
        return self._ask("drain", {"timeout": timeout}, method="POST", timeout=timeout + 60.0)

    def _ask(
        self, path: str, query: Mapping[str, object] | None = None, *, method: str, timeout: float
    ) -> dict[str, Any]:
        url = f"{self.endpoint_url}/_twin/{path}{'?' + urlencode(query) if query else ''}"
        request = urllib.request.Request(url, method=method)  # noqa: S310 - checked to be a URL by whoever gives it
        try:
            with self._opener.open(request, timeout=timeout) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            raise NotThereError(f"{self.endpoint_url} answers {error.code} and is no laptop runtime") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise NotThereError(f"{self.endpoint_url} does not answer ({reason})") from error
        if not isinstance(found, dict) or not {"mappings", "drained", "records"} & found.keys():
            raise NotThereError(f"{self.endpoint_url} is no laptop runtime")
        return found
