"""Faults of a running pipeline, switched on by tests."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from infra.testing.runtime import TestRuntime


class SwitchedOn:
    """A fault that is on; ``with`` switches it off at its end, and so does the end of the test."""

    def __init__(self, runtime: TestRuntime, number: int) -> None:
        self._runtime = runtime
        self._number = number
        self._struck: int | None = None

    @property
    def struck(self) -> int:
        """How often it has struck so far."""
        if self._struck is not None:
            return self._struck
        found = [fault["struck"] for fault in self._runtime.ask("GET", "faults") if fault["id"] == self._number]
        return int(found[0]) if found else 0

    def off(self) -> None:
        """Switches it off; how often it struck is still known. Calling it twice is fine."""
        self._struck = self.struck
        self._runtime.ask("DELETE", "faults", {"id": self._number})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.off()


class Faults:
    """Switches faults on. They meet the functions and your own code, never the fixture's own calls.

    A call is named ``SERVICE`` or ``SERVICE.Operation``, as in ``firehose.PutRecordBatch``. ``times`` is how often a
    fault strikes; without it, until it is switched off.
    """

    def __init__(self, runtime: TestRuntime, function_name: Callable[[str], str]) -> None:
        self._runtime = runtime
        self._function_name = function_name

    def throttle(self, call: str, *, times: int | None = None) -> SwitchedOn:
        """Calls are refused as their service does when it is asked too much."""
        return self._on(kind="throttle", call=call, times=times)

    def partial_failure(self, call: str, *, every: int = 2, times: int | None = None) -> SwitchedOn:
        """Every so many entries of a call fail: of kinesis.PutRecords, firehose.PutRecordBatch, events.PutEvents."""
        return self._on(kind="partial_failure", call=call, every=every, times=times)

    def lost_answer(self, call: str, *, times: int | None = None) -> SwitchedOn:
        """Calls have their effect and are answered with a server's error."""
        return self._on(kind="lost_answer", call=call, times=times)

    def function_timeout(
        self, function: str = "", *, times: int | None = None, after_effects: bool = False
    ) -> SwitchedOn:
        """Invocations time out.

        Args:
            function: by its logical id or its name; every one without it.
            after_effects: the function has done its work before, so that it comes again.
        """
        return self._on(
            kind="function_timeout", function=self._function_name(function), times=times, after_effects=after_effects
        )

    def function_error(
        self, function: str = "", *, error: str = "RuntimeError", times: int | None = None, after_effects: bool = False
    ) -> SwitchedOn:
        """Invocations fail with an error of that type."""
        return self._on(
            kind="function_error",
            function=self._function_name(function),
            error=error,
            times=times,
            after_effects=after_effects,
        )

    def function_throttle(self, function: str = "", *, times: int | None = None) -> SwitchedOn:
        """Invocations are not begun, for want of concurrency."""
        return self._on(kind="function_throttle", function=self._function_name(function), times=times)

    def denied(self, call: str, *, by: str = "", where: str = "", times: int | None = None) -> SwitchedOn:
        """AWS's own readers and writers are refused, as for a missing right: ``kinesis.GetRecords``, ``s3.PutObject``.

        Args:
            by: the name of the function whose mapping is refused, or of the delivery stream; every one without it.
            where: how the keys of the objects begin that cannot be written.
        """
        return self._on(kind="denied", call=call, by=by, where=where, times=times)

    def off(self) -> None:
        """Switches all of them off."""
        self._runtime.ask("DELETE", "faults")

    def _on(self, **fault: Any) -> SwitchedOn:
        return SwitchedOn(self._runtime, self._runtime.ask("POST", "faults", body=fault)["id"])
