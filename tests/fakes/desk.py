"""The produce command beside a stream in memory, in a folder of its own."""

from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner, Result

from infra.commands.produce import produce
from producers.commands.produce import World
from tests.fakes.stream import FakeStream, VirtualClock


class Desk:
    """A command, a stream that takes what it sends, and a clock that stands still.

    Args:
        now: epoch seconds.
    """

    def __init__(self, now: float) -> None:
        self.clock = VirtualClock(now)
        self.stream = FakeStream()
        self.asked: list[str] = []

    def run(self, *arguments: str, stdin: bytes | None = None) -> Result:
        """What the command says to these arguments."""

        def connect(name: str, in_flight: int) -> FakeStream:
            self.asked.append(name)
            return self.stream

        world = World(
            stream_of=lambda stack: f"{stack}-content",
            connect=connect,
            deferred_of=lambda stack: f"{stack}-deferred",
            connect_deferred=connect,
            clock=self.clock,
        )
        return CliRunner().invoke(produce, arguments, obj=world, input=stdin)

    def texts(self) -> list[str]:
        """The texts that the stream has taken, sorted."""
        return sorted(event["text"] for event in self.events())

    def events(self) -> list[dict[str, Any]]:
        """What the stream has taken, decoded."""
        return [msgspec.json.decode(record.data) for record in self.stream.taken]

    def write(self, name: str, data: bytes | str) -> str:
        """A file in the folder; gives its name."""
        Path(name).write_bytes(data.encode() if isinstance(data, str) else data)
        return name


def account(result: Result) -> dict[str, Any]:
    """The account that ``--json`` printed, whose numbers add up."""
    found: dict[str, Any] = msgspec.json.decode(result.stdout)
    assert found["read"] == found["accepted"] + found["rejected"] + found["passed_over"] + found["failed"]
    return found
