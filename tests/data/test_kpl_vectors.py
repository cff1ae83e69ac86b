"""Aggregates that other implementations made, read and written again byte for byte."""

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from glue.contract import BadInput
from glue.kpl.aggregation import MAGIC, UserRecord, decode, encode

FOLDER = Path(os.environ["STREAMKEEPER_DATA"]) / "vectors" / "kpl_aggregation"
VECTORS: list[dict[str, Any]] = json.loads((FOLDER / "vectors.json").read_text())


def data_of(vector: dict[str, Any]) -> bytes:
    record = vector["record"]
    return base64.b64decode(record.get("kinesis", record)["data"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_gives_its_user_records(vector: dict[str, Any]) -> None:
    records = decode(data_of(vector))
    if not vector["aggregated"]:
        assert records is None
        return
    assert isinstance(records, list)
    assert [(one.partition_key, one.data.decode().rstrip("\n")) for one in records] == [
        (expected["partitionKey"], expected["data"].rstrip("\n")) for expected in vector["expected"]
    ]
    for one, expected in zip(records, vector["expected"], strict=True):
        assert "explicitHashKey" not in expected or one.explicit_hash_key == expected["explicitHashKey"]


@pytest.mark.parametrize("vector", [one for one in VECTORS if one["aggregated"]], ids=lambda vector: vector["name"])
def test_every_aggregate_is_written_again_byte_for_byte(vector: dict[str, Any]) -> None:
    data = data_of(vector)
    records = decode(data)
    assert isinstance(records, list)
    assert encode(records) == data


def framed(message: bytes) -> bytes:
    return MAGIC + message + hashlib.md5(message).digest()


CASES = {
    "magic prefix but trailing MD5 does not match": encode([UserRecord("k", None, b"x")])[:-1] + b"\0",
    "shorter than magic + digest": MAGIC + b"abc",
    "empty protobuf payload with valid digest": framed(b""),
    "valid digest, invalid protobuf (0A 7F 01 02)": framed(b"\x0a\x7f\x01\x02"),
    "partition-key or explicit-hash-key index out of range": framed(b"\x0a\x01k\x1a\x05\x08\x05\x1a\x01x"),
    "valid digest, zero user records": framed(b"\x0a\x01k"),
}


def test_every_malformed_case_of_the_list_is_quarantined_whole() -> None:
    """Where others pass a damaged aggregate on as content, it is quarantined here, and can be redriven."""
    rules = {rule["case"] for rule in json.loads((FOLDER / "malformed_rules.json").read_text())["rules"]}
    assert rules - {"mixed batch plain/aggregated/plain"} == set(CASES)
    for data in CASES.values():
        assert isinstance(decode(data), BadInput)
