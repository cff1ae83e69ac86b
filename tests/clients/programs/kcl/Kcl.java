import java.io.FileWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.*;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/** KCL, started as its documentation starts it; each record is a line "shard TAB data" of the file. */
public class Kcl {
  static PrintWriter out;

  static synchronized void say(String line) {
    out.println(line);
    out.flush();
  }

  static class Processor implements ShardRecordProcessor {
    String shard;

    public void initialize(InitializationInput input) {
      shard = input.shardId();
      say("initialized\t" + shard);
    }

    public void processRecords(ProcessRecordsInput input) {
      for (KinesisClientRecord record : input.records()) {
        say(shard + "\t" + StandardCharsets.UTF_8.decode(record.data()));
      }
      try {
        input.checkpointer().checkpoint();
      } catch (Exception problem) {
        say("problem\t" + problem);
      }
    }

    public void leaseLost(LeaseLostInput input) {
      say("lost\t" + shard);
    }

    public void shardEnded(ShardEndedInput input) {
      try {
        say("ended\t" + shard);
        input.checkpointer().checkpoint();
      } catch (Exception problem) {
        say("problem\t" + problem);
      }
    }

    public void shutdownRequested(ShutdownRequestedInput input) {
      try {
        input.checkpointer().checkpoint();
      } catch (Exception problem) {
        say("problem\t" + problem);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    String stream = args[0], application = args[1];
    out = new PrintWriter(new FileWriter(args[2], true));
    Region region = Region.of("us-east-1");
    KinesisAsyncClient kinesis = KinesisClientUtil.createKinesisAsyncClient(KinesisAsyncClient.builder().region(region));
    DynamoDbAsyncClient dynamo = DynamoDbAsyncClient.builder().region(region).build();
    CloudWatchAsyncClient cloudWatch = CloudWatchAsyncClient.builder().region(region).build();
    ConfigsBuilder configs = new ConfigsBuilder(
        new SingleStreamTracker(stream, InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
        application, kinesis, dynamo, cloudWatch, UUID.randomUUID().toString(), Processor::new);
    var retrieval = configs.retrievalConfig();
    if (args[3].equals("polling")) { // otherwise enhanced fan-out, its default
      retrieval.retrievalSpecificConfig(new PollingConfig(stream, kinesis));
    }
    Scheduler scheduler = new Scheduler(
        configs.checkpointConfig(), configs.coordinatorConfig(), configs.leaseManagementConfig(), configs.lifecycleConfig(),
        configs.metricsConfig(), configs.processorConfig(), retrieval);
    Thread thread = new Thread(scheduler);
    thread.setDaemon(true);
    thread.start();
    System.in.read(); // the driver closes it
    System.out.println("graceful: " + scheduler.startGracefulShutdown().get(60, TimeUnit.SECONDS));
    System.exit(0);
  }
}
