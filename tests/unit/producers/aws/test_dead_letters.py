"""Whose dead letters a redrive takes: moderation's. Those of the archiver were moderated, and are told apart."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from infra.local.cloudformation.provision import read_template
from producers.aws.dead_letters import BucketLetters, PointedLetters, is_of_archiver
from tests.fakes.kinesis_events import kinesis_event

WRITTEN = datetime(2026, 11, 20, 12, tzinfo=UTC)


def letter(function: str) -> bytes:
    at = "2026-11-20T12:00:00.000Z"
    return msgspec.json.encode(
        {
            "requestContext": {
                "functionArn": f"arn:aws:lambda:eu-west-1:1:function:{function}",
                "condition": "RecordAgeExceeded",
            },
            "KinesisBatchInfo": {
                "shardId": "shardId-000000000000",
                "startSequenceNumber": "1000",
                "endSequenceNumber": "1000",
                "approximateArrivalOfFirstRecord": at,
                "approximateArrivalOfLastRecord": at,
                "batchSize": 1,
                "streamArn": "arn:aws:kinesis:eu-west-1:1:stream/content",
            },
            "payload": kinesis_event([b"{}"]),
        }
    )


class Bucket:
    """Two letters, by either function, as S3 gives them."""

    def __init__(self) -> None:
        self.kept = {f"aws/lambda/{name}/s/1": letter(f"sk-{name}") for name in ("archive", "moderate")}

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, **_: object) -> Iterator[dict[str, Any]]:
        yield {"Contents": [{"Key": key, "LastModified": WRITTEN} for key in self.kept]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.kept[Key])}


def test_a_redrive_takes_the_letters_of_moderation_and_calls_the_others_neither_meant_nor_unreadable() -> None:
    at = WRITTEN.timestamp()
    letters = BucketLetters("b", since=at - 10, until=at + 10, reasons=frozenset(), client=Bucket())
    assert len(list(letters.items())) == 1
    messages = [(letter(name).decode(), None) for name in ("sk-archive", "sk-moderate")]
    pointed = PointedLetters(messages, Any, since=at - 10, until=at + 10, reasons=frozenset())  # type: ignore[arg-type]
    assert len(list(pointed.items())) == 1
    assert (letters.unreadable, pointed.unreadable) == ([], [])


@pytest.mark.parametrize(("name", "is_its"), [("ArchiveFunction", True), ("ModerateFunction", False)])
def test_the_templates_functions_are_told_apart_whatever_the_stack_is_called(name: str, is_its: bool) -> None:
    pattern = read_template()["Resources"][name]["Properties"]["FunctionName"]["Fn::Sub"]
    for stack in ("sk", "my-archive"):
        arn = f"arn:aws:lambda:eu-west-1:1:function:{pattern.replace('${AWS::StackName}', stack)}"
        assert is_of_archiver({"requestContext": {"functionArn": arn}}) is is_its
