"""Dynamic partition keys from a jq query, for many records at once.

Source: https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-partitioning-keys.html (2026-11-20)
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import jq
import msgspec

FAILED = "DynamicPartitioning.MetadataExtractionFailed"
NOT_JSON = "Non JSON record provided"
EMPTY = "partitionKeys values must not be null or empty"

_PATH = r"\.[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*|\[-?\d*:?-?\d*\])*"
_FUNCTION = r'(?:tostring|tonumber|ascii_downcase|ascii_upcase|floor|todate|fromdate|strftime\("[^"\\]*"\))'
_VALUE = rf"(?:{_PATH}|\(\s*{_PATH}(?:\s*\|\s*{_FUNCTION})*\s*\))"
_PAIR = rf"[A-Za-z_][A-Za-z0-9_]*\s*:\s*{_VALUE}"
_PLAIN_QUERY = re.compile(rf"\s*\{{\s*{_PAIR}(?:\s*,\s*{_PAIR})*\s*\}}\s*")
_SLICE = re.compile(r"\s*\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*:\s*\.([A-Za-z_][A-Za-z0-9_]*)\[(\d{1,9}):(\d{1,9})\]\s*\}\s*")
_encoder = msgspec.json.Encoder()
_FIELD = re.compile(r":\s*\(?\s*\.([A-Za-z_][A-Za-z0-9_]*)")


class PartitionQuery:
    """A ``MetadataExtractionQuery``, compiled once.

    Args:
        query: a jq expression that gives one object of partition keys for each record.

    Raises:
        ValueError: when jq does not compile it.

    >>> PartitionQuery("{dt: .created_at[0:10]}").keys([b'{"created_at":"2026-11-20 10:00:00"}', b'{}', b'x'])
    [(('dt', '2026-11-20'),), 'partitionKeys values must not be null or empty', 'Non JSON record provided']
    """

    def __init__(self, query: str) -> None:
        try:
            self._program = jq.compile(query)
        except ValueError as error:
            raise ValueError(f"MetadataExtractionQuery does not compile: {error}") from error
        self._pruned = _pruned_decoder(query)
        self._slice = _slice_of(query)

    def keys(self, records: Sequence[bytes]) -> list[tuple[tuple[str, str], ...] | str]:
        """For each record its keys as (name, value) pairs, or why there are none."""
        if self._pruned is not None:
            answers = self._all_at_once(records, self._pruned)
            if answers is not None:
                return [_checked(answer) for answer in answers]
        return [self._one(record) for record in records]

    def _all_at_once(self, records: Sequence[bytes], pruned: msgspec.json.Decoder[Any]) -> list[Any] | None:
        """jq's answers for documents cut down to the fields that the query names; it runs five times as fast.

        None when a record is not plain JSON or jq refuses one, so that each must be asked for itself.
        """
        # Lines that begin with { and end with } break only between documents: as many documents as records is then
        # one document a record.
        lines = [record.strip() for record in records]
        if not all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
            return None
        body = b"\n".join(lines)
        try:
            if not body.isascii():
                body.decode()
            documents = pruned.decode_lines(body)
            if len(documents) != len(records):
                return None
            if self._slice is not None and (sliced := self._slice(documents)) is not None:
                return sliced
            answers: list[Any] = self._program.input_text(_encoder.encode_lines(documents).decode()).all()
        except (ValueError, RecursionError, msgspec.MsgspecError):
            return None
        return answers if len(answers) == len(records) else None

    def _one(self, record: bytes) -> tuple[tuple[str, str], ...] | str:
        try:
            text = record.decode()
            if not text.strip().startswith("{"):
                return NOT_JSON
            document = msgspec.json.decode(record)
        except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
            return NOT_JSON
        if not isinstance(document, dict):
            return NOT_JSON
        try:
            answers = self._program.input_text(text).all()
        except ValueError:
            return "The query failed on this record"
        return _checked(answers[0]) if len(answers) == 1 else "The query must give exactly one object for a record"


def _checked(answer: Any) -> tuple[tuple[str, str], ...] | str:
    if not isinstance(answer, dict) or not answer:
        return "The query must give an object of partition keys"
    pairs: list[tuple[str, str]] = []
    for name, value in answer.items():
        if value is None or value == "":
            return EMPTY
        if isinstance(value, dict | list):
            return "partitionKeys values must be text, numbers or booleans"
        pairs.append((name, value if isinstance(value, str) else _text(value)))
    return tuple(pairs)


def _text(value: float | bool) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # as jq prints a whole number
    return msgspec.json.encode(value).decode()


def _slice_of(query: str) -> Callable[[Sequence[Any]], list[Any] | None] | None:
    """What answers a query for a part of one text, as a day is of a time stamp, without jq; None for other queries.

    It gives None for documents of which one's field is anything but plain text.
    """
    found = _SLICE.fullmatch(query)
    if found is None:
        return None
    name, field, start, end = found[1], found[2], int(found[3]) + 1, int(found[4]) + 1

    def sliced(documents: Sequence[Any]) -> list[Any] | None:
        texts = [bytes(getattr(document, field)) for document in documents]
        if not all(text[:1] == b'"' and text.isascii() and b"\\" not in text for text in texts):
            return None
        return [{name: text[start : min(end, len(text) - 1)].decode()} for text in texts]

    return sliced


def _pruned_decoder(query: str) -> msgspec.json.Decoder[Any] | None:
    """A decoder of only the top-level fields a plain query names, or None for a query that may look at others."""
    if _PLAIN_QUERY.fullmatch(query) is None:
        return None
    names = sorted(set(_FIELD.findall(query)))
    fields = [(name, msgspec.Raw, msgspec.Raw(b"null")) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Pruned", fields))
