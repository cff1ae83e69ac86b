import com.google.common.util.concurrent.ListenableFuture;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import software.amazon.kinesis.producer.KinesisProducer;
import software.amazon.kinesis.producer.KinesisProducerConfiguration;
import software.amazon.kinesis.producer.UserRecordResult;

/** KPL: aggregated records over TLS, sent by its native daemon. */
public class Kpl {
  public static void main(String[] args) throws Exception {
    String stream = args[0];
    int port = Integer.parseInt(args[1]);
    List<String> events = Files.readAllLines(Path.of(args[2]));
    KinesisProducerConfiguration configuration = new KinesisProducerConfiguration()
        .setRegion("us-east-1")
        .setKinesisEndpoint("localhost").setKinesisPort(port)
        .setStsEndpoint("localhost").setStsPort(port)
        .setCloudwatchEndpoint("localhost").setCloudwatchPort(port)
        .setVerifyCertificate(false)
        .setRecordTtl(300_000).setRequestTimeout(60_000);
    KinesisProducer producer = new KinesisProducer(configuration);
    List<ListenableFuture<UserRecordResult>> sent = new ArrayList<>(events.size());
    for (String event : events) {
      while (producer.getOutstandingRecordsCount() > 10_000) Thread.sleep(5);
      String key = "key " + sent.size() % 500;
      sent.add(producer.addUserRecord(stream, key, ByteBuffer.wrap(event.getBytes(StandardCharsets.UTF_8))));
    }
    producer.flushSync();
    int acknowledged = 0;
    String problem = "";
    for (ListenableFuture<UserRecordResult> one : sent) {
      try {
        if (one.get().isSuccessful()) acknowledged++;
      } catch (Exception failed) {
        problem = failed.getCause().getClass().getSimpleName();
      }
    }
    System.out.printf("{\"sent\": %d, \"acknowledged\": %d, \"problem\": \"%s\"}%n", sent.size(), acknowledged, problem);
    producer.destroy();
    System.exit(0);
  }
}
