"""JSON records as rows of a Hive table: the OpenX JSON SerDe's rules, one document at a time and strictly.

What AWS documents of the SerDe is followed: keys lower-cased, attributes that are not columns left out, a missing
attribute is null. What each column's type takes is in ``infra.local.firehose.openx_values``.

Sources, read 2026-11-20:
    https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion-concepts.html (timestamps, key case)
    https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html (duplicate and case-colliding keys are errors)
    https://github.com/trinodb/trino/tree/master/lib/trino-hive-formats (README of its OpenX reader: coercions)
    https://github.com/floci-io/floci/issues/3235 (lenient digits and the 1e12 epoch rule, probed on AWS)
"""

import json
import re
from typing import Any

import pyarrow as pa

from infra.local.firehose.openx_options import OpenXOptions
from infra.local.firehose.openx_values import MALFORMED, DoesNotFit, Number, reader_of

PARSE_ERROR = "DataFormatConversion.ParseError"

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BLANK = " \t\r\n"


class RowReader:
    """Reads records into rows of one schema.

    Args:
        schema: the table's columns.
        options: the SerDe's settings.
    """

    def __init__(self, schema: pa.Schema, options: OpenXOptions) -> None:
        keys = options.mappings
        self._columns = [(column.name, keys.get(column.name, column.name), reader_of(column)) for column in schema]
        if options.case_insensitive:
            self._columns = [(name, key.lower(), read) for name, key, read in self._columns]
        self._options = options
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_float=Number, parse_int=Number, parse_constant=_no_constant
        )

    def rows(self, record: bytes) -> list[dict[str, Any]]:
        """The rows of one record: one for each of the JSON objects it holds, one after another.

        Raises:
            DoesNotFit: with ``DataFormatConversion.ParseError`` or ``DataFormatConversion.MalformedData``.
        """
        return [self._row(document) for document in self._documents(record)]

    def _documents(self, record: bytes) -> list[Any]:
        try:
            text = record.decode()
            documents, at = [], _skip(text, 0)
            while at < len(text):
                document, at = self._decoder.raw_decode(text, at)
                documents.append(document)
                at = _skip(text, at)
        except UnicodeDecodeError as error:
            raise DoesNotFit(PARSE_ERROR, f"Encountered malformed JSON. Invalid UTF-8 at byte {error.start}") from error
        except json.JSONDecodeError as error:
            where = f"{error.msg} at character {error.pos}"
            raise DoesNotFit(PARSE_ERROR, f"Encountered malformed JSON. {where}") from error
        except RecursionError as error:
            raise DoesNotFit(PARSE_ERROR, "Encountered malformed JSON. It is nested too deeply") from error
        if not documents:
            raise DoesNotFit(PARSE_ERROR, "Encountered malformed JSON. No content to map due to end-of-input")
        if "\\u" in text and _SURROGATE.search(json.dumps(documents, ensure_ascii=False)):
            raise DoesNotFit(PARSE_ERROR, "Encountered malformed JSON. A surrogate has no pair")
        return documents

    def _row(self, document: Any) -> dict[str, Any]:
        if not isinstance(document, dict):
            raise DoesNotFit(MALFORMED, "Data does not match the schema. A JSON object is required")
        row: dict[str, Any] = {}
        for name, key, read in self._columns:
            value = document.get(key)
            row[name] = None if value is None else read(value)
        return row

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if self._options.case_insensitive:
            pairs = [(key.lower(), value) for key, value in pairs]
        if self._options.dots_to_underscores:
            pairs = [(key.replace(".", "_"), value) for key, value in pairs]
        found = dict(pairs)
        if len(found) != len(pairs):
            raise DoesNotFit(PARSE_ERROR, "Encountered malformed JSON. A key comes more than once")
        return found


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _no_constant(name: str) -> Any:
    raise DoesNotFit(PARSE_ERROR, f"Encountered malformed JSON. {name} is not a JSON number")
