"""boto3 as it is, over HTTP and over TLS."""

import json
import sys
import time

import boto3

stream, bucket, workgroup = sys.argv[1:4]
kinesis = boto3.client("kinesis")
kinesis.create_stream(StreamName=stream, ShardCount=1)
kinesis.get_waiter("stream_exists").wait(StreamName=stream)
entries = [{"Data": b"event %d" % i, "PartitionKey": str(i)} for i in range(500)]
failed = kinesis.put_records(StreamName=stream, Records=entries)["FailedRecordCount"]
[shard] = kinesis.list_shards(StreamName=stream)["Shards"]
given = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
read = kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(**given)["ShardIterator"])["Records"]
error = ""
try:
    kinesis.describe_stream_summary(StreamName="nowhere")
except kinesis.exceptions.ResourceNotFoundException as caught:
    error = caught.response["Error"]["Code"]

s3 = boto3.client("s3")
s3.put_object(Bucket=bucket, Key="clients/a b+ü.txt", Body=b"x" * 9_000_000, Metadata={"a_b": "1"})
s3.upload_file(__file__, bucket, "clients/this.py")
sizes = {one["Key"]: one["Size"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="clients/")["Contents"]}
assert sizes["clients/a b+ü.txt"] == 9_000_000, sizes
assert s3.head_object(Bucket=bucket, Key="clients/a b+ü.txt")["Metadata"] == {"a_b": "1"}

athena = boto3.client("athena")
query = athena.start_query_execution(QueryString="SELECT 1 AS one, 'a' AS a", WorkGroup=workgroup)["QueryExecutionId"]
while (state := athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"]) in (
    "QUEUED",
    "RUNNING",
):
    time.sleep(0.1)
assert state == "SUCCEEDED", state
[_, row] = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
assert [one["VarCharValue"] for one in row["Data"]] == ["1", "a"]
print(
    json.dumps(
        {
            "failed": failed,
            "read": len(read),
            "text": sum(one["Data"].startswith(b"event ") for one in read),
            "in_time": all(abs(one["ApproximateArrivalTimestamp"].timestamp() - time.time()) < 600 for one in read),
            "error": error,
        }
    )
)
