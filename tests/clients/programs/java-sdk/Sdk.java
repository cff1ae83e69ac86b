import java.time.Instant;
import java.util.List;
import java.util.stream.IntStream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.*;

/** The default asynchronous client: CBOR over HTTP/2. */
public class Sdk {
  public static void main(String[] args) throws Exception {
    try (KinesisAsyncClient kinesis = KinesisAsyncClient.create()) {
      String stream = args[0];
      kinesis.createStream(r -> r.streamName(stream).shardCount(2)).join();
      kinesis.waiter().waitUntilStreamExists(r -> r.streamName(stream)).join();
      List<PutRecordsRequestEntry> entries = IntStream.range(0, 500)
          .mapToObj(i -> PutRecordsRequestEntry.builder().partitionKey("k" + i).data(SdkBytes.fromUtf8String("event " + i)).build())
          .toList();
      Instant before = Instant.now().minusSeconds(5);
      PutRecordsResponse put = kinesis.putRecords(r -> r.streamName(stream).records(entries)).join();
      int read = 0, text = 0;
      boolean inTime = true;
      for (Shard shard : kinesis.listShards(r -> r.streamName(stream)).join().shards()) {
        String iterator = kinesis.getShardIterator(r -> r.streamName(stream).shardId(shard.shardId())
            .shardIteratorType(ShardIteratorType.AT_TIMESTAMP).timestamp(before)).join().shardIterator();
        for (software.amazon.awssdk.services.kinesis.model.Record record :
            kinesis.getRecords(r -> r.shardIterator(iterator)).join().records()) {
          read++;
          if (record.data().asUtf8String().startsWith("event ")) text++;
          inTime &= record.approximateArrivalTimestamp().isAfter(before)
              && record.approximateArrivalTimestamp().isBefore(Instant.now().plusSeconds(5));
        }
      }
      String error = "";
      try {
        kinesis.describeStreamSummary(r -> r.streamName("nowhere")).join();
      } catch (Exception thrown) {
        error = thrown.getCause().getClass().getSimpleName();
      }
      System.out.printf("{\"failed\": %d, \"read\": %d, \"text\": %d, \"in_time\": %b, \"error\": \"%s\"}%n",
          put.failedRecordCount(), read, text, inTime, error);
    }
  }
}
