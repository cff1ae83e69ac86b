"""The form of the archive: what an object is called, what one of its lines holds, and which lines are copies.

An object holds records of one shard that arrived on one day, each on a line of its own: its bytes, how they are
written, and its coordinate. Its name is made of what is in it, so that the same batch gives the same object again. A
batch that was cut in another place gives other objects that overlap: readers take each sequence number once.

Objects of another form, whose lines are bare bytes, are read by :mod:`producers.replay.archived`.
"""

import base64
import binascii
import gzip
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

from msgspec import Struct

from glue.codec import landed_timestamp
from glue.kpl.aggregation import MAGIC
from glue.kpl.aggregation import decode as open_aggregate

PREFIX = "archive/"
FIELD_MARK = b"\x01"
"""Between the fields of a line: what Hive's text tables part columns by."""
TEXT, BASE64 = b"text", b"base64"
COMPRESSION = 6
"""Of gzip. Level 9 takes twice the time for a hundredth less."""

_SHARD = re.compile(r"shardId-\d{12}\Z", re.ASCII)
_NAME = re.compile(
    r"(?P<folder>.*)/records-(?P<time>\d{4}(?:-\d\d){5})-(?P<shard>shardId-\d{12})-(?P<first>\d+)-(?P<last>\d+)\.gz\Z",
    re.ASCII,
)
_DIGITS = 56
"""Of a sequence number in a name, so that names sort like numbers."""
# A line ends at these in one engine or another, or its fields do; JSON holds none of them but between its tokens.
_CONTROLS = bytes(range(0x20))
_NULL = b"\\N"
"""What Hive reads as no value."""


class Entry(Struct, frozen=True):
    """One record of the stream, or of an aggregate in it.

    Args:
        data: its bytes, as they came.
        shard_id, sequence_number, sub_sequence_number: its coordinate.
        arrived_at: when the stream took it, in UTC.
    """

    data: bytes
    shard_id: str
    sequence_number: str
    sub_sequence_number: int
    arrived_at: datetime


class PackedObject(Struct, frozen=True):
    """One object to be written.

    Args:
        key: its key in the lake bucket.
        body: gzip.
        records: how many it holds.
    """

    key: str
    body: bytes
    records: int


class ObjectName(Struct, frozen=True):
    """What the key of an object says.

    Args:
        folder: of one day.
        begins: epoch seconds; its oldest record arrived in this second.
        shard_id: whose records it holds.
        first, last: sequence numbers; it holds all of that day between them.
    """

    folder: str
    begins: float
    shard_id: str
    first: int
    last: int


def opened(data: bytes, shard_id: str, sequence_number: str, arrived_at: datetime) -> list[Entry]:
    """The entries of one record of a stream: itself, or what is in an aggregate.

    An aggregate that cannot be opened stays whole, as it does in the quarantine.

    >>> [one.sub_sequence_number for one in opened(b"{}", "shardId-000000000000", "1", datetime.now(UTC))]
    [0]
    """
    if data[:4] == MAGIC and isinstance(found := open_aggregate(data), list):
        return [Entry(one.data, shard_id, sequence_number, sub, arrived_at) for sub, one in enumerate(found)]
    return [Entry(data, shard_id, sequence_number, 0, arrived_at)]


def pack(entries: Iterable[Entry]) -> list[PackedObject]:
    """The objects of a batch: one for each shard and day, the same ones for the same batch.

    Args:
        entries: of each shard all records between the first and the last, in the stream's order.

    Raises:
        ValueError: a coordinate is not one of a Kinesis stream.

    >>> [one.key for one in pack([Entry(b"{}", "shardId-000000000000", "7", 0, datetime(2026, 1, 2, tzinfo=UTC))])]
    ['archive/dt=2026-01-02/records-2026-01-02-00-00-00-shardId-000000000000-00000000000000000000000000000000000000000000000000000007-00000000000000000000000000000000000000000000000000000007.gz']
    """
    parts: dict[tuple[str, date], list[Entry]] = {}
    shards: set[str] = set()
    for entry in entries:
        if entry.shard_id not in shards and _SHARD.match(entry.shard_id):
            shards.add(entry.shard_id)
        if entry.shard_id not in shards or not (entry.sequence_number.isascii() and entry.sequence_number.isdigit()):
            raise ValueError(
                "the coordinate of a record is not as Kinesis gives it; allowed: shardId-…, decimal digits"
            )
        parts.setdefault((entry.shard_id, entry.arrived_at.astimezone(UTC).date()), []).append(entry)
    return [_packed(shard, f"{day:%Y-%m-%d}", some) for (shard, day), some in parts.items()]


