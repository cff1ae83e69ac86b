"""What one process of a load is to do, as a value that another process can be handed."""

import msgspec

from glue.aws.settings import AwsSettings
from producers.delivery.aggregating import DEFAULT_BUCKETS
from producers.load.profiles import Profile
from producers.spool.spool import DEFAULT_BYTES
from producers.synthetic.content import Shares


class FileContent(msgspec.Struct, frozen=True, kw_only=True):
    """A file to send events of, and how its columns become fields."""

    path: str
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    defaults: dict[str, str] = {}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a load.

    Args:
        stream: the stream's name.
        profile: of the whole load.
        process: which part this is, from 0; ``processes``: of how many.
        as_of: epoch seconds that the first event is created at, whenever it is sent; None: when it is sent.
        seed: the same one, with the same ``as_of`` and ``processes``, gives the same bytes.
        shares: of what is special.
        content: a file's events; None: made up.
        in_flight: PutRecords calls at the same time.
        aggregate: whether events travel in aggregates, of ``buckets`` keys.
        paced: whether delivery keeps to a rate for each shard that follows its throttles.
        linger: seconds that an event may wait for others.
        spool: a folder that events lie in until the stream has them, one inside it for each process of several.
        spool_bytes: how large each may get.
        spool_wait: seconds to go on sending at the end; what is left then stays there.
        aws: which AWS the stream is in.
    """

    stream: str
    profile: Profile
    process: int = 0
    processes: int = 1
    as_of: float | None = None
    seed: int = 1
    shares: Shares = Shares()
    content: FileContent | None = None
    in_flight: int = 4
    aggregate: bool = False
    buckets: int = DEFAULT_BUCKETS
    paced: bool = True
    linger: float = 0.05
    spool: str | None = None
    spool_bytes: int = DEFAULT_BYTES
    spool_wait: float = 120.0
    aws: AwsSettings = AwsSettings()

    @property
    def planned(self) -> int:
        """How many events this part has."""
        return len(range(self.process, self.profile.count, self.processes))
