"""Which call fails, and how: wholly, in part, or done with its answer lost."""

from collections import Counter
from typing import Literal

from msgspec import Struct

Port = Literal[
    "PutRecords", "PutRecordBatch", "PutEvents", "PutStatuses", "PutObject", "PutArchive", "OnFailure", "Crash"
]
Kind = Literal["whole", "part", "lost"]

KINDS: dict[Port, tuple[Kind, ...]] = {
    "PutRecords": ("whole", "part", "lost"),
    "PutRecordBatch": ("whole", "part", "lost"),
    "PutEvents": ("whole", "part", "lost"),
    "PutStatuses": ("whole", "part", "lost"),
    "PutObject": ("whole", "lost"),
    "PutArchive": ("whole", "part", "lost"),
    "OnFailure": ("whole",),
    "Crash": ("whole",),
}
"""What can happen to a call; ``Crash`` is the function's process that dies after so many calls of any kind. The
archiver writes an object a call: ``part`` of that is its process that dies between the object and the checkpoint."""


class Fault(Struct, frozen=True):
    """One thing that goes wrong.

    Args:
        port: whose call.
        kind: how.
        at: number of the call, from 0.
        times: how many calls in a row.
    """

    port: Port
    kind: Kind
    at: int
    times: int = 1


class Trouble:
    """Counts the calls, and says which go wrong.

    Args:
        faults: what goes wrong.
    """

    def __init__(self, *faults: Fault) -> None:
        self.faults = list(faults)
        self.calls: Counter[str] = Counter()
        self.met: list[Fault] = []

    def of(self, port: Port) -> Kind | None:
        """How the present call of this port goes wrong; None: it does not."""
        number = self.calls[port]
        self.calls[port] += 1
        for fault in self.faults:
            if fault.port == port and fault.at <= number < fault.at + fault.times:
                self.met.append(fault)
                return fault.kind
        return None
