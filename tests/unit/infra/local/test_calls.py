"""Requests as boto3 makes them are known by their operation: every S3 and Lambda call that the project makes."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from infra.local.calls import Call, call_of
from infra.rights.needs import Where, needs

HERE = Where("111122223333", "eu-west-1", lambda kind, name: "content" if kind == "iterator" else "wg")


def asked(service: str, call: Callable[[Any], Any]) -> Call:
    """The call that is read out of the request that boto3 would send."""
    client = boto3.client(
        service,
        region_name="eu-west-1",
        aws_access_key_id="AK",
        aws_secret_access_key="test",
        endpoint_url="http://127.0.0.1:1",
        config=Config(s3={"addressing_style": "path"}),
    )
    found: list[Call | None] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        body = request.body or b""
        parts = urlsplit(request.url)
        found.append(
            call_of(
                method=request.method,
                target=headers.get("x-amz-target", ""),
                path=parts.path,
                query=parts.query,
                headers=headers,
                body=body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else bytes(body),
                signed_for=headers["authorization"].partition("Credential=")[2].split("/")[3],
            )
        )
        raise StopIteration

    client.meta.events.register("before-send.*", answer)
    with pytest.raises(StopIteration):
        call(client)
    assert found[0] is not None
    return found[0]


UUID = "0" * 36
BUCKET, OBJECT = "arn:aws:s3:::b", "arn:aws:s3:::b/a/k"


@pytest.mark.parametrize(
    ("service", "call", "wanted"),
    [
        ("s3", lambda c: c.get_object(Bucket="b", Key="a/k"), {("s3:GetObject", OBJECT)}),
        ("s3", lambda c: c.get_object(Bucket="b", Key="a/k", VersionId="1"), {("s3:GetObjectVersion", OBJECT)}),
        ("s3", lambda c: c.head_object(Bucket="b", Key="a/k"), {("s3:GetObject", OBJECT)}),
        ("s3", lambda c: c.put_object(Bucket="b", Key="a/k", Body=b"x"), {("s3:PutObject", OBJECT)}),
        ("s3", lambda c: c.get_object(Bucket="b", Key="ä b"), {("s3:GetObject", f"{BUCKET}/ä b")}),
        ("s3", lambda c: c.list_objects_v2(Bucket="b", Prefix="a/"), {("s3:ListBucket", BUCKET)}),
        ("s3", lambda c: c.list_objects(Bucket="b"), {("s3:ListBucket", BUCKET)}),
        ("s3", lambda c: c.list_object_versions(Bucket="b"), {("s3:ListBucketVersions", BUCKET)}),
        ("s3", lambda c: c.create_multipart_upload(Bucket="b", Key="a/k"), {("s3:PutObject", OBJECT)}),
        ("s3", lambda c: c.upload_part(Bucket="b", Key="a/k", PartNumber=1, UploadId="u"), {("s3:PutObject", OBJECT)}),
        (
            "s3",
            lambda c: c.abort_multipart_upload(Bucket="b", Key="a/k", UploadId="u"),
            {("s3:AbortMultipartUpload", OBJECT)},
        ),
        (
            "s3",
            lambda c: c.copy_object(Bucket="b", Key="a/k", CopySource="x/y"),
            {("s3:GetObject", "arn:aws:s3:::x/y"), ("s3:PutObject", OBJECT)},
        ),
        (
            "s3",
            lambda c: c.delete_objects(Bucket="b", Delete={"Objects": [{"Key": "a/k"}]}),
            {("s3:DeleteObject", OBJECT)},
        ),
        ("s3", lambda c: c.delete_object(Bucket="b", Key="a/k", VersionId="1"), {("s3:DeleteObjectVersion", OBJECT)}),
        ("s3", lambda c: c.get_bucket_location(Bucket="b"), {("s3:GetBucketLocation", BUCKET)}),
        ("s3", lambda c: c.put_bucket_policy(Bucket="b", Policy="{}"), {("s3:PutBucketPolicy", BUCKET)}),
        ("s3", lambda c: c.get_bucket_lifecycle_configuration(Bucket="b"), {("s3:GetLifecycleConfiguration", BUCKET)}),
        ("s3", lambda c: c.list_buckets(), {("s3:ListAllMyBuckets", "*")}),
        ("lambda", lambda c: c.invoke(FunctionName="f"), {("lambda:InvokeFunction", HERE.arn("lambda", "function:f"))}),
        (
            "lambda",
            lambda c: c.get_function_configuration(FunctionName=HERE.arn("lambda", "function:f")),
            {("lambda:GetFunctionConfiguration", HERE.arn("lambda", "function:f"))},
        ),
        (
            "lambda",
            lambda c: c.update_event_source_mapping(UUID=UUID, Enabled=False),
            {("lambda:UpdateEventSourceMapping", HERE.arn("lambda", "event-source-mapping:" + UUID))},
        ),
        ("lambda", lambda c: c.list_event_source_mappings(), {("lambda:ListEventSourceMappings", "*")}),
        (
            "kinesis",
            lambda c: c.put_records(StreamName="s", Records=[{"Data": b"", "PartitionKey": "k"}]),
            {("kinesis:PutRecords", HERE.arn("kinesis", "stream/s"))},
        ),
        (
            "kinesis",
            lambda c: c.get_records(ShardIterator="i"),
            {("kinesis:GetRecords", HERE.arn("kinesis", "stream/content"))},
        ),
        ("kinesis", lambda c: c.list_streams(), {("kinesis:ListStreams", "*")}),
        (
            "firehose",
            lambda c: c.put_record_batch(DeliveryStreamName="d", Records=[{"Data": b""}]),
            {("firehose:PutRecordBatch", HERE.arn("firehose", "deliverystream/d"))},
        ),
        (
            "athena",
            lambda c: c.start_query_execution(QueryString="SELECT 1", WorkGroup="g"),
            {("athena:StartQueryExecution", HERE.arn("athena", "workgroup/g"))},
        ),
        (
            "athena",
            lambda c: c.get_query_results(QueryExecutionId="q"),
            {("athena:GetQueryResults", HERE.arn("athena", "workgroup/wg"))},
        ),
        (
            "sqs",
            lambda c: c.receive_message(QueueUrl="http://127.0.0.1:1/111122223333/q"),
            {("sqs:ReceiveMessage", HERE.arn("sqs", "q"))},
        ),
        (
            "events",
            lambda c: c.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": "bus"}]),
            {("events:PutEvents", HERE.arn("events", "event-bus/bus"))},
        ),
        (
            "dynamodb",
            lambda c: c.update_item(TableName="t", Key={"id": {"S": "1"}}),
            {("dynamodb:UpdateItem", HERE.arn("dynamodb", "table/t"))},
        ),
        (
            "dynamodb",
            lambda c: c.batch_execute_statement(Statements=[{"Statement": "INSERT INTO \"t\" VALUE {'id': ?}"}]),
            {("dynamodb:PartiQLInsert", HERE.arn("dynamodb", "table/t"))},
        ),
        (
            "dynamodb",
            lambda c: c.execute_statement(Statement='SELECT * FROM "t" WHERE a = 1'),
            {("dynamodb:PartiQLSelect", HERE.arn("dynamodb", "table/t"))},
        ),
        (
            "glue",
            lambda c: c.get_table(DatabaseName="d", Name="t"),
            {("glue:GetTable", HERE.arn("glue", one)) for one in ("catalog", "database/d", "table/d/t")},
        ),
        (
            "glue",
            lambda c: c.get_database(Name="d"),
            {("glue:GetDatabase", HERE.arn("glue", one)) for one in ("catalog", "database/d")},
        ),
        (
            "logs",
            lambda c: c.filter_log_events(logGroupName="/aws/lambda/f"),
            {("logs:FilterLogEvents", HERE.arn("logs", "log-group:/aws/lambda/f:*"))},
        ),
        ("cloudwatch", lambda c: c.describe_alarms(), {("cloudwatch:DescribeAlarms", "*")}),
        (
            "cloudformation",
            lambda c: c.describe_stacks(StackName="s"),
            {("cloudformation:DescribeStacks", HERE.arn("cloudformation", "stack/s/*"))},
        ),
        (
            "sts",
            lambda c: c.assume_role(RoleArn="arn:aws:iam::1:role/r", RoleSessionName="me"),
            {("sts:AssumeRole", "arn:aws:iam::1:role/r")},
        ),
        (
            "rekognition",
            lambda c: c.detect_moderation_labels(Image={"S3Object": {"Bucket": "bucket", "Name": "n"}}),
            {("rekognition:DetectModerationLabels", "*")},
        ),
        (
            "comprehend",
            lambda c: c.detect_toxic_content(TextSegments=[{"Text": "t"}], LanguageCode="en"),
            {("comprehend:DetectToxicContent", "*")},
        ),
        (
            "bedrock-runtime",
            lambda c: c.apply_guardrail(
                guardrailIdentifier="g", guardrailVersion="1", source="INPUT", content=[{"text": {"text": "t"}}]
            ),
            {("bedrock:ApplyGuardrail", HERE.arn("bedrock", "guardrail/g"))},
        ),
    ],
)
def test_a_call_needs_the_rights_that_the_authorization_reference_names(
    service: str, call: Callable[[Any], Any], wanted: set[tuple[str, str]]
) -> None:
    found = asked(service, call)
    assert {(one.action, one.resource) for one in needs(found.service, found.operation, found.given, HERE)} == wanted


def test_a_listing_carries_its_prefix() -> None:
    found = asked("s3", lambda c: c.list_object_versions(Bucket="b", Prefix="policies/"))
    assert needs(found.service, found.operation, found.given, HERE)[0].context == {"s3:prefix": "policies/"}
