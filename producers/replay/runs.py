"""A run that can be stopped at any moment and taken up again: where it stands, and who may work on it.

The state is one small document in a store that compares before it writes. Whoever takes a run up raises its fence;
a process that was thought dead, and was not, fails at its next save and stops. What it has sent by then is sent again
under the same ids.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import msgspec

from glue.terminal.errors import CommandError

Document = TypeVar("Document", bound=msgspec.Struct)

LEASE_SECONDS = 30.0
"""How long a run counts as worked on after its last save."""


class ChangedError(Exception):
    """What is in the store is not what was last seen there: somebody else has written."""


class RunTakenError(Exception):
    """Somebody else works on the run, or has taken it over."""


class OtherPlanError(Exception):
    """The run was begun with other options than those given now; ``names`` are theirs."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(names)
        self.names = names


class DamagedStateError(CommandError):
    """What was written down under a name cannot be read: another program or a disk has changed it."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"what was written down for {name} is damaged ({what}), so nothing was sent for it. Bring that document "
            "back from a backup; without one, delete it and begin anew: what was sent already is sent again"
        )


class Store(Protocol):
    """Small documents by name, each with a version that changes with every write."""

    def read(self, name: str) -> tuple[bytes, str] | None:
        """The document and its version; None when there is none."""
        ...

    def write(self, name: str, data: bytes, version: str | None) -> str:
        """Writes when the version is still this one (None: when there is no document), and gives the new version.

        Raises:
            ChangedError: it is another one.
        """
        ...


class Holder(msgspec.Struct, frozen=True):
    """Who works on a run: a process on a machine."""

    host: str
    pid: int


class RunState(msgspec.Struct, kw_only=True):
    """Where a run stands.

    Args:
        run_id: its name; part of every verdict's id.
        plan: what it was told to do; it does the same when it is taken up again.
        started_at: epoch seconds.
        position: up to where everything is in the stream, in the words of what is read.
        counts: what was counted up to there.
        fence: how often it was taken up.
        holder, held_until: who works on it, and until when that counts.
        is_finished: whether it reached its end; the next one to take it up begins anew.
    """

    run_id: str
    plan: dict[str, str]
    started_at: float
    position: dict[str, str] = {}
    counts: dict[str, int] = {}
    fence: int = 0
    holder: Holder | None = None
    held_until: float = 0.0
    is_finished: bool = False


class IsAlive(Protocol):
    """Whether a holder still runs; None when nobody can know."""

    def __call__(self, holder: Holder, /) -> bool | None: ...


def decoded(name: str, data: bytes, kind: type[Document]) -> Document:
    """The document in these bytes.

    Raises:
        DamagedStateError: there is none.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedStateError(name, str(error)) from None


class Run:
    """One run, held by this process.

    Args:
        store: where its state lies.
        state: as it was taken up.
        was_begun: whether an earlier process had come some way already.
    """

    def __init__(self, store: Store, state: RunState, *, was_begun: bool) -> None:
        self._store = store
        self._version = ""
        self.state = state
        self.is_resumed = was_begun

    @classmethod
    def take(
        cls,
        store: Store,
        *,
        run_id: str,
        plan: Mapping[str, str],
        holder: Holder,
        is_alive: IsAlive,
        now: float,
    ) -> "Run":
        """The run, begun or taken up where it was left; finished ones begin anew.

        Args:
            store: where states lie.
            run_id: which run.
            plan: what it is to do.
            holder: this process.
            is_alive: asked about a holder whose time has not run out.
            now: epoch seconds.

        Raises:
            RunTakenError: somebody works on it.
            OtherPlanError: it was begun with another plan.
            DamagedStateError: what lies there is no state.
        """
        found = store.read(run_id)
        state = RunState(run_id=run_id, plan=dict(plan), started_at=now)
        version = None
        was_begun = False
        if found is not None:
            data, version = found
            old = decoded(run_id, data, RunState)
            if old.holder is not None and old.held_until > now and is_alive(old.holder) is not False:
                raise RunTakenError(
                    f"run {run_id} is being worked on by process {old.holder.pid} on {old.holder.host}; wait "
                    f"{old.held_until - now:.0f} s after it has ended, or give another --run-id"
                )
            differing = sorted(name for name in old.plan.keys() | plan.keys() if old.plan.get(name) != plan.get(name))
            if differing:
                raise OtherPlanError(differing)
            was_begun = not old.is_finished and bool(old.position)
            if not old.is_finished:
                state = old
            state.fence = old.fence
        state.fence += 1
        state.holder, state.held_until, state.is_finished = holder, now + LEASE_SECONDS, False
        run = cls(store, state, was_begun=was_begun)
        run._write(version)
        return run

    def save(self, position: Mapping[str, str], counts: Mapping[str, int], *, now: float) -> None:
        """Remembers that everything up to ``position`` is in the stream.

        Raises:
            RunTakenError: another process has taken the run over.
        """
        self.state.position |= position
        self.state.counts = dict(counts)
        self.state.held_until = now + LEASE_SECONDS
        self._write(self._version)

    def leave(self, *, is_finished: bool) -> None:
        """Lets the run go, finished or to be taken up again.

        Raises:
            RunTakenError: another process has taken the run over.
        """
        self.state.holder, self.state.held_until, self.state.is_finished = None, 0.0, is_finished
        self._write(self._version)

    def _write(self, version: str | None) -> None:
        try:
            self._version = self._store.write(self.state.run_id, msgspec.json.encode(self.state), version)
        except ChangedError:
            raise RunTakenError(
                f"another process has taken run {self.state.run_id} over; this one stops. What it sent since its last "
                "save is sent again under the same ids, and counts once"
            ) from None
