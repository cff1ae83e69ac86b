"""What outlived a stack is found by its tags, and an import takes just that."""

import json
from typing import Any

import pytest

from infra.deploying.kept import Kept, find_kept, how_to_remove, import_request, of_the_kept, parts
from infra.local.cloudformation.provision import read_template

TEMPLATE = read_template()
BUCKET = "arn:aws:s3:::streamkeeper-lakebucket-1"
STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/streamkeeper-ContentStream-1"
TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/streamkeeper-StatusTable-1"


class Tagging:
    """Gives one page a resource; notes what was asked for."""

    def __init__(self, **parts: str) -> None:
        self._parts = parts
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, _: str) -> "Tagging":
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked.append(asked)
        return [
            {
                "ResourceTagMappingList": [
                    {
                        "ResourceARN": arn,
                        "Tags": [
                            {"Key": "team", "Value": "x"},
                            {"Key": "streamkeeper:part", "Value": part.rstrip("_")},
                        ],
                    }
                ]
            }
            for part, arn in self._parts.items()
        ]


def test_buckets_stream_and_table_are_found_by_their_names() -> None:
    tagging = Tagging(LakeBucket=BUCKET, ContentStream=STREAM, StatusTable=TABLE, Unknown="arn:aws:s3:::other")
    assert find_kept(tagging, "streamkeeper", TEMPLATE) == [
        Kept("ContentStream", "AWS::Kinesis::Stream", "streamkeeper-ContentStream-1"),
        Kept("LakeBucket", "AWS::S3::Bucket", "streamkeeper-lakebucket-1"),
        Kept("StatusTable", "AWS::DynamoDB::Table", "streamkeeper-StatusTable-1"),
    ]
    assert tagging.asked[0]["TagFilters"] == [{"Key": "streamkeeper:stack", "Values": ["streamkeeper"]}]


def test_of_two_lakes_nobody_knows_which_is_meant() -> None:
    found = find_kept(Tagging(LakeBucket=BUCKET, LakeBucket_="arn:aws:s3:::streamkeeper-lakebucket-2"), "s", TEMPLATE)
    [finding] = of_the_kept(found)
    assert finding.level == "stop"
    assert "streamkeeper-lakebucket-1, streamkeeper-lakebucket-2" in finding.says
    assert of_the_kept(found[:1]) == []


def test_an_import_has_the_resources_and_the_parameters_they_refer_to_and_no_outputs() -> None:
    found = [Kept("ContentStream", "AWS::Kinesis::Stream", "s-1"), Kept("LakeBucket", "AWS::S3::Bucket", "b-1")]
    request = import_request(TEMPLATE, found, {"ShardCount": "4", "LogRetentionDays": "7"})
    body = json.loads(request["TemplateBody"])
    assert set(body) == {"AWSTemplateFormatVersion", "Parameters", "Conditions", "Resources"}
    assert set(body["Resources"]) == {"ContentStream", "LakeBucket"}
    assert {"ShardCount", "StreamRetentionHours", "ArchiveRetentionDays"} <= set(body["Parameters"])
    assert "LogRetentionDays" not in body["Parameters"]
    assert request["Parameters"] == [{"ParameterKey": "ShardCount", "ParameterValue": "4"}]
    assert [one["ResourceIdentifier"] for one in request["ResourcesToImport"]] == [
        {"Name": "s-1"},
        {"BucketName": "b-1"},
    ]
    assert len(request["TemplateBody"]) < 51_200


def test_what_outlives_the_stack_is_what_the_template_says() -> None:
    assert set(parts(TEMPLATE)) == {"ContentStream", "LakeBucket", "DeadLetterBucket", "ResultBucket", "StatusTable"}


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("AWS::S3::Bucket", "object_versions.delete()"),
        ("AWS::Kinesis::Stream", "aws kinesis delete-stream --enforce-consumer-deletion --stream-name name-1"),
        ("AWS::DynamoDB::Table", "aws dynamodb delete-table --table-name name-1"),
    ],
)
def test_each_kind_says_how_it_is_removed(kind: str, command: str) -> None:
    said = how_to_remove(Kept("Part", kind, "name-1"))
    assert command in said
    assert "name-1" in said
