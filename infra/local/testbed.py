"""What tests may do with a runtime: empty it, move its clock, switch faults on, and see its functions' invocations."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid4

import msgspec

from infra.local.awslambda.functions import THROTTLED, Functions, Invoked
from infra.local.baseline import Baseline, BaselineLostError
from infra.local.clock import SystemClock
from infra.local.errors import ApiError
from infra.local.faults import Fault, Faults

KEPT_INVOCATIONS: Final = 10_000
"""The newest are kept: a runtime that a test left running must not fill the memory."""

_LONGEST_MOVE: Final = 400 * 86_400.0


class MovableClock:
    """The machine's time and as many seconds more or less as a test says.

    >>> clock = MovableClock(lambda: 100.0)
    >>> clock.move(3600.0)
    >>> clock.now()
    3700.0
    """

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self._now = now or SystemClock().now
        self._offset = 0.0

    def now(self) -> float:
        """Epoch seconds."""
        return self._now() + self._offset

    def move(self, seconds: float) -> None:
        """Moves it forward, or back for less than 0; at most 400 days from the machine's.

        Raises:
            ValueError: further than that.
        """
        moved = self._offset + seconds
        if not -_LONGEST_MOVE <= moved <= _LONGEST_MOVE:
            raise ValueError(
                f"the clock would be {moved:.0f} s from the machine's; at most {_LONGEST_MOVE:.0f} s are allowed"
            )
        self._offset = moved

    @property
    def offset(self) -> float:
        """Seconds that it is ahead of the time that functions read."""
        return self._offset

    def reset(self) -> None:
        """Shows the machine's time again."""
        self._offset = 0.0


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """One invocation of a function, with its event and answer as they were sent.

    Args:
        number: counts up from 1.
        error: Lambda's, None when the function answered.
        at: epoch seconds of the runtime's clock.
    """

    number: int
    function: str
    request_id: str
    event: msgspec.Raw
    answer: msgspec.Raw
    error: str | None
    at: float


class Testbed:
    """A runtime's part for tests.

    Args:
        clock: what the runtime's services read the time from.
        faults: what its calls meet.
    """

    __test__ = False  # not a test, whatever its name

    def __init__(self, *, clock: MovableClock | None = None) -> None:
        self.clock = clock or MovableClock()
        self.faults = Faults()
        self._baseline: Baseline | None = None
        self._look: Callable[[], None] = lambda: None
        self._invocations: deque[Invocation] = deque(maxlen=KEPT_INVOCATIONS)
        self._count = 0
        self._lock = threading.Lock()

    def functions(self, **settings: Any) -> Functions:
        """Functions whose invocations are kept, and meet the faults."""
        return _WatchedFunctions(self, **settings)

    def begin(self, baseline: Baseline, *, look: Callable[[], None] = lambda: None) -> None:
        """Takes up what the runtime is emptied to.

        Args:
            look: has every reader read what there is, before the clock moves: what was put before then counts from
                then.
        """
        self._baseline = baseline
        self._look = look

    def clear(self) -> None:
        """Empties the runtime, switches all faults off and sets the clock right.

        Raises:
            BaselineLostError: something of the stack is gone.
        """
        self.faults.remove()
        if self._baseline is None:
            raise BaselineLostError("the runtime has not started")
        self.clock.reset()
        self._baseline.restore()
        with self._lock:
            self._invocations.clear()

    def invocations(self, after: int = 0) -> list[Invocation]:
        """The invocations after that number, in the order in which they ended."""
        with self._lock:
            return [one for one in self._invocations if one.number > after]

    def note(self, function: str, payload: bytes, done: Invoked) -> None:
        """Keeps an invocation that has ended."""
        with self._lock:
            self._count += 1
            self._invocations.append(
                Invocation(
                    number=self._count,
                    function=function,
                    request_id=done.request_id,
                    event=msgspec.Raw(payload or b"{}"),
                    answer=msgspec.Raw(done.payload or b"null"),
                    error=done.error,
                    at=self.clock.now(),
                )
            )

    def handle(self, method: str, name: str, query: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None:
        """The answer to a call of ``/_twin/NAME``: HTTP status and JSON document; None for a name that is not ours."""
        try:
            match method, name:
                case "POST", "clear":
                    started = time.perf_counter()
                    self.clear()
                    return _answer({"seconds": round(time.perf_counter() - started, 6)})
                case "GET", "clock":
                    return _answer({"now": self.clock.now()})
                case "POST", "clock":
                    seconds = _seconds(query)
                    self._look()
                    self.clock.move(seconds)
                    # Whoever sleeps until something comes in would not see that something is due.
                    self._look()
                    return _answer({"now": self.clock.now()})
                case "GET", "faults":
                    return _answer(self.faults.listed())
                case "POST", "faults":
                    return _answer({"id": self.faults.add(msgspec.json.decode(body, type=Fault))})
                case "DELETE", "faults":
                    self.faults.remove(int(query["id"]) if "id" in query else None)
                    return _answer({})
                case "GET", "invocations":
                    return _answer(self.invocations(int(query.get("after", 0))))
                case _, "clear" | "clock" | "faults" | "invocations":
                    return 405, msgspec.json.encode({"message": f"{method} is not for /_twin/{name}"})
        except BaselineLostError as error:
            return 409, msgspec.json.encode({"message": f"{error}; start the runtime anew"})
        except (ValueError, msgspec.ValidationError) as error:
            return 400, msgspec.json.encode({"message": str(error)})
        return None


class _WatchedFunctions(Functions):
    def __init__(self, testbed: Testbed, **settings: Any) -> None:
        super().__init__(**settings)
        self._testbed = testbed

    def run(self, name_or_arn: str, payload: bytes) -> Invoked:
        name = self.get(name_or_arn).settings.name
        fault = self._testbed.faults.of_function(name)
        if fault is None:
            done = super().run(name_or_arn, payload)
        elif fault.kind == "function_throttle":
            raise ApiError(THROTTLED, "Rate Exceeded.", 429)
        else:
            if fault.after_effects:
                super().run(name_or_arn, payload)
            done = _failed(fault, self.get(name_or_arn).settings.timeout_seconds)
        self._testbed.note(name, payload, done)
        return done


def _failed(fault: Fault, timeout: float) -> Invoked:
    request_id = str(uuid4())
    if fault.kind == "function_timeout":
        kind, message = "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
    else:
        kind, message = fault.error, "a test asked for this"
    document = {"errorMessage": message, "errorType": kind}
    seconds = timeout if fault.kind == "function_timeout" else 0.0
    return Invoked(request_id=request_id, payload=json.dumps(document).encode(), error="Unhandled", seconds=seconds)


def _answer(document: object) -> tuple[int, bytes]:
    return 200, msgspec.json.encode(document)


def _seconds(query: Mapping[str, str]) -> float:
    try:
        seconds = float(query["advance"])
    except (KeyError, ValueError):
        raise ValueError(f"advance is {query.get('advance')!r}; allowed: a number of seconds") from None
    if seconds != seconds:
        raise ValueError("advance is no number of seconds")
    return seconds
