"""What the processes of a load tell the group, a JSON line each."""

import msgspec

from producers.load.snapshot import Snapshot


class WorkerMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line: ready to start, why not, or numbers."""

    ready: bool = False
    problem: str | None = None
    code: int = 0
    snapshot: Snapshot | None = None
