"""Which policy holds: the last good one. A new one is taken up without a deploy, a broken one never.

A stored policy is asked for by its entity tag at most once an interval, between batches and never for a record. What
cannot be used is refused, and the one before stays. At a cold start, where there is none before, it is the newest
earlier version of the object that can be used, else the copy that ``streamkeeper policy publish`` keeps beside it, else
the policy of the bundle. The metric ``PolicyRefused`` says so until the stored policy is good again. Rules expire at
midnight UTC, in a warm process too.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol

from msgspec import Struct

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError
from consumers.ports import DefectError, TransientError

INTERVAL_SECONDS = 60.0
"""How soon a stored policy is taken up. One GetObject a minute and process costs a cent in two weeks."""


class StoredPolicy(Struct, frozen=True):
    """A policy's text, and the entity tag of the object it is in."""

    text: str
    etag: str


class PolicyStore(Protocol):
    """Where policies are kept outside the bundle."""

    def read(self, etag: str | None) -> StoredPolicy | None:
        """The stored policy; None when it is still the one with this tag.

        Raises:
            TransientError: it may be there next time.
            DefectError: it is not there, not text, or may not be read.
        """
        ...

    def earlier(self) -> Iterator[StoredPolicy]:
        """What may stand in for the stored policy, best first. What cannot be read is left out."""
        ...


class PolicyKeeper:
    """Keeps the policy that holds, ready to judge."""

    def __init__(
        self,
        store: PolicyStore | None,
        *,
        bundled: Callable[[], Policy],
        now: float,
        interval: float = INTERVAL_SECONDS,
    ) -> None:
        """Takes up the stored policy, or what stands in for it.

        Args:
            store: None: the bundle's policy is meant, and nothing is asked for.
            bundled: gives the policy of the bundle.
            now: seconds since 1970.
            interval: seconds between two looks at the store; 0 looks at every refresh.

        Raises:
            PolicyError: not even the bundle's policy can be used.
        """
        self._store = store
        self._interval = interval
        self._etag: str | None = None
        self._next = now + interval
        self.refused = ""
        """Why the stored policy is not the one that holds; empty when it is. Holds nothing of the policy's text."""
        if store is None or not (self._look(now) or self._take_last_good(now)):
            self._policy = bundled()
            self._make_ready(self._policy, now)

    def refresh(self, now: float) -> bool:
        """Whether another policy holds than before. Never raises: what is wrong is in ``refused``.

        Args:
            now: seconds since 1970.
        """
        changed = False
        if self._store is not None and now >= self._next:
            self._next = now + self._interval
            changed = self._look(now)
        if not changed and now >= self._midnight:
            self._make_ready(self._policy, now)
            changed = True
        return changed

    def _look(self, now: float) -> bool:
        """Whether there is another stored policy, which holds from now on."""
        assert self._store is not None  # noqa: S101
        try:
            stored = self._store.read(self._etag)
        except (TransientError, DefectError) as error:
            self.refused = f"not readable: {error}"
            return False
        if stored is None:
            return False
        # Remembered even when it is refused: it is not read and refused again every minute.
        self._etag = stored.etag
        problem = self._take(stored, now)
        self.refused = problem
        return not problem

    def _take_last_good(self, now: float) -> bool:
        assert self._store is not None  # noqa: S101
        return any(not self._take(stored, now) for stored in self._store.earlier())

    def _take(self, stored: StoredPolicy, now: float) -> str:
        """Why a stored policy cannot hold; empty when it does from now on."""
        try:
            policy = Policy.load(stored.text)
            self._make_ready(policy, now)
        except PolicyError as error:
            first = error.problems[0]
            where = f", the first at line {first.line}, column {first.column}" if first.line else ""
            return f"{len(error.problems)} problems{where}"
        except Exception as error:
            # A defect of ours, met by a text from outside: the stream does not stop for it, and the alarm goes.
            return f"a defect of the code, {type(error).__name__}"
        self._policy = policy
        return ""

    def _make_ready(self, policy: Policy, now: float) -> None:
        self.moderator = Moderator(policy.in_force(now))
        today = datetime.fromtimestamp(now, UTC).date()
        coming = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in policy.expiries() if day > today]
        self._midnight = coming[0].timestamp() if coming else float("inf")
