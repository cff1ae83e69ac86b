"""The processes of a load: started together, at one moment, and their numbers added up as they come."""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from glue.ports import Clock
from glue.terminal.signals import Stop
from producers.load.messages import WorkerMessage
from producers.load.plan import Plan
from producers.load.snapshot import Second, Snapshot, merged

_LEAD = 0.2
_LOOK = 0.1


class GroupError(Exception):
    """The load could not start; ``code`` is the command's exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Board:
    """The latest numbers of every process, and all seconds of each."""

    def __init__(self, planned: Sequence[int]) -> None:
        self._lock = threading.Lock()
        self._latest = [Snapshot(planned=count) for count in planned]
        self._seconds: list[dict[int, Second]] = [{} for _ in planned]

    def put(self, place: int, snapshot: Snapshot) -> None:
        """One process's numbers."""
        with self._lock:
            self._latest[place] = snapshot
            self._seconds[place].update(snapshot.seconds)

    def total(self) -> Snapshot:
        """All together."""
        with self._lock:
            return merged(
                [
                    replace(snapshot, seconds=seconds)
                    for snapshot, seconds in zip(self._latest, self._seconds, strict=True)
                ]
            )


class _Child:
    def __init__(self, plan: Plan, place: int, board: Board) -> None:
        self.place = place
        self.board = board
        self.reported = threading.Event()
        self.answer = WorkerMessage(problem="it ended without a word", code=1)
        # A session of its own: a Ctrl-C at the terminal reaches it once, through the group.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "producers.commands.load_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.say(msgspec.json.encode(plan))
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def say(self, line: bytes) -> None:
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        try:
            self.process.stdin.write(line + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            # It has ended; the reader knows why, or that nobody does.
            return

    def _read(self) -> None:
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        for line in self.process.stdout:
            message = msgspec.json.decode(line, type=WorkerMessage)
            if message.snapshot is not None:
                self.board.put(self.place, message.snapshot)
            else:
                self.answer = message
                self.reported.set()
        self.reported.set()


def run_group(plan: Plan, *, clock: Clock, stop: Stop, tick: Callable[[Snapshot], None]) -> tuple[Snapshot, list[int]]:
    """Sends a plan's load from ``plan.processes`` processes: the numbers, and exit codes of those that broke off.

    What a process that died had not reported as accepted counts as lost.

    Args:
        plan: of the whole.
        clock: when to begin.
        stop: a wish is handed on to all of them.
        tick: gets the sum now and then.

    Raises:
        GroupError: one of them could not start; none has sent anything.
    """
    parts = [replace(plan, process=place) for place in range(plan.processes)]
    board = Board([part.planned for part in parts])
    children: list[_Child] = []
    try:
        for place, part in enumerate(parts):
            children.append(_Child(part, place, board))
        for child in children:
            child.reported.wait()
            if not child.answer.ready:
                raise GroupError(child.answer.problem or "it could not start", child.answer.code)
        start = clock.now() + _LEAD
        for child in children:
            child.say(b"%.6f" % start)
        signalled = 0
        stop.abandon = lambda: _signal(children)
        while any(child.reader.is_alive() for child in children):
            if stop.is_wished and not signalled:
                signalled = 1
                _signal(children)
            clock.sleep(_LOOK)
            tick(board.total())
        codes = [child.process.wait() for child in children]
    finally:
        for child in children:
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()
            for pipe in (child.process.stdin, child.process.stdout):
                if pipe is not None:
                    pipe.close()
    return board.total(), [code for code in codes if code]


def _signal(children: Sequence[_Child]) -> None:
    for child in children:
        if child.process.poll() is None:
            child.process.terminate()
