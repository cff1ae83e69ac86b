"""One delivery stream's configuration, read from the API's shape and checked as Firehose checks it.

Whatever is not modelled is refused by name: a stream that works here is never one whose options were ignored.

Source: the CreateDeliveryStream reference and botocore's Firehose model (1.44.5, read 2026-11-20); the 64 MiB rules:
https://github.com/floci-io/floci/pull/3236 (probed on AWS) and dynamic-partitioning-enable.html.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from infra.local.errors import ApiError
from infra.local.firehose.openx_options import OpenXOptions
from infra.local.firehose.prefix import Prefix, PrefixError, parse_prefix, time_zone
from infra.local.firehose.processing import MIB, Hints, Processing, invalid, only, read_processing


@dataclass(frozen=True)
class Destination:
    """A place in S3: a bucket, what objects are called there, when they are written and how they are compressed."""

    bucket: str
    prefix: Prefix
    hints: Hints
    gzip: bool
    zone: tzinfo
    extension: str


@dataclass(frozen=True)
class SchemaSource:
    """The Glue table that gives a conversion its schema."""

    database: str
    table: str
    region: str
    catalog_id: str
    version: str
    role: str


@dataclass(frozen=True)
class ConversionSettings:
    """Format conversion to Parquet: the schema's table, the JSON reader's settings, Parquet's compression."""

    schema: SchemaSource
    openx: OpenXOptions
    compression: str


@dataclass(frozen=True)
class StreamConfig:
    """Everything the core needs to know of a stream."""

    name: str
    arn: str
    region: str
    source_arn: str | None
    destination: Destination
    error_prefix: Prefix
    processing: Processing
    partitioned: bool
    conversion: ConversionSettings | None
    backup: Destination | None


_EXTENSION = re.compile(r"|\.[0-9a-z!\-_.*'()]{1,127}")
_ENDPOINTS = frozenset(
    {"RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints", "CompressionFormat"}
    | {"EncryptionConfiguration", "CloudWatchLoggingOptions"}
)
_EXTENDED = _ENDPOINTS | {
    *("ProcessingConfiguration", "S3BackupMode", "S3BackupConfiguration", "DataFormatConversionConfiguration"),
    *("DynamicPartitioningConfiguration", "FileExtension", "CustomTimeZone"),
}


def read_destination(
    body: Mapping[str, Any], *, name: str, arn: str, region: str, account: str, source_arn: str | None
) -> StreamConfig:
    """A stream's configuration from an ``ExtendedS3DestinationConfiguration``.

    Raises:
        ApiError: ``InvalidArgumentException`` or ``ValidationException`` for what AWS refuses, and for what is not
            modelled here.
    """
    only(body, _EXTENDED, "ExtendedS3DestinationConfiguration")
    conversion = _conversion(body.get("DataFormatConversionConfiguration"), region=region, account=account)
    partitioned = _partitioned(body.get("DynamicPartitioningConfiguration"))
    processing = read_processing(body.get("ProcessingConfiguration"))
    destination = _place(body, converted=conversion is not None, partitioned=partitioned)
    error_prefix = _read_prefix(str(body.get("ErrorOutputPrefix") or ""), error_output=True)
    _check_prefixes(
        destination.prefix,
        error_prefix,
        partitioned=partitioned,
        has_query=processing.query is not None,
        has_function=processing.transform is not None,
        error_given=bool(body.get("ErrorOutputPrefix")),
    )
    return StreamConfig(
        name=name,
        arn=arn,
        region=region,
        source_arn=source_arn,
        destination=destination,
        error_prefix=error_prefix,
        processing=processing,
        partitioned=partitioned,
        conversion=conversion,
        backup=_backup(body),
    )


