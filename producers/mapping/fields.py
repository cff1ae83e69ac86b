"""A row of someone's data set as an event: which column is which field, and what happens to the rest.

* Columns named like a field are that field; ``columns`` says otherwise. ``constants`` hold for every row, ``defaults``
  where the row has nothing.
* A row without an event id gets one made from the source's name, its place and its bytes: the same file sent twice has
  the same ids. An id that is no UUID is kept as ``source_event_id`` and a UUID is made from it.
* A content or parent id that is not of the contract's form is replaced by a hash, the same for both, and kept as
  ``source_content_id`` and ``source_parent_id``.
* An author id that is not of that form, or is an e-mail or IP address, is replaced by a hash and not kept.
* Columns that are no field stay on the event under their own names and land in ``extra_json``.
* Nothing else is changed: a value that does not fit makes the row a rejection.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, get_type_hints

import msgspec

from glue.codec import decode, encode, is_surface, wire_timestamp
from glue.contract import SCHEMA_VERSION, BadInput, WireEvent
from glue.readers.rejection import Rejection
from glue.readers.rows import Row, plain
from glue.readers.time_forms import TimeForm
from glue.readers.times import TimeShift, TimeUnit, read_moment
from producers.limits import MAX_EVENT_BYTES
from producers.mapping.check import outgoing
from producers.mapping.columns import MISSING, Cells, Condition, Place
from producers.partitioning import partition_key
from producers.ports import OutRecord

# Replay marks are set by replay only; a column of that name is kept as data.
FIELDS = tuple(name for name in WireEvent.__struct_fields__ if name != "replay")
_CONTEXT = "context."
_CUT = "source_created_at_uncut"
_SURFACES = 10
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_ADDRESS = re.compile(r".*@.*\..*|\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}")
_NOTHING_MORE = (None, '{"surface":null}')
_TYPES: dict[str, Any] = get_type_hints(WireEvent, include_extras=True)


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """How a data set's columns become an event.

    Args:
        source: the data set's name, part of the ids that are made.
        namespace: part of the UUIDs that are made of rows' own ids, instead of ``source``: the same row in two files is
            then the same event.
        columns: field to column, for those whose names differ; an empty column means none. A field may be
            ``context.<key>``; for columns see :data:`producers.mapping.columns.Place`.
        constants: field to value, for every row.
        defaults: field to value, for rows that have none.
        time_unit: what numbers in ``created_at`` count.
        assume_utc: whether times without a zone are in UTC.
        shift: moves times; None leaves them.
        keep_author: whether a replaced author id is kept as ``source_author_id``.
        pseudonym_key: a secret that author hashes depend on, up to 64 bytes; without one, names can be guessed.
        max_bytes: the most an event may take.
        time_form: how times are written, where that could mean several things.
        asked: fields whose column somebody has named, so that it is said when no row has it.
        only: what a row must be like to be content at all; see :func:`failed_condition`.
        loose: fields of which a value that does not fit is kept as ``source_<field>``, and does not reject the row.
        leave_out: columns that are not kept with the event.
    """

    source: str
    namespace: str = ""
    columns: dict[str, Place] = {}
    constants: dict[str, str] = {}
    defaults: dict[str, str] = {}
    time_unit: TimeUnit | None = None
    assume_utc: bool = False
    time_form: TimeForm | None = None
    asked: frozenset[str] = frozenset()
    shift: TimeShift | None = None
    keep_author: bool = False
    pseudonym_key: bytes = b""
    max_bytes: int = MAX_EVENT_BYTES
    only: tuple[Condition, ...] = ()
    loose: tuple[str, ...] = ()
    leave_out: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for group in (self.columns, self.constants, self.defaults):
            for name in group:
                if name not in FIELDS and not (name.startswith(_CONTEXT) and len(name) > len(_CONTEXT)):
                    raise ValueError(f"{name} is no field of an event; allowed: {', '.join(FIELDS)}, context.<key>")


class Notes(msgspec.Struct):
    """What was done to events that their rows do not show, counted.

    Args:
        cut_times: times from which something finer than a microsecond was cut; the whole is kept with the event.
        other_surfaces: surfaces that are not of the contract's form and land as ``other``, the first so many of them.
        more_surfaces: how many more events have one.
        untimed: events whose rows have no time, so that they have that of the run.
    """

    cut_times: int = 0
    other_surfaces: dict[str, int] = {}
    more_surfaces: int = 0
    untimed: int = 0

    def surface(self, value: str) -> None:
        """Counts an event with this surface."""
        known = value in self.other_surfaces
        if known or len(self.other_surfaces) < _SURFACES:
            self.other_surfaces[value] = self.other_surfaces.get(value, 0) + 1
        else:
            self.more_surfaces += 1


def failed_condition(row: Row, mapping: Mapping) -> Condition | None:
    """The condition for which a row is no content; None when it is: streams carry likes, joins and heartbeats as well.

    A row that cannot be read counts as content, so that it is rejected with its reason.
    """
    if row.problem is not None or not mapping.only:
        return None
    cells = Cells(row.cells)
    return next((condition for condition in mapping.only if not condition.holds(cells)), None)


def event_of(row: Row, mapping: Mapping, *, now: float, notes: Notes | None = None) -> OutRecord | Rejection:
    """The record that carries this row as an event, or why it cannot.

    Args:
        row: from one of the readers.
        mapping: which column is which field.
        now: epoch seconds; the time of rows that have none, and what times are judged by.
        notes: counts what is done to the event.

    >>> row = Row(7, {"user": "ann", "body": "hello", "karma": 3}, b"...")
    >>> mapping = Mapping(source="posts.csv", columns={"author_id": "user", "text": "body"})
    >>> event_of(row, mapping, now=1_772_000_000.0).data.decode()[-101:]
    '"author_id":"ann","surface":null,"created_at":"2026-02-25T06:13:20.000000Z","text":"hello","karma":3}'
    """
    if row.problem is not None:
        return row.problem
    if (ready := _as_it_is(row, mapping, now)) is not None:
        return ready
    fields, used = _fields(row.cells, mapping)
    extra: dict[str, object] = {}
    notes = notes if notes is not None else Notes()
    is_untimed = plain(fields.get("created_at")) is None
    created = _created(fields, extra, mapping, now)
    if isinstance(created, Rejection):
        return created
    _name(fields, extra, row, mapping)
    for name in mapping.loose:
        if name in fields and not _fits(name, fields[name]):
            extra[f"source_{name}"] = fields.pop(name)
    event: dict[str, object] = {
        "schema_version": fields.pop("schema_version", SCHEMA_VERSION),
        "event_id": fields.pop("event_id"),
        "content_id": fields.pop("content_id"),
        "author_id": fields.pop("author_id", MISSING),
        "surface": fields.pop("surface", None),
        "created_at": created,
        "text": fields.pop("text", MISSING),
        **fields,
    }
    for name in ("author_id", "text"):
        if event[name] is MISSING:
            del event[name]
    for name, value in row.cells.items():
        if name not in used and name not in mapping.leave_out:
            # A column that is named like a field but is not that field keeps its value under another name.
            while name in extra or name in event or name in WireEvent.__struct_fields__:
                name = f"source_{name}"
            extra[name] = value
    event.update(extra)
    made = _record(event, mapping, now)
    if isinstance(made, OutRecord):
        notes.cut_times += _CUT in extra
        notes.untimed += is_untimed
        surface = plain(event["surface"])
        if isinstance(surface, str) and surface and not is_surface(surface):
            notes.surface(surface)
    return made


def _as_it_is(row: Row, mapping: Mapping, now: float) -> OutRecord | None:
    """The record of a row that is already what the mapping would write, byte for byte; None when that is not certain.

    It is what decoding and encoding leaves as it was, without columns of its own, and nothing is asked for that changes
    an event of that kind. So nothing is said here of any other row, and in particular not why it is refused.
    """
    if mapping.columns or mapping.constants or mapping.defaults or mapping.shift or mapping.time_form:
        return None
    # Only JSON's cells are as they were written: a row of another form may look like an event and mean something else.
    if type(row.cells.get("schema_version")) is not msgspec.Raw or len(row.raw) > mapping.max_bytes:
        return None
    event = decode(row.raw, datetime.fromtimestamp(now, UTC))
    if isinstance(event, BadInput) or event.extra_json not in _NOTHING_MORE or encode(event) != row.raw:
        return None
    if event.author_id != _kept_author(event.author_id):
        return None
    return OutRecord(event.event_id, partition_key(event.content_id), row.raw)


@lru_cache(65_536)
def _kept_author(author: str) -> str:
    """The author id if it may stay, else a hash that no key went into."""
    return pseudonym(author)


def _record(event: dict[str, object], mapping: Mapping, now: float) -> OutRecord | Rejection:
    try:
        payload = msgspec.json.encode(event)
    except (TypeError, ValueError, UnicodeEncodeError) as error:
        return Rejection("type", f"a cell that JSON cannot hold: {type(error).__name__}")
    return outgoing(payload, now=now, max_bytes=mapping.max_bytes)


def time_of(row: Row, mapping: Mapping) -> datetime | Rejection | None:
    """When the row was created by its own account, why that cannot be read, or None when it does not say."""
    if row.problem is not None:
        return row.problem
    value = plain(_fields(row.cells, mapping)[0].get("created_at", MISSING))
    if value is MISSING or value is None:
        return None
    moment = read_moment(value, unit=mapping.time_unit, assume_utc=mapping.assume_utc, form=mapping.time_form)
    return moment if isinstance(moment, Rejection) else moment.at


def _fields(given: dict[str, object], mapping: Mapping) -> tuple[dict[str, object], set[str]]:
    """The event's fields as the row has them, nulls left out, and the columns that they came from."""
    cells = Cells(given)
    fields: dict[str, object] = {}
    context: dict[str, object] = {}
    for name in FIELDS:
        if name not in mapping.columns and name in given:
            _put(fields, name, cells.find(name))
    for name, place in mapping.columns.items():
        value = cells.find(place)
        if value is MISSING:
            continue
        if name.startswith(_CONTEXT):
            value = plain(value)
            # Context holds text; a number's digits are as good.
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            _put(context, name.removeprefix(_CONTEXT), str(value) if number else value)
        else:
            _put(fields, name, value)
    for group, is_default in ((mapping.constants, False), (mapping.defaults, True)):
        for name, text in group.items():
            inside = context if name.startswith(_CONTEXT) else fields
            if not is_default or name not in inside:
                inside[name.removeprefix(_CONTEXT)] = text
    if context:
        there = plain(fields.get("context", {}))
        fields["context"] = {**there, **context} if isinstance(there, dict) else context
    hold = fields.get("hold")
    if isinstance(hold, str) and hold.lower() in ("true", "false"):
        fields["hold"] = hold.lower() == "true"
    return fields, cells.used


