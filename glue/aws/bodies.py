"""Calls with a body that is made here, and sent by botocore."""

import threading
from collections.abc import Callable
from typing import Any


class OwnBody:
    """One operation of a client, called with its body as bytes; safe to use from several threads.

    Where a call carries much, botocore's serializer takes longer than all the rest of it: it walks through every
    value, and has ``json`` look for characters to escape in base64. Its documented event ``before-call`` hands over the
    request before it is signed; endpoint, signature, connection, retries and answer stay botocore's.

    Args:
        client: a client of botocore with parameter validation off: it gets no parameters to validate.
        method: what the client calls the operation, such as ``put_records``.

    Source: https://docs.aws.amazon.com/boto3/latest/guide/events.html
    """

    def __init__(self, client: Any, method: str) -> None:
        self._method: Callable[..., Any] = getattr(client, method)
        self._here = threading.local()
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"before-call.{service}.{client.meta.method_to_api_mapping[method]}", self._put_in)

    def __call__(self, *, body: bytes, **parameters: object) -> Any:
        """botocore's answer, and its exceptions.

        Args:
            body: the whole request, as the service reads it.
            parameters: those that botocore looks at to choose an endpoint; the others may be empty.
        """
        self._here.body = body
        try:
            return self._method(**parameters)
        finally:
            self._here.body = None

    def _put_in(self, params: dict[str, Any], **_: object) -> None:
        body = getattr(self._here, "body", None)
        if body is not None:
            params["body"] = body
