"""What was brought back, written down so that it never is twice, whoever tries, and from how many machines.

One small document for each quarantined record or dead letter, made by a conditional put: who makes it first has the
right to send. Sent and written down, it is closed for ever. Claimed and never closed, because its process died, it is
taken over after a while under the run that claimed it first: what was sent already is sent again under the same ids.
"""

from typing import Literal

import msgspec

from producers.replay.runs import ChangedError, Holder, IsAlive, Store, decoded

CLAIM_SECONDS = 300.0
"""How long a claim counts that was neither closed nor given back."""


class Entry(msgspec.Struct, kw_only=True):
    """What the ledger says of one thing.

    Args:
        state: claimed, redriven, or free again.
        run_id: the run that claimed it first, which its events are marked with.
        at: epoch seconds of the last change.
        events: how many events were sent for it.
        holder: who claimed it.
        held_until: epoch seconds until which the claim counts.
    """

    state: Literal["claimed", "redriven", "free"]
    run_id: str
    at: float
    events: int
    holder: Holder | None = None
    held_until: float = 0.0


class Claim(msgspec.Struct, frozen=True):
    """The right to bring one thing back.

    Args:
        run_id: to mark its events with.
        was_claimed: somebody had claimed it and did not come to an end; some may have been sent.
    """

    name: str
    run_id: str
    version: str
    was_claimed: bool


class Ledger:
    """The ledger.

    Args:
        store: where it lies; all who redrive must share it.
        holder: this process.
        is_alive: asked about the holder of a claim whose time has not run out.
    """

    def __init__(self, store: Store, *, holder: Holder, is_alive: IsAlive) -> None:
        self._store = store
        self._holder = holder
        self._is_alive = is_alive

    def look(self, name: str) -> Entry | None:
        """What it says; None when it says nothing."""
        found = self._store.read(name)
        return None if found is None else decoded(name, found[0], Entry)

    def is_redriven(self, name: str) -> bool:
        """Whether it was brought back and that was written down."""
        entry = self.look(name)
        return entry is not None and entry.state == "redriven"

    def claim(self, name: str, run_id: str, *, now: float) -> Claim | None:
        """The right to bring it back; None when that was done, or somebody else has it."""
        found = self._store.read(name)
        version, was_claimed = None, False
        if found is not None:
            entry, version = decoded(name, found[0], Entry), found[1]
            if entry.state == "redriven" or self._is_held(entry, now):
                return None
            was_claimed = entry.state == "claimed" or entry.events > 0
            run_id = entry.run_id if was_claimed else run_id
        try:
            return Claim(name, run_id, self._write(name, "claimed", run_id, version, now=now), was_claimed)
        except ChangedError:
            return None

    def close(self, claim: Claim, *, events: int, now: float) -> bool:
        """Writes down that it was brought back. False when somebody else has taken the claim over meanwhile."""
        return self._settle(claim, "redriven", events=events, now=now)

    def give_back(self, claim: Claim, *, now: float, events: int = 0) -> bool:
        """Gives the right back, with how much of it was sent all the same. False when somebody else has it now."""
        return self._settle(claim, "free", events=events, now=now)

    def _settle(self, claim: Claim, state: Literal["redriven", "free"], *, events: int, now: float) -> bool:
        try:
            self._write(claim.name, state, claim.run_id, claim.version, now=now, events=events)
        except ChangedError:
            return False
        return True

    def _is_held(self, entry: Entry, now: float) -> bool:
        return entry.holder is not None and entry.held_until > now and self._is_alive(entry.holder) is not False

    def _write(
        self,
        name: str,
        state: Literal["claimed", "redriven", "free"],
        run_id: str,
        version: str | None,
        *,
        now: float,
        events: int = 0,
    ) -> str:
        entry = Entry(state=state, run_id=run_id, at=now, events=events)
        if state == "claimed":
            entry.holder, entry.held_until = self._holder, now + CLAIM_SECONDS
        return self._store.write(name, msgspec.json.encode(entry), version)