def _put(fields: dict[str, object], name: str, value: object) -> None:
    if value is not None and not (isinstance(value, msgspec.Raw) and bytes(value) == b"null"):
        fields[name] = value


def _fits(name: str, value: object) -> bool:
    try:
        msgspec.convert(plain(value), _TYPES[name])
    except msgspec.ValidationError:
        return False
    return True


def _created(fields: dict[str, object], extra: dict[str, object], mapping: Mapping, now: float) -> object | Rejection:
    value = plain(fields.pop("created_at", None))
    if value is None:
        return wire_timestamp(datetime.fromtimestamp(now, UTC))
    if isinstance(value, msgspec.Raw):
        return Rejection("number", "created_at is a number outside every range; allowed: a time")
    read = read_moment(value, unit=mapping.time_unit, assume_utc=mapping.assume_utc, form=mapping.time_form)
    if isinstance(read, Rejection):
        return read
    moment = read.at
    if read.is_cut:
        extra[_CUT] = value
    if mapping.shift is not None:
        extra["source_created_at"] = wire_timestamp(moment)
        moment = mapping.shift.apply(moment)
    return wire_timestamp(moment)


def _name(fields: dict[str, object], extra: dict[str, object], row: Row, mapping: Mapping) -> None:
    """Gives the event its ids."""
    given = _id_text(fields.get("event_id"))
    if "event_id" in fields and given is None:
        # Neither text nor a whole number: left for the contract to refuse.
        pass
    elif given is None:
        fields["event_id"] = _uuid(mapping.source.encode(), b"%d" % row.number, row.raw)
    elif _UUID.fullmatch(given):
        fields["event_id"] = given.lower()
    else:
        fields["event_id"] = _uuid(
            (mapping.namespace or mapping.source).encode(), b"id", given.encode("utf-8", "surrogatepass")
        )
        extra["source_event_id"] = given
    for name in ("content_id", "parent_id"):
        if name in fields and (text := _id_text(fields[name])) is not None:
            fields[name] = text
            if not _IDENTIFIER.fullmatch(text):
                # The same for both: what a parent id names can be found by it.
                fields[name] = f"c-{_hash(text, b'')}"
                extra[f"source_{name}"] = text
    if "content_id" not in fields:
        fits = given is not None and _IDENTIFIER.fullmatch(given)
        fields["content_id"] = given if fits else fields["event_id"]
    author = _id_text(fields.get("author_id"))
    if author is not None:
        fields["author_id"] = pseudonym(author, key=mapping.pseudonym_key)
        if mapping.keep_author and fields["author_id"] != author:
            extra["source_author_id"] = author


def _id_text(value: object) -> str | None:
    """An id as text: data sets often count with numbers. None when it is neither, so that the contract refuses it."""
    value = plain(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def pseudonym(author: str, *, key: bytes = b"") -> str:
    """The author id as it is when it fits the contract, else a hash: ``a-`` and 32 hexadecimal digits.

    E-mail and IP addresses would fit, but name a person; they are hashed as well.

    >>> pseudonym("ann_82"), pseudonym("|ann|")
    ('ann_82', 'a-824e6b4c066afb5bc67ed4366cfac202')
    """
    if _IDENTIFIER.fullmatch(author) and not _ADDRESS.fullmatch(author):
        return author
    return f"a-{_hash(author, key)}"


def _hash(text: str, key: bytes) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=key).hexdigest()


def _uuid(*parts: bytes) -> str:
    """A UUID made from the parts: version 8, which leaves its bits to whoever makes it.

    Source: https://www.rfc-editor.org/rfc/rfc9562#name-uuid-version-8
    """
    digest = blake2b(b"\0".join(parts), digest_size=16).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:]}"
