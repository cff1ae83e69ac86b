"""Stacks of users: three in the style of public samples, with data put in and seen to come out."""

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from infra.local.cloudformation.intrinsics import TemplateError, load_template
from infra.local.cloudformation.provision import read_template
from infra.local.twin import Twin

HERE = Path(__file__).parent


@contextmanager
def standing(name: str, **parameters: object) -> Iterator[Twin]:
    """A runtime with the stack of that folder."""
    path = HERE / name / "template.yaml"
    with Twin(
        template=read_template(path), template_folder=path.parent, stack_name=name, parameters=parameters
    ) as twin:
        yield twin


def objects(twin: Twin, prefix: str) -> list[bytes]:
    bucket = twin.outputs["BucketName"]
    return [twin.objects.get(bucket, info.key) for info in twin.objects.list(bucket, prefix)]


def put(twin: Twin, *documents: Mapping[str, object] | bytes) -> None:
    records = [
        {"Data": one if isinstance(one, bytes) else json.dumps(one).encode(), "PartitionKey": str(at)}
        for at, one in enumerate(documents)
    ]
    answer = twin.client("kinesis").put_records(StreamName=twin.outputs["StreamName"], Records=records)
    assert answer["FailedRecordCount"] == 0


def test_clicks_come_out_enriched_as_parquet() -> None:
    with standing("clicks", ShardCount=1) as twin:
        clicks = [{"type": "click", "user": f"u{at}", "page": "/", "lang": "de-DE"} for at in range(40)]
        put(
            twin,
            *clicks,
            {"type": "view", "user": "u1", "page": "/"},
            {"type": "click", "page": "/nobody"},
            b"no JSON",
            {"type": "click", "user": "u40", "page": "/x", "lang": "xx"},
            {"type": "click", "user": "no-page"},
        )
        assert twin.drain(300)["drained"]
        rows = [row for body in objects(twin, "clicks/") for row in pq.read_table(io.BytesIO(body)).to_pylist()]
        assert {row["user"] for row in rows} == {f"u{at}" for at in range(41)}
        assert {row["country"] for row in rows if row["user"] != "u40"} == {"Germany"}
        assert objects(twin, "errors/") == []

        [mapping] = twin.state()["mappings"].values()
        assert (mapping["counters"]["filtered"], mapping["counters"]["discarded"]) == (3, 1)
        assert any("clicks enriched" in line.message for line in twin.logs.read(f"/aws/lambda/{function_of(twin)}"))
        assert countries(twin) == [["Germany", str(len(rows) - 1)], ["other", "1"]]


def function_of(twin: Twin) -> str:
    function = twin.client("lambda").get_function(FunctionName=twin.outputs["FunctionName"])
    assert function["Configuration"]["TracingConfig"] == {"Mode": "Active"}
    assert function["Configuration"]["CodeSize"] > 0
    assert function["Tags"]["team"] == "web"
    return str(function["Configuration"]["FunctionName"])


def countries(twin: Twin) -> list[list[str]]:
    athena = twin.client("athena")
    query = athena.start_query_execution(
        QueryString="SELECT country, count(*) FROM web.clicks GROUP BY 1 ORDER BY 1",
        ResultConfiguration={"OutputLocation": f"s3://{twin.outputs['BucketName']}/results/"},
    )["QueryExecutionId"]
    while athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"] in (
        "QUEUED",
        "RUNNING",
    ):
        time.sleep(0.05)
    rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"][1:]
    return [[cell["VarCharValue"] for cell in row["Data"]] for row in rows]


def test_temperatures_are_averaged_in_a_window_and_the_hot_ones_are_acted_on() -> None:
    with standing("temperatures", TooHot=50) as twin:
        for celsius in (10, 20, 90):
            put(twin, {"device": "cold", "celsius": celsius / 10}, {"device": "hot", "celsius": celsius})
        put(twin, {"device": "hotter", "celsius": 99.9})
        assert twin.drain(300)["drained"]
        assert items(twin, "TableName") == {
            "cold": {"device": "cold", "average": 4, "readings": 3},
            "hot": {"device": "hot", "average": 40, "readings": 3},
            "hotter": {"device": "hotter", "average": 99.9, "readings": 1},
        }
        acted = items(twin, "ActedTableName", key="id")
        assert acted == {"hotter": {"id": "hotter", "source": "aws:sqs"}}


def items(twin: Twin, output: str, *, key: str = "device") -> dict[str, dict[str, Any]]:
    found = twin.client("dynamodb").scan(TableName=twin.outputs[output])["Items"]
    plain = [{name: float(v["N"]) if "N" in v else v["S"] for name, v in item.items()} for item in found]
    return {str(item[key]): item for item in plain}


def test_a_log_groups_events_come_out_as_lines() -> None:
    with standing("logs") as twin:
        logs = twin.client("logs")
        group = twin.outputs["LogGroupName"]
        logs.create_log_stream(logGroupName=group, logStreamName="one")
        now = int(time.time() * 1000)
        for start in (0, 3):
            events = [{"timestamp": now + at, "message": f"order {start + at}"} for at in range(3)]
            logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)
        assert twin.drain(300)["drained"]
        lines = b"".join(objects(twin, "orders/")).decode().splitlines()
        assert lines == [f"/shop/orders order {at}" for at in range(6)]
        assert objects(twin, "errors/") == []


BUCKET = "Resources: {B: {Type: AWS::S3::Bucket}, %s}"
FUNCTION = "F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.12, %s}}"


@pytest.mark.parametrize(
    ("resource", "named"),
    [
        ("T: {Type: AWS::StepFunctions::StateMachine}", "AWS::StepFunctions::StateMachine"),
        (FUNCTION % "CodeUri: src, VpcConfig: {SubnetIds: [a]}", "VpcConfig"),
        (FUNCTION % "CodeUri: no/such/folder", "no/such/folder"),
        (
            "F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: nodejs22.x, CodeUri: src}}",
            "nodejs22.x",
        ),
        (FUNCTION % "InlineCode: x, Events: {E: {Type: Schedule, Properties: {Schedule: rate(1 minute)}}}", "Schedule"),
        ("S: {Type: AWS::SNS::Subscription, Properties: {TopicArn: a, Protocol: email, Endpoint: a@b.c}}", "email"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(tmp_path: Path, resource: str, named: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("def b(event, context): pass\n")
    template = load_template(BUCKET % resource)
    with pytest.raises(TemplateError, match=named), Twin(template=template, template_folder=tmp_path):
        pass
