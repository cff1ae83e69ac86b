"""The stack's functions in this process, on the game day's clock: a day of batches in seconds."""

import contextlib
import io
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import uuid4

from consumers.aws import (
    archive_handler,
    moderate_handler,
    score_handler,
    transform_handler,
    wait_handler,
    webhook_handler,
)
from consumers.aws.application import Application
from consumers.ports import ManagedServices
from infra.local.awslambda.functions import THROTTLED, Functions, FunctionSettings, Invoked
from infra.local.errors import ApiError
from infra.local.faults import Faults
from infra.local.testbed import MovableClock


class Made(Protocol):
    """What answers an invocation."""

    def handle(self, event: Any, context: Any) -> Any:
        """The answer."""


def _without_ai(make: Callable[..., Made]) -> Callable[..., Made]:
    return lambda environment, *, managed, clock: make(environment, clock=clock)


MAKERS: Mapping[str, Callable[..., Made]] = {
    "consumers.aws.archive_handler.handle": archive_handler.application,
    "consumers.aws.moderate_handler.handle": moderate_handler.application,
    "consumers.aws.score_handler.handle": _without_ai(score_handler.ScoreApplication),
    "consumers.aws.transform_handler.handle": transform_handler.application,
    "consumers.aws.wait_handler.handle": _without_ai(wait_handler.WaitApplication),
    "consumers.aws.webhook_handler.handle": _without_ai(webhook_handler.WebhookApplication),
}


class GameClock(MovableClock):
    """A clock that stands still until a game day, or a function that waits, moves it."""

    offset = 0.0

    def __init__(self, start: float) -> None:
        super().__init__(lambda: start)

    def sleep(self, seconds: float) -> None:
        """Lets the time pass for everybody."""
        self.move(seconds)

    def random(self) -> float:
        """Chance without surprises."""
        return 0.5


class _Context:
    def __init__(self, clock: GameClock, seconds: float) -> None:
        self._clock, self._end = clock, clock.now() + seconds

    def get_remaining_time_in_millis(self) -> float:
        return max(0.0, self._end - self._clock.now()) * 1000


class VirtualFunctions(Functions):
    """Runs the handlers' applications here, one invocation at a time.

    Args:
        clock: what they read the time from.
        faults: what invocations meet.
        **settings: of the runtime's functions.
    """

    def __init__(self, clock: GameClock, faults: Faults, **settings: Any) -> None:
        super().__init__(**settings)
        self.managed: ManagedServices | None = None
        """Managed AI, for the applications that are made from now on."""
        self.before: Callable[[str], None] = lambda name: None
        """Called at the beginning of each invocation; lets a version be wrong."""
        self.slow = 0.0
        """Seconds that each invocation takes, by what it calls."""
        self.poison = ""
        """A word at which the code fails."""
        self._clock, self._faults = clock, faults
        self._applications: dict[str, Made] = {}
        self._one = threading.RLock()

    def begin_anew(self) -> None:
        """Starts every function cold."""
        with self._one:
            self._applications.clear()
            self.managed, self.before = None, lambda name: None
            self.poison, self.slow = "", 0.0

    def run(self, name_or_arn: str, payload: bytes) -> Invoked:
        """What an invocation gives."""
        settings = self.get(name_or_arn).settings
        fault = self._faults.of_function(settings.name)
        if fault is not None and fault.kind == "function_throttle":
            raise ApiError(THROTTLED, "Rate Exceeded.", 429)
        with self._one:
            started, output = self._clock.now(), io.StringIO()
            answer, error = self._invoke(settings, payload, output, fails=fault is not None)
            seconds = self._clock.now() - started + self.slow
        if fault is not None and fault.kind == "function_timeout":
            seconds = settings.timeout_seconds + 1.0
        if seconds > settings.timeout_seconds:
            answer, error = {"errorType": "Sandbox.Timedout", "errorMessage": "timed out"}, "Unhandled"
            seconds = float(settings.timeout_seconds)
        self._log.write(settings.log_group_name, "game-day", output.getvalue().splitlines())
        return Invoked(request_id=str(uuid4()), payload=json.dumps(answer).encode(), error=error, seconds=seconds)

    def _invoke(
        self, settings: FunctionSettings, payload: bytes, output: io.StringIO, *, fails: bool
    ) -> tuple[Any, str | None]:
        try:
            with contextlib.redirect_stdout(output):
                self.before(settings.name)
                if fails:
                    return {"errorType": "RuntimeError", "errorMessage": "a game day asked for this"}, "Unhandled"
                context = _Context(self._clock, settings.timeout_seconds)
                return self._application(settings).handle(json.loads(payload), context), None
        except Exception as error:
            return {"errorType": type(error).__name__, "errorMessage": str(error)}, "Unhandled"

    def _application(self, settings: FunctionSettings) -> Made:
        if settings.name not in self._applications:
            environment = {
                **settings.environment,
                "AWS_LAMBDA_FUNCTION_NAME": settings.name,
                "AWS_LAMBDA_LOG_GROUP_NAME": settings.log_group_name,
            }
            make = MAKERS[settings.handler]
            self._applications[settings.name] = make(environment, managed=self.managed, clock=self._clock)
            made = self._applications[settings.name]
            if self.poison and isinstance(made, Application):
                rows = made._parts.rows
                poisoned: Any = Poisoned(rows._moderator, self.poison)
                rows.use(poisoned)
        return self._applications[settings.name]

    def restart(self) -> None:
        """Starts every function cold, with what was set since."""
        with self._one:
            self._applications.clear()


class Poisoned:
    """A moderator that a word makes fail.

    Args:
        moderator: judges everything else.
        word: at which it fails.
    """

    def __init__(self, moderator: Any, word: str) -> None:
        self._moderator, self._word = moderator, word

    def __getattr__(self, name: str) -> Any:
        return getattr(self._moderator, name)

    def judge(self, text: str, **named: Any) -> Any:
        """What the other says.

        Raises:
            KeyError: the word is in the text.
        """
        if self._word in text:
            raise KeyError(self._word)
        return self._moderator.judge(text, **named)

    def judge_all(self, contents: Sequence[Any]) -> list[Any]:
        """What the other says to each.

        Raises:
            KeyError: the word is in one of the texts.
        """
        return [self.judge(one.text, surface=one.surface, language=one.language) for one in contents]
