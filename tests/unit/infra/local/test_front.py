"""The one door: who answers which call, how errors look to a client, and how requests are read off the line."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from werkzeug.test import Client

from infra.local.cloudformation.cloudformation import Stack, StackApi, StackResource
from infra.local.control import Control
from infra.local.durable.requests import Call
from infra.local.durable.store import StoreError
from infra.local.errors import ApiError
from infra.local.front import Front
from infra.local.moto_backend import MotoBackend
from infra.local.server import LoopbackServer
from infra.local.stores import GlueCatalog, S3Store
from tests.fakes.clients import client


class Echo:
    """A JSON service that answers with what it was asked, and fails when told to."""

    def call(self, action: str, body: dict[str, object]) -> dict[str, object]:
        if action == "DescribeStream":
            raise ApiError("ResourceNotFoundException", "Stream x not found")
        if action == "PutRecord":
            raise RuntimeError(str(body))
        return {"ShardLimit": 1, "OpenShardCount": len(body), "OnDemandStreamCount": 0, "OnDemandStreamCountLimit": 0}


class Rest:
    def handle(
        self, method: str, path: str, query: dict[str, str], body: bytes, headers: Any = None
    ) -> tuple[int, dict[str, str], bytes]:
        seen = {"method": method, "path": path, "query": query, "kind": (headers or {}).get("x-amz-invocation-type")}
        return 200, {"Content-Type": "application/json"}, json.dumps(seen).encode()


class Idle:
    def health(self) -> dict[str, Any]:
        return {"status": "ready"}

    def state(self) -> dict[str, Any]:
        return {"in_flight": 0}

    def drain(self, timeout: float) -> dict[str, Any]:
        return {"drained": True, "timeout": timeout}


@pytest.fixture(scope="module")
def moto() -> Iterator[MotoBackend]:
    moto = MotoBackend()
    moto.reset()  # a process has one, and other tests may have left something in it
    yield moto
    moto.reset()


@pytest.fixture(scope="module")
def stacks() -> StackApi:
    api = StackApi()
    api.stand(
        Stack(
            name="streamkeeper",
            region="us-east-1",
            account_id="000000000000",
            created_at=1_700_000_000.0,
            description="a < b & c",
            parameters={"ShardCount": "2"},
            outputs={"LakeBucketName": "lake"},
            output_descriptions={"LakeBucketName": "where it lands"},
            resources=(StackResource(logical_id="Lake", physical_id="lake", type="AWS::S3::Bucket"),),
        )
    )
    return api


@pytest.fixture(scope="module")
def front(moto: MotoBackend, stacks: StackApi) -> Front:
    return Front(moto, apis={"kinesis": Echo()}, functions=Rest(), stacks=stacks, control=Control(Idle()))


@pytest.fixture(scope="module")
def url(front: Front) -> Iterator[str]:
    with LoopbackServer(front) as server:
        yield server.url


# ------------------------------------------------------------------------------------------------ who answers


def test_a_target_of_ours_is_answered_by_ours(url: str) -> None:
    assert client("kinesis", url).describe_limits()["ShardLimit"] == 1


def test_an_error_of_ours_is_the_exception_that_boto3_knows(url: str) -> None:
    kinesis = client("kinesis", url)
    with pytest.raises(kinesis.exceptions.ResourceNotFoundException) as caught:
        kinesis.describe_stream(StreamName="x")
    answer = caught.value.response
    assert answer["Error"] == {"Code": "ResourceNotFoundException", "Message": "Stream x not found"}
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == "ResourceNotFoundException"
    assert answer["ResponseMetadata"]["RequestId"]


def test_a_defect_answers_without_what_the_caller_sent(url: str, caplog: pytest.LogCaptureFixture) -> None:
    kinesis = client("kinesis", url)
    with pytest.raises(ClientError, match="RuntimeError") as caught:
        kinesis.put_record(StreamName="x", Data=b"a", PartitionKey="a-secret-key")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "a-secret-key" not in str(caught.value) + caplog.text
    assert "test_front.py" in caplog.text


def test_a_service_of_ours_that_is_not_there_says_so(url: str) -> None:
    with pytest.raises(ClientError, match="runs without its firehose service"):
        client("firehose", url).list_delivery_streams()


def test_lambda_is_answered_with_its_path_as_it_was_sent(url: str) -> None:
    answer = client("lambda", url).invoke(
        FunctionName="arn:aws:lambda:us-east-1:000000000000:function:f", Payload=b"{}"
    )
    seen = json.loads(answer["Payload"].read())
    assert seen["method"] == "POST"
    assert seen["path"].startswith("/2015-03-31/functions/arn%3Aaws%3Alambda")


def test_everything_else_is_answered_from_beneath_in_our_account(url: str) -> None:
    assert client("sts", url).get_caller_identity()["Account"] == "000000000000"


@pytest.mark.parametrize("body", [b"[1]", b"{", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(front: Front, body: bytes) -> None:
    answer = Client(front).post("/", data=body, headers={"X-Amz-Target": "Kinesis_20131202.DescribeLimits"})
    assert answer.status_code == 400
    assert json.loads(answer.data)["__type"] == "SerializationException"


def test_a_shortcut_that_passes_leaves_the_call_to_what_lies_beneath(moto: MotoBackend) -> None:
    asked: list[dict[str, object]] = []
    front = Front(moto, shortcuts={"DynamoDB_20120810.ListTables": lambda body: asked.append(body)})
    with LoopbackServer(front) as server:
        assert client("dynamodb", server.url).list_tables(Limit=3)["TableNames"] == []
    assert asked == [{"Limit": 3}]


def test_a_shortcut_answers_in_the_protocol_of_its_service(moto: MotoBackend) -> None:
    def refuse(_: dict[str, object]) -> dict[str, object]:
        raise ApiError("ConditionalCheckFailedException", "The conditional request failed")

    front = Front(moto, shortcuts={"DynamoDB_20120810.PutItem": refuse})
    with LoopbackServer(front) as server:
        dynamodb = client("dynamodb", server.url)
        with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.put_item(TableName="t", Item={"k": {"S": "v"}})


class Full:
    """Keeps nothing, since its disk takes no more."""

    def begin(self, call: object) -> None: ...
    def done(self, call: object, status: int) -> None: ...

    def settle(self) -> None:
        raise StoreError("/data takes no more; make room")


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("cloudformation", "describe_stacks", {"StackName": "streamkeeper"}),
        ("kinesis", "describe_limits", {}),
        ("s3", "list_objects_v2", {"Bucket": "b"}),
        ("sts", "get_caller_identity", {}),
    ],
)
def test_what_cannot_be_kept_is_refused_in_the_protocol_of_its_service(
    moto: MotoBackend, stacks: StackApi, service: str, operation: str, given: dict[str, str]
) -> None:
    front = Front(moto, apis={"kinesis": Echo()}, stacks=stacks, recorder=Full())
    with LoopbackServer(front) as server, pytest.raises(ClientError, match="make room") as caught:
        getattr(client(service, server.url), operation)(**given)
    assert caught.value.response["Error"]["Code"] == "InternalFailure"


def test_calls_that_are_not_admitted_yet_are_to_be_tried_again_and_change_nothing(moto: MotoBackend) -> None:
    front = Front(moto, apis={"kinesis": Echo()}, control=Control(Idle()), admits=lambda environ: False)
    headers = {"X-Amz-Target": "Kinesis_20131202.DescribeLimits"}
    assert Client(front).post("/", data=b"{}", headers=headers).status_code == 503
    assert Client(front).get("/_twin/health").status_code == 200


def test_what_cannot_be_kept_is_not_answered_as_done(moto: MotoBackend) -> None:
    class Full:
        def begin(self, call: Call) -> None: ...

        def done(self, call: Call, status: int) -> None: ...

        def settle(self) -> None:
            raise StoreError("the disk is full")

    front = Front(moto, apis={"kinesis": Echo()}, recorder=Full())
    answer = Client(front).post("/", data=b"{}", headers={"X-Amz-Target": "Kinesis_20131202.DescribeLimits"})
    assert (answer.status_code, json.loads(answer.data)["message"]) == (500, "the disk is full")


# ------------------------------------------------------------------------------------------------ who may ask


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost", "Origin": "https://evil.example"},
        {"Host": "localhost", "Origin": "null"},
    ],
)
def test_a_web_page_is_refused(front: Front, headers: dict[str, str]) -> None:
    assert Client(front).get("/_twin/health", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:4566"},
        {"Host": "localhost"},
        {"Host": "bucket.localhost:4566"},
        {"Host": "[::1]:4566"},
        {"Host": "localhost:4566", "Origin": "http://localhost:4566"},
    ],
)
def test_this_machine_is_served(front: Front, headers: dict[str, str]) -> None:
    assert Client(front).get("/_twin/health", headers=headers).status_code == 200


def test_answers_allow_no_other_origin_to_read_them(front: Front) -> None:
    answer = Client(front).get("/", headers={"Host": "localhost"})
    assert "Access-Control-Allow-Origin" not in answer.headers


# ------------------------------------------------------------------------------------------------ control


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/_twin/health", 200),
        ("GET", "/_twin/state", 200),
        ("POST", "/_twin/drain?timeout=5", 200),
        ("POST", "/_twin/drain", 200),
        ("GET", "/_twin/drain", 405),
        ("POST", "/_twin/drain?timeout=-1", 400),
        ("POST", "/_twin/drain?timeout=nan", 400),
        ("POST", "/_twin/drain?timeout=soon", 400),
        ("GET", "/_twin/other", 404),
    ],
)
def test_control_answers_in_json(front: Front, method: str, path: str, status: int) -> None:
    answer = Client(front).open(path, method=method)
    assert answer.status_code == status
    assert answer.get_json()


# ------------------------------------------------------------------------------------------------ the stack


def test_boto3_reads_the_stack(url: str) -> None:
    cloudformation = client("cloudformation", url)
    [stack] = cloudformation.describe_stacks(StackName="streamkeeper")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Description"] == "a < b & c"
    assert stack["Outputs"] == [{"OutputKey": "LakeBucketName", "OutputValue": "lake", "Description": "where it lands"}]
    assert stack["Parameters"] == [{"ParameterKey": "ShardCount", "ParameterValue": "2"}]
    assert cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackName"] == "streamkeeper"
    assert cloudformation.list_stacks()["StackSummaries"][0]["StackName"] == "streamkeeper"
    [resource] = cloudformation.describe_stack_resources(StackName="streamkeeper")["StackResources"]
    assert (resource["LogicalResourceId"], resource["PhysicalResourceId"]) == ("Lake", "lake")
    listed = cloudformation.list_stack_resources(StackName="streamkeeper")["StackResourceSummaries"]
    assert [one["ResourceType"] for one in listed] == ["AWS::S3::Bucket"]


def test_another_stack_and_another_resource_do_not_exist(url: str) -> None:
    cloudformation = client("cloudformation", url)
    with pytest.raises(ClientError, match="does not exist"):
        cloudformation.describe_stacks(StackName="other")
    with pytest.raises(ClientError, match="Resource Nobody does not exist"):
        cloudformation.describe_stack_resources(StackName="streamkeeper", LogicalResourceId="Nobody")


# ------------------------------------------------------------------------------------------------ S3 and Glue


def test_objects_go_through_the_door_and_past_it_alike(url: str, moto: MotoBackend) -> None:
    s3, store = client("s3", url), S3Store(moto)
    s3.create_bucket(Bucket="both")
    body = gzip.compress(b"x" * 300_000)
    s3.put_object(Bucket="both", Key="a/ü b+c.gz", Body=body, ContentEncoding="gzip", Metadata={"who": "me"})
    assert store.get("both", "a/ü b+c.gz") == body
    assert store.get("both", "a/ü b+c.gz", start=2, length=3) == body[2:5]
    assert store.size("both", "a/ü b+c.gz") == len(body)
    etag = store.put("both", "b/1", b"two", content_type="text/plain")
    answer = s3.get_object(Bucket="both", Key="b/1")
    assert (answer["Body"].read(), answer["ETag"], answer["ContentType"]) == (b"two", f'"{etag}"', "text/plain")
    assert [(one.key, one.size) for one in store.list("both")] == [("a/ü b+c.gz", len(body)), ("b/1", 3)]
    assert [one.key for one in store.list("both", "b/")] == ["b/1"]
    listed = s3.list_objects_v2(Bucket="both")["Contents"]
    assert [one["ETag"].strip('"') for one in listed] == [one.etag for one in store.list("both")]
    assert s3.head_object(Bucket="both", Key="a/ü b+c.gz")["Metadata"] == {"who": "me"}
    store.delete("both", "b/1")
    store.delete("both", "b/1")
    assert not store.exists("both", "b/1")


@pytest.mark.parametrize(("bucket", "code"), [("nowhere", "NoSuchBucket"), ("empty", "NoSuchKey")])
def test_an_object_that_is_not_there_is_an_aws_error(url: str, moto: MotoBackend, bucket: str, code: str) -> None:
    client("s3", url).create_bucket(Bucket="empty")
    with pytest.raises(ApiError) as caught:
        S3Store(moto).get(bucket, "k")
    assert (caught.value.code, caught.value.status) == (code, 404)


def test_a_deleted_object_of_a_versioned_bucket_is_gone(url: str, moto: MotoBackend) -> None:
    s3, store = client("s3", url), S3Store(moto)
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    store.put("versioned", "k", b"1")
    store.put("versioned", "k", b"22")
    assert [one.size for one in store.list("versioned")] == [2]
    store.delete("versioned", "k")
    assert store.list("versioned") == []
    with pytest.raises(ApiError, match="NoSuchKey"):
        store.get("versioned", "k")


@pytest.mark.parametrize("call", ["list_objects", "list_objects_v2"])
def test_a_folder_whose_objects_were_all_deleted_is_not_listed(url: str, call: str) -> None:
    s3, bucket = client("s3", url), call.replace("_", "-")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("jobs/0/a=1/part", "jobs/0/part", "jobs/1/part", "jobs/2"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "jobs/0/a=1/part"}, {"Key": "jobs/0/part"}, {"Key": "jobs/0/"}]}
    )
    listed = getattr(s3, call)(Bucket=bucket, Prefix="jobs/", Delimiter="/")
    assert [one["Prefix"] for one in listed["CommonPrefixes"]] == ["jobs/1/"]
    assert [one["Key"] for one in listed["Contents"]] == ["jobs/2"]
    whole = getattr(s3, call)(Bucket=bucket, Delimiter="/")
    assert [one["Prefix"] for one in whole["CommonPrefixes"]] == ["jobs/"]
    s3.put_object(Bucket=bucket, Key="jobs/0/part", Body=b"2")
    listed = getattr(s3, call)(Bucket=bucket, Prefix="jobs/", Delimiter="/")
    assert [one["Prefix"] for one in listed["CommonPrefixes"]] == ["jobs/0/", "jobs/1/"]


def test_a_policy_that_asks_for_tls_does_not_close_the_loopback(url: str) -> None:
    s3 = client("s3", url)
    s3.create_bucket(Bucket="closed")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::closed/*"}
    tls = {**statement, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    s3.put_bucket_policy(Bucket="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls]}))
    s3.put_object(Bucket="closed", Key="k", Body=b"")
    s3.put_bucket_policy(Bucket="closed", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    with pytest.raises(ClientError, match="Forbidden"):
        s3.put_object(Bucket="closed", Key="k", Body=b"")


def test_a_table_says_of_its_files_what_glue_says_when_nobody_said_it(url: str) -> None:
    glue = client("glue", url)
    glue.create_database(DatabaseInput={"Name": "files"})
    given = {"Columns": [{"Name": "a", "Type": "int"}], "Location": "s3://b/a/", "Compressed": True}
    glue.create_table(DatabaseName="files", TableInput={"Name": "t", "StorageDescriptor": given})
    glue.create_partition(
        DatabaseName="files", TableName="t", PartitionInput={"Values": ["1"], "StorageDescriptor": given}
    )
    expected = {**given, "NumberOfBuckets": 0, "SortColumns": [], "StoredAsSubDirectories": False}
    assert glue.get_table(DatabaseName="files", Name="t")["Table"]["StorageDescriptor"] == expected
    [partition] = glue.get_partitions(DatabaseName="files", TableName="t")["Partitions"]
    assert partition["StorageDescriptor"] == expected
    asked = glue.batch_get_partition(DatabaseName="files", TableName="t", PartitionsToGet=[{"Values": ["1"]}])
    assert [one["Values"] for one in asked["Partitions"]] == [["1"]]
    assert asked["UnprocessedKeys"] == []
    segments = [{"SegmentNumber": number, "TotalSegments": 3} for number in range(3)]
    found = [glue.get_partitions(DatabaseName="files", TableName="t", Segment=one)["Partitions"] for one in segments]
    assert sorted(len(one) for one in found) == [0, 0, 1]
    glue.delete_database(Name="files")


def test_the_catalog_gives_what_glue_gives(url: str, moto: MotoBackend) -> None:
    glue, catalog = client("glue", url), GlueCatalog(moto)
    glue.create_database(DatabaseInput={"Name": "db"})
    glue.create_table(DatabaseName="db", TableInput={"Name": "t", "Parameters": {"a": "b"}})
    assert catalog.get_table("DB", "T")["Parameters"] == {"a": "b"}
    assert [table["Name"] for table in catalog.list_tables("db")] == ["t"]
    assert [database["Name"] for database in catalog.list_databases()] == ["db"]
    assert catalog.get_database("db")["Name"] == "db"
    assert catalog.get_partitions("db", "t") == []
    catalog.create_database("Made")
    catalog.create_table("made", {"Name": "V", "TableType": "VIRTUAL_VIEW"})
    assert glue.get_table(DatabaseName="made", Name="v")["Table"]["TableType"] == "VIRTUAL_VIEW"
    catalog.update_table("made", {"Name": "V", "Description": "new"})
    assert catalog.get_table("made", "v")["Description"] == "new"
    for again in (lambda: catalog.create_database("made"), lambda: catalog.create_table("made", {"Name": "v"})):
        with pytest.raises(ApiError, match="AlreadyExistsException"):
            again()
    catalog.delete_table("made", "V")
    catalog.delete_database("made")
    gone = (lambda: catalog.delete_table("db", "x"), lambda: catalog.delete_database("made"))
    for call in (lambda: catalog.get_table("db", "x"), lambda: catalog.get_table("x", "t"), *gone):
        with pytest.raises(ApiError, match="EntityNotFoundException"):
            call()


def test_head_gives_a_length_and_no_body(url: str) -> None:
    s3 = client("s3", url)
    s3.create_bucket(Bucket="heads")
    s3.put_object(Bucket="heads", Key="k", Body=b"12345")
    assert s3.head_object(Bucket="heads", Key="k")["ContentLength"] == 5
    assert s3.get_object(Bucket="heads", Key="k")["Body"].read() == b"12345"
