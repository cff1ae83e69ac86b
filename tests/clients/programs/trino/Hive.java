import io.trino.Session;
import io.trino.execution.QueryIdGenerator;
import io.trino.plugin.hive.HiveConnectorFactory;
import io.trino.spi.QueryId;
import io.trino.testing.LocalQueryRunner;
import io.trino.testing.MaterializedResult;
import io.trino.testing.TestingSession;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Trino's Hive connector over the runtime's Glue and S3: reads a table of Athena's and writes one for Athena. */
public final class Hive
{
    private Hive() {}

    public static void main(String[] args)
    {
        try {
            run(args);
            System.out.println("done");
            System.exit(0);
        }
        catch (Throwable problem) {
            problem.printStackTrace();
            System.exit(1); // threads of the connector go on
        }
    }

    private static void run(String[] args)
    {
        String endpoint = args[0];
        String region = args[1];
        String database = args[2];
        String bucket = args[3];
        String key = System.getenv("AWS_ACCESS_KEY_ID");
        String secret = System.getenv("AWS_SECRET_ACCESS_KEY");
        Map<String, String> config = new HashMap<>();
        config.put("hive.metastore", "glue");
        config.put("hive.metastore.glue.region", region);
        config.put("hive.metastore.glue.endpoint-url", endpoint);
        config.put("hive.metastore.glue.aws-access-key", key);
        config.put("hive.metastore.glue.aws-secret-key", secret);
        config.put("hive.non-managed-table-writes-enabled", "true");
        config.put("hive.s3.endpoint", endpoint);
        config.put("hive.s3.ssl.enabled", "false");
        config.put("hive.s3.path-style-access", "true");
        config.put("hive.s3.aws-access-key", key);
        config.put("hive.s3.aws-secret-key", secret);
        Session session = TestingSession.testSessionBuilder().setCatalog("hive").setSchema(database).build();
        try (LocalQueryRunner runner = LocalQueryRunner.create(session)) {
            runner.createCatalog("hive", new HiveConnectorFactory("hive"), config);
            require(runner, "SELECT DISTINCT day FROM made_by_athena", Set.of(List.of("x"), List.of("y")));
            require(runner, "SELECT count(*), sum(id), CAST(max(at) AS varchar) FROM made_by_athena WHERE day = 'x'",
                    Set.of(List.of(2L, 4L, "2026-11-30 10:00:03.000")));
            execute(runner, "CREATE TABLE made_by_trino WITH (format = 'PARQUET', partitioned_by = ARRAY['day'], "
                    + "external_location = 's3://" + bucket + "/trino/') AS SELECT id * 10 AS id, name, day FROM made_by_athena");
            execute(runner, "INSERT INTO made_by_trino VALUES (90, 'more', 'z')");
            require(runner, "SELECT count(*), sum(id) FROM made_by_trino", Set.of(List.of(4L, 150L)));
        }
    }

    /** Each statement is a query of its own: a session has one query's number. */
    private static MaterializedResult execute(LocalQueryRunner runner, String sql)
    {
        QueryId query = new QueryIdGenerator().createNextQueryId();
        return runner.execute(Session.builder(runner.getDefaultSession()).setQueryId(query).build(), sql);
    }

    private static void require(LocalQueryRunner runner, String sql, Set<List<Object>> expected)
    {
        MaterializedResult result = execute(runner, sql);
        Set<List<Object>> found = new java.util.HashSet<>();
        result.getMaterializedRows().forEach(row -> found.add(row.getFields()));
        if (!found.equals(expected)) {
            throw new AssertionError(sql + " gave " + found + ", not " + expected);
        }
    }
}