def _place(body: Mapping[str, Any], *, converted: bool, partitioned: bool) -> Destination:
    for required in ("RoleARN", "BucketARN"):
        if not body.get(required):
            raise ApiError("ValidationException", f"1 validation error detected: Value null at '{required}'")
    bucket_arn = str(body["BucketARN"])
    if ":s3:::" not in bucket_arn:
        raise invalid(f"BucketARN {bucket_arn!r} is not the ARN of a bucket, arn:aws:s3:::<bucket>")
    form = body.get("CompressionFormat") or "UNCOMPRESSED"
    if form not in ("UNCOMPRESSED", "GZIP"):
        raise invalid(f"CompressionFormat {form} is not modelled by this twin; use UNCOMPRESSED or GZIP")
    if converted and form != "UNCOMPRESSED":
        raise invalid("CompressionFormat must be UNCOMPRESSED when data format conversion is enabled")
    try:
        zone = time_zone(str(body.get("CustomTimeZone") or ""))
    except PrefixError as error:
        raise invalid(str(error)) from error
    if _EXTENSION.fullmatch(str(body.get("FileExtension") or "")) is None:
        raise invalid("FileExtension is empty, or a dot and up to 127 of 0-9 a-z ! - _ . * ' ( )")
    extension = body.get("FileExtension") or (".parquet" if converted else ".gz" if form == "GZIP" else "")
    return Destination(
        bucket=bucket_arn.split(":s3:::", 1)[1],
        prefix=_read_prefix(str(body.get("Prefix") or ""), error_output=False),
        hints=_hints(body.get("BufferingHints"), converted=converted, partitioned=partitioned),
        gzip=form == "GZIP",
        zone=zone,
        extension=str(extension),
    )


def _hints(given: Mapping[str, Any] | None, *, converted: bool, partitioned: bool) -> Hints:
    default = 128 if converted or partitioned else 5
    if not given:
        return Hints(default * MIB, 300)
    size, interval = given.get("SizeInMBs"), given.get("IntervalInSeconds")
    if size is None or interval is None:
        raise invalid("If you specify a value for SizeInMBs, you must also specify one for IntervalInSeconds")
    if not 1 <= size <= 128 or not 0 <= interval <= 900:
        raise ApiError(
            "ValidationException",
            f"BufferingHints of {size} MiB and {interval} s: SizeInMBs is 1 to 128, IntervalInSeconds 0 to 900",
        )
    if converted and size < 64:
        raise invalid(f"BufferingHints.SizeInMBs is {size}: it must be at least 64 when format conversion is enabled")
    if partitioned and size < 64:
        raise invalid(
            f"BufferingHints.SizeInMBs is {size}: it must be at least 64 when dynamic partitioning is enabled"
        )
    return Hints(size * MIB, interval)


def _backup(body: Mapping[str, Any]) -> Destination | None:
    mode, given = body.get("S3BackupMode") or "Disabled", body.get("S3BackupConfiguration")
    if mode == "Disabled":
        return None
    if mode != "Enabled":
        raise invalid(f"S3BackupMode {mode}: use Enabled or Disabled")
    if not given:
        raise invalid("S3BackupConfiguration is required when S3BackupMode is Enabled")
    only(given, _ENDPOINTS, "S3BackupConfiguration")
    place = _place(given, converted=False, partitioned=False)
    if place.prefix.keys("partitionKeyFromQuery") or place.prefix.keys("partitionKeyFromLambda"):
        raise invalid("S3BackupConfiguration.Prefix cannot use partition keys")
    return place


def _partitioned(given: Mapping[str, Any] | None) -> bool:
    if not given:
        return False
    only(given, {"Enabled", "RetryOptions"}, "DynamicPartitioningConfiguration")
    duration = (given.get("RetryOptions") or {}).get("DurationInSeconds", 300)
    if not 0 <= duration <= 7200:
        raise ApiError("ValidationException", f"RetryOptions.DurationInSeconds is {duration}: it is 0 to 7,200")
    return bool(given.get("Enabled"))


