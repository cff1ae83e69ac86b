"""What Lambda calls: an application that is made once in an execution environment, and handles every event."""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

Answer_co = TypeVar("Answer_co", covariant=True)


class Application(Protocol[Answer_co]):
    """What handles events."""

    def handle(self, event: Any, context: Any, /) -> Answer_co: ...


class Handler(Generic[Answer_co]):
    """What Lambda calls with each event: an application that is made once, and handles every one.

    It is made at import in Lambda, where that is part of the cold start anyway; elsewhere by the first event, from the
    environment at that moment.

    Args:
        make: makes the application that environment variables describe.
    """

    def __init__(self, make: Callable[[Mapping[str, str]], Application[Answer_co]]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._application: Application[Answer_co] | None = None
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
            self.prepare()

    @property
    def is_ready(self) -> bool:
        """Whether the application is made."""
        return self._application is not None

    def prepare(self) -> Application[Answer_co]:
        """The application, made on the first call."""
        with self._lock:
            if self._application is None:
                self._application = self._make(os.environ)
            return self._application

    def __call__(self, event: Any, context: Any) -> Answer_co:
        """The answer to one event; see ``handle`` of the application."""
        return (self._application or self.prepare()).handle(event, context)
