"""The S3 objects of a delivery: their keys and their bytes. Arrow is read with the first one that needs it."""

import gzip
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Protocol

from infra.local.errors import ApiError
from infra.local.firehose.config import ConversionSettings, Destination
from infra.local.firehose.errors import CONVERSION, error_lines
from infra.local.firehose.prefix import evaluate, object_name
from infra.local.firehose.records import FailedRecord
from infra.local.firehose.stream import Delivery

if TYPE_CHECKING:
    from pyarrow import Table

    from glue.catalog.lake import Compression
    from infra.local.firehose.conversion import Converter


class Catalog(Protocol):
    """Glue, as far as a conversion needs it."""

    def get_table(self, database: str, name: str) -> Mapping[str, Any]:
        """The table in the shape of Glue's API; raises ApiError ``EntityNotFoundException`` when there is none."""
        ...


class Names(Protocol):
    """Where the random parts of keys come from."""

    def unique(self) -> str:
        """A new UUID's text."""
        ...

    def random(self) -> str:
        """11 random letters and digits."""
        ...


@dataclass(frozen=True)
class S3Object:
    """An object to write.

    Args:
        rows: rows or records it holds.
        error: its ``error-output-type``, or None for an object of good records.
        backup: True for an object of untouched source records.
        oldest: when the oldest of what it holds came in, in epoch seconds.
    """

    bucket: str
    key: str
    body: bytes
    rows: int
    error: str | None = None
    backup: bool = False
    oldest: float = 0.0


class Conversions:
    """Converters for the tables of a catalog, made anew only when a table's columns change."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._made: dict[tuple[str, str], tuple[object, Converter, Any]] = {}

    def of(self, settings: ConversionSettings) -> "tuple[Converter, Any]":
        """The converter for a stream's table, and the table's Arrow schema.

        Raises:
            ApiError: when the table is not in the catalog.
            ValueError: when a column has a type that no Parquet column of ours has.
        """
        from glue.catalog.lake import arrow_schema
        from infra.local.firehose.conversion import Converter

        source = settings.schema
        table = self._catalog.get_table(source.database, source.table)
        table = table.get("Table", table)
        columns = tuple((column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"])
        made = self._made.get((source.database, source.table))
        seen = (columns, settings.openx)
        if made is None or made[0] != seen:
            schema = arrow_schema(columns)
            made = self._made[source.database, source.table] = (seen, Converter(schema, settings.openx), schema)
        return made[1], made[2]


def objects(delivery: Delivery, conversions: Conversions, names: Names, *, now: float) -> list[S3Object]:
    """The objects of a delivery: at most one of good records, and one for those that could not be converted.

    Raises:
        Exception: what the catalog raises when it cannot be asked; the delivery is then to be tried again.
    """
    if delivery.failures:
        return [_error_object(delivery, list(delivery.failures), names)]
    conversion = delivery.config.conversion
    if delivery.backup and delivery.config.backup is not None:
        return [_plain_object(delivery, delivery.config.backup, names)]
    if conversion is None:
        return [_plain_object(delivery, delivery.config.destination, names)]
    return _converted_objects(delivery, conversion, conversions, names, now=now)


def _plain_object(delivery: Delivery, place: Destination, names: Names) -> S3Object:
    records = [record for piece in delivery.pieces for record in piece.records]
    delimiter = b"" if delivery.backup else delivery.config.processing.delimiter
    body = delimiter.join(records) + delimiter
    if place.gzip:
        # Level 1: what matters of the compression here is its format.
        body = gzip.compress(body, compresslevel=1, mtime=0)
    return S3Object(place.bucket, _key(delivery, place, names), body, len(records), backup=delivery.backup)


def _converted_objects(
    delivery: Delivery, conversion: ConversionSettings, conversions: Conversions, names: Names, *, now: float
) -> list[S3Object]:
    from glue.catalog.lake import write_tables

    records = [record for piece in delivery.pieces for record in piece.records]
    ends = list(accumulate(len(piece.records) for piece in delivery.pieces))

    def failed(at: int, code: str, message: str) -> FailedRecord:
        origin = delivery.pieces[bisect_right(ends, at)].origin
        return FailedRecord(CONVERSION, code, message, records[at], origin, now)

    try:
        converter, schema = conversions.of(conversion)
    except ApiError as error:
        if error.code != "EntityNotFoundException":
            raise
        problem = ("DataFormatConversion.EntityNotFound", f"The schema's table was not found: {error.message}")
        return [_error_object(delivery, [failed(at, *problem) for at in range(len(records))], names)]
    except ValueError as error:
        problem = ("DataFormatConversion.InvalidSchema", str(error))
        return [_error_object(delivery, [failed(at, *problem) for at in range(len(records))], names)]
    rows = 0
    failures: list[FailedRecord] = []

    def tables() -> "Iterator[Table]":
        nonlocal rows
        for part in converter.parts(records):
            rows += part.table.num_rows
            failures.extend(failed(failure.index, failure.code, failure.message) for failure in part.failures)
            yield part.table

    compression: Compression = conversion.compression  # type: ignore[assignment]
    body = write_tables(tables(), schema, compression=compression)
    found: list[S3Object] = []
    if rows:
        key = _key(delivery, delivery.config.destination, names)
        found.append(S3Object(delivery.config.destination.bucket, key, body, rows))
    if failures:
        found.append(_error_object(delivery, failures, names))
    return found


def _error_object(delivery: Delivery, failures: list[FailedRecord], names: Names) -> S3Object:
    config = delivery.config
    oldest = min(failure.origin.arrival for failure in failures)
    output_type = failures[0].output_type
    folder = evaluate(
        config.error_prefix,
        arrival=oldest,
        zone=config.destination.zone,
        error_output_type=output_type,
        random=names.random,
    )
    name = object_name(config.name, delivery.version, at=oldest, unique=names.unique(), zone=config.destination.zone)
    body = error_lines(failures, config.conversion.schema if config.conversion else None)
    return S3Object(config.destination.bucket, folder + name, body, len(failures), error=output_type)


def _key(delivery: Delivery, place: Destination, names: Names) -> str:
    # Firehose dates an object by the arrival of its oldest record.
    oldest = min(piece.origin.arrival for piece in delivery.pieces)
    folder = evaluate(
        place.prefix,
        arrival=oldest,
        zone=place.zone,
        query_keys=dict(delivery.keys.query),
        lambda_keys=dict(delivery.keys.function),
        random=names.random,
    )
    return folder + object_name(
        delivery.config.name,
        delivery.version,
        at=oldest,
        unique=names.unique(),
        extension=place.extension,
        zone=place.zone,
    )