def _packed(shard_id: str, day: str, entries: Sequence[Entry]) -> PackedObject:
    begins = min(entry.arrived_at for entry in entries).astimezone(UTC)
    numbers = [int(entry.sequence_number) for entry in entries]
    name = f"records-{begins:%Y-%m-%d-%H-%M-%S}-{shard_id}-{min(numbers):0{_DIGITS}d}-{max(numbers):0{_DIGITS}d}.gz"
    body = b"".join(map(write_line, entries))
    # No time and no name in the gzip header: the same records are the same bytes.
    return PackedObject(f"{PREFIX}dt={day}/{name}", gzip.compress(body, COMPRESSION, mtime=0), len(entries))


def write_line(entry: Entry) -> bytes:
    r"""One line: the bytes as they are where any reader of lines sees them so, else in base64; then the coordinate.

    >>> write_line(Entry(b"{}", "shardId-000000000000", "7", 0, datetime(2026, 1, 2, tzinfo=UTC)))
    b'{}\x01text\x01shardId-000000000000\x017\x010\x012026-01-02 00:00:00.000000\n'
    """
    data, encoding = entry.data, TEXT
    if not _is_plain(data):
        data, encoding = base64.b64encode(data), BASE64
    place = f"{entry.shard_id}\x01{entry.sequence_number}\x01{entry.sub_sequence_number}"
    return b"%s\x01%s\x01%s\x01%s\n" % (data, encoding, place.encode(), landed_timestamp(entry.arrived_at).encode())


def read_line(line: bytes) -> Entry:
    r"""What :func:`write_line` wrote, without the newline.

    Raises:
        ValueError: it is no such line.

    >>> read_line(b'{}\x01text\x01shardId-000000000000\x017\x010\x012026-01-02 00:00:00.000000').data
    b'{}'
    """
    fields = line.split(FIELD_MARK)
    if len(fields) != 6 or fields[1] not in (TEXT, BASE64):
        raise ValueError("no line of the archive's form")
    data = fields[0]
    try:
        if fields[1] == BASE64:
            data = base64.b64decode(data, validate=True)
        shard_id, sequence_number, sub = (one.decode("ascii") for one in fields[2:5])
        arrived_at = datetime.fromisoformat(fields[5].decode("ascii")).replace(tzinfo=UTC)
        return Entry(data, shard_id, str(int(sequence_number)), int(sub), arrived_at)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ValueError("no line of the archive's form") from None


def object_name(key: str) -> ObjectName | None:
    """What a key says, or None when the object has another form.

    >>> object_name("archive/dt=2026-01-02/sk-archive-1-2026-01-02-03-04-05-9f0c.gz")
    >>> object_name("archive/dt=2026-01-02/records-2026-01-02-03-04-05-shardId-000000000000-7-9.gz").last
    9
    """
    found = _NAME.match(key)
    if found is None:
        return None
    try:
        begins = datetime.strptime(found["time"], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return ObjectName(found["folder"], begins.timestamp(), found["shard"], int(found["first"]), int(found["last"]))


def held_before(keys: Iterable[str]) -> Mapping[str, int]:
    """For each object the greatest sequence number that another one holds already; its lines up to there are copies.

    Args:
        keys: of all objects that are read together; those of another form are left out.

    >>> name = "archive/dt=2026-01-02/records-2026-01-02-03-04-05-shardId-000000000000-{}-{}.gz".format
    >>> list(held_before([name(1, 9), name(5, 12), name(13, 20)]).values())
    [-1, 9, 12]
    """
    lanes: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    for key in keys:
        if (name := object_name(key)) is not None:
            # The longest first among those that begin alike, so that the others are copies as a whole.
            lanes.setdefault((name.folder, name.shard_id), []).append((name.first, -name.last, key))
    found: dict[str, int] = {}
    for objects in lanes.values():
        done = -1
        for _, last, key in sorted(objects):
            found[key] = done
            done = max(done, -last)
    return found


def entries_of(lines: Iterable[bytes], *, after: int = -1) -> Iterator[Entry | bytes]:
    """The entries of an object's lines, in order, without copies; a line of no such form as it is.

    Args:
        lines: without the newline at their end.
        after: sequence numbers up to this one are copies; see :func:`held_before`.
    """
    for line in lines:
        try:
            entry = read_line(line)
        except ValueError:
            yield line
            continue
        if int(entry.sequence_number) > after:
            yield entry


def _is_plain(data: bytes) -> bool:
    if data == _NULL or len(data.translate(None, _CONTROLS)) != len(data):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