def _conversion(given: Mapping[str, Any] | None, *, region: str, account: str) -> ConversionSettings | None:
    if not given or not given.get("Enabled", True):
        return None
    members = {"Enabled", "SchemaConfiguration", "InputFormatConfiguration", "OutputFormatConfiguration"}
    only(given, members, "DataFormatConversionConfiguration")
    schema = given.get("SchemaConfiguration") or {}
    members = {"RoleARN", "CatalogId", "DatabaseName", "TableName", "Region", "VersionId"}
    only(schema, members, "SchemaConfiguration")
    reader = (given.get("InputFormatConfiguration") or {}).get("Deserializer") or {}
    writer = (given.get("OutputFormatConfiguration") or {}).get("Serializer") or {}
    for member in ("RoleARN", "DatabaseName", "TableName"):
        if not schema.get(member):
            raise invalid(f"SchemaConfiguration.{member} is required when data format conversion is enabled")
    if schema.get("VersionId") not in (None, "LATEST"):
        raise invalid("SchemaConfiguration.VersionId other than LATEST is not modelled by this twin")
    if "OpenXJsonSerDe" not in reader or len(reader) != 1:
        raise invalid("Deserializer: exactly OpenXJsonSerDe; HiveJsonSerDe is not modelled by this twin")
    if "ParquetSerDe" not in writer or len(writer) != 1:
        raise invalid("Serializer: exactly ParquetSerDe; OrcSerDe is not modelled by this twin")
    openx, parquet = reader["OpenXJsonSerDe"] or {}, writer["ParquetSerDe"] or {}
    only(openx, {"ConvertDotsInJsonKeysToUnderscores", "CaseInsensitive", "ColumnToJsonKeyMappings"}, "OpenXJsonSerDe")
    only(parquet, {"Compression", "WriterVersion"}, "ParquetSerDe")
    compression = parquet.get("Compression") or "SNAPPY"
    if compression not in ("SNAPPY", "GZIP", "UNCOMPRESSED"):
        raise invalid(f"ParquetSerDe.Compression {compression}: use SNAPPY, GZIP or UNCOMPRESSED")
    if parquet.get("WriterVersion") not in (None, "V1"):
        raise invalid("ParquetSerDe.WriterVersion V2 is not modelled by this twin")
    return ConversionSettings(
        SchemaSource(
            database=schema["DatabaseName"],
            table=schema["TableName"],
            region=schema.get("Region") or region,
            catalog_id=schema.get("CatalogId") or account,
            version="LATEST",
            role=schema["RoleARN"],
        ),
        OpenXOptions(
            case_insensitive=openx.get("CaseInsensitive") is not False,
            dots_to_underscores=bool(openx.get("ConvertDotsInJsonKeysToUnderscores")),
            mappings=dict(openx.get("ColumnToJsonKeyMappings") or {}),
        ),
        "none" if compression == "UNCOMPRESSED" else compression.lower(),
    )


def _check_prefixes(
    prefix: Prefix, errors: Prefix, *, partitioned: bool, has_query: bool, has_function: bool, error_given: bool
) -> None:
    query, function = prefix.keys("partitionKeyFromQuery"), prefix.keys("partitionKeyFromLambda")
    if (query or function) and not partitioned:
        raise invalid("Prefix uses partition keys, and dynamic partitioning is not enabled")
    if partitioned and not (query or function):
        raise invalid("Dynamic partitioning needs a Prefix with at least one partition key")
    if query and not has_query:
        raise invalid("Prefix uses partitionKeyFromQuery and there is no MetadataExtraction processor")
    if function and not has_function:
        raise invalid("Prefix uses partitionKeyFromLambda and there is no Lambda processor")
    if has_query and not partitioned:
        raise invalid("A MetadataExtraction processor needs dynamic partitioning to be enabled")
    if prefix.expressions and not error_given:
        raise invalid("ErrorOutputPrefix must be specified when Prefix contains expressions")
    if errors.expressions and "error-output-type" not in errors.keys("firehose"):
        raise invalid("ErrorOutputPrefix with expressions must contain !{firehose:error-output-type}")


def _read_prefix(text: str, *, error_output: bool) -> Prefix:
    try:
        return parse_prefix(text, error_output=error_output)
    except PrefixError as error:
        raise invalid(f"{'ErrorOutputPrefix' if error_output else 'Prefix'}: {error}") from error
