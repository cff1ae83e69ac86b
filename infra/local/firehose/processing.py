"""What a delivery stream does to records before they are buffered, read from its ``ProcessingConfiguration``.

Source: the Processor and ProcessorParameter references in botocore's Firehose model (1.44.5, read 2026-11-20).
"""

import base64
import binascii
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from infra.local.errors import ApiError
from infra.local.firehose.partitions import PartitionQuery
from infra.local.firehose.splitting import Splitter, split_delimited, split_json

MIB = 1 << 20


@dataclass(frozen=True)
class Hints:
    """When a buffer becomes an object: at ``size`` bytes, or ``interval`` seconds after its first record."""

    size: int
    interval: float


@dataclass(frozen=True)
class TransformSettings:
    """The transform function: its ARN, when a batch is due and how often an invocation is tried again."""

    function: str
    hints: Hints
    retries: int


@dataclass(frozen=True)
class Processing:
    """What is done to records before they are buffered; ``None`` where a step is left out."""

    split: Splitter | None = None
    transform: TransformSettings | None = None
    query: PartitionQuery | None = None
    delimiter: bytes = b""


def invalid(message: str) -> ApiError:
    """The answer to an argument that Firehose refuses."""
    return ApiError("InvalidArgumentException", message)


def read_processing(given: Mapping[str, Any] | None) -> Processing:
    """The steps of a ``ProcessingConfiguration``.

    Raises:
        ApiError: ``InvalidArgumentException`` for a processor or parameter that AWS refuses or that is not modelled.
    """
    if not given or not given.get("Enabled"):
        return Processing()
    steps: dict[str, dict[str, str]] = {}
    for processor in given.get("Processors") or []:
        kind = str(processor.get("Type"))
        if kind not in ("RecordDeAggregation", "Lambda", "MetadataExtraction", "AppendDelimiterToRecord"):
            raise invalid(f"Processor {kind} is not modelled by this twin")
        if kind in steps:
            raise invalid(f"Processor {kind} comes more than once")
        steps[kind] = {item["ParameterName"]: item["ParameterValue"] for item in processor.get("Parameters") or []}
    query = None
    if (extraction := steps.get("MetadataExtraction")) is not None:
        only(extraction, {"MetadataExtractionQuery", "JsonParsingEngine"}, "MetadataExtraction")
        if extraction.get("JsonParsingEngine") != "JQ-1.6" or not extraction.get("MetadataExtractionQuery"):
            raise invalid("MetadataExtraction needs a MetadataExtractionQuery and the JsonParsingEngine JQ-1.6")
        try:
            query = PartitionQuery(extraction["MetadataExtractionQuery"])
        except ValueError as error:
            raise invalid(str(error)) from error
    delimiter = steps.get("AppendDelimiterToRecord")
    return Processing(
        split=_splitter(steps.get("RecordDeAggregation")),
        transform=_transform(steps.get("Lambda")),
        query=query,
        delimiter=b"" if delimiter is None else _unescaped(delimiter.get("Delimiter", "\\n")),
    )


def _splitter(given: Mapping[str, str] | None) -> Splitter | None:
    if given is None:
        return None
    only(given, {"SubRecordType", "Delimiter"}, "RecordDeAggregation")
    if given.get("SubRecordType") == "JSON":
        return split_json
    if given.get("SubRecordType") == "DELIMITED" and given.get("Delimiter"):
        return split_delimited(_decoded_delimiter(given["Delimiter"]))
    raise invalid("RecordDeAggregation needs SubRecordType JSON, or DELIMITED with a base64-encoded Delimiter")


def _decoded_delimiter(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise invalid("RecordDeAggregation's Delimiter must be base64-encoded and not empty")
    return found


def _transform(given: Mapping[str, str] | None) -> TransformSettings | None:
    if given is None:
        return None
    known = {"LambdaArn", "NumberOfRetries", "RoleArn", "BufferSizeInMBs", "BufferIntervalInSeconds"}
    only(given, known, "Lambda")
    if not given.get("LambdaArn"):
        raise invalid("The Lambda processor needs a LambdaArn")
    try:
        size = float(given.get("BufferSizeInMBs", "1"))
        interval = float(given.get("BufferIntervalInSeconds", "60"))
        retries = int(given.get("NumberOfRetries", "3"))
    except ValueError as error:
        raise invalid("BufferSizeInMBs, BufferIntervalInSeconds and NumberOfRetries are numbers") from error
    if not 0.2 <= size <= 3 or not 0 <= interval <= 900 or not 0 <= retries <= 300:
        raise invalid(
            f"Lambda processor with {size} MB, {interval} s, {retries} retries: BufferSizeInMBs is 0.2 to 3, "
            "BufferIntervalInSeconds 0 to 900, NumberOfRetries 0 to 300"
        )
    return TransformSettings(given["LambdaArn"], Hints(int(size * MIB), interval), retries)


def _unescaped(text: str) -> bytes:
    return text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t").encode()


def only(given: Mapping[str, Any], known: Set[str], where: str) -> None:
    """Refuses members that are not known, by name."""
    unknown = sorted(set(given) - known)
    if unknown:
        raise invalid(f"{where}: {unknown} is not modelled by this twin; known: {sorted(known)}")
