// The default client of @aws-sdk/client-kinesis: HTTP/2.
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordsCommand,
  waitUntilStreamExists,
} from "@aws-sdk/client-kinesis";

const kinesis = new KinesisClient({});
const StreamName = process.argv[2];
await kinesis.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
await waitUntilStreamExists({ client: kinesis, maxWaitTime: 60 }, { StreamName });
const Records = [...Array(500).keys()].map((i) => ({ Data: Buffer.from(`event ${i}`), PartitionKey: `${i}` }));
const before = new Date(Date.now() - 5000);
const put = await kinesis.send(new PutRecordsCommand({ StreamName, Records }));
const { ShardIterator } = await kinesis.send(
  new GetShardIteratorCommand({
    StreamName,
    ShardId: put.Records[0].ShardId,
    ShardIteratorType: "AT_TIMESTAMP",
    Timestamp: before,
  }),
);
const got = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
let error = "";
try {
  await kinesis.send(new DescribeStreamSummaryCommand({ StreamName: "nowhere" }));
} catch (thrown) {
  error = thrown.name;
}
console.log(
  JSON.stringify({
    failed: put.FailedRecordCount,
    read: got.Records.length,
    text: got.Records.filter((record) => Buffer.from(record.Data).toString().startsWith("event ")).length,
    in_time: got.Records.every((record) => record.ApproximateArrivalTimestamp > before),
    error,
  }),
);
process.exit(0);
