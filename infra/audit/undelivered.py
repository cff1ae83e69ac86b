"""Where else a record can be: batches that Lambda gave up on, and what Firehose could not deliver."""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from glue.kpl.aggregation import MAGIC
from glue.kpl.aggregation import decode as open_aggregate
from infra.audit.identity import record_id
from infra.audit.lake import Lake, UnreadableError, day_of, unpacked
from producers.aws.dead_letters import UnreadableLetterError, is_of_archiver, read_records

DEAD_LETTERS = "aws/lambda/"
ERRORS = "errors/"
_DAY = re.compile(r"/dt=(\d{4}-\d\d-\d\d)/")
_ID = re.compile(rb'"event_id"\s*:\s*"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')


def dead_letters(lake: Lake, *, since: float, archiver: bool = False) -> tuple[dict[str, str], list[str]]:
    """Each dead record's id with the object it is in, and the keys that hold no invocation record.

    Args:
        lake: the dead-letter bucket.
        since: epoch seconds; what was given up before is left out.
        archiver: those that the archiver gave up, in place of those that moderation did.
    """
    found: dict[str, str] = {}
    unreadable: list[str] = []
    for one in lake.objects(DEAD_LETTERS):
        if one.written < since:
            continue
        try:
            document = msgspec.json.decode(lake.read(one.key), type=dict[str, Any])
            if is_of_archiver(document) is not archiver:
                continue
            records = read_records(document)
        except (UnreadableError, UnreadableLetterError, msgspec.MsgspecError, UnicodeDecodeError):
            unreadable.append(one.key)
            continue
        for record in records:
            for data in _opened(record.payload):
                found.setdefault(record_id(data), one.key)
    return found, unreadable


def _opened(data: bytes) -> Iterator[bytes]:
    opened = open_aggregate(data) if data[:4] == MAGIC else None
    if isinstance(opened, list):
        yield from (user.data for user in opened)
    else:
        yield data


def undelivered(lake: Lake, *, start: datetime, end: datetime) -> dict[str, str]:
    """Event ids in what Firehose could not deliver around a window, each with the object it is in.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/retry.html
    """
    first, last = day_of(start) - timedelta(days=1), day_of(end) + timedelta(days=2)
    found: dict[str, str] = {}
    for one in lake.objects(ERRORS):
        day = _DAY.search(one.key)
        if day is not None and not first <= date.fromisoformat(day[1]) <= last:
            continue
        try:
            body = lake.read(one.key)
            body = unpacked(body) if body[:2] == b"\x1f\x8b" else body
        except UnreadableError:
            continue
        for line in body.splitlines():
            for name in _ID.findall(_raw_data(line)):
                found.setdefault(name.decode(), one.key)
    return found


def _raw_data(line: bytes) -> bytes:
    try:
        document = msgspec.json.decode(line, type=dict[str, Any])
        return base64.b64decode(str(document.get("rawData") or document.get("EncodedRawData") or ""), validate=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error):
        return b""
