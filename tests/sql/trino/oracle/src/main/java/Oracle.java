import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.trino.Session;
import io.trino.plugin.memory.MemoryConnectorFactory;
import io.trino.spi.TrinoException;
import io.trino.spi.type.SqlVarbinary;
import io.trino.spi.type.TimeZoneKey;
import io.trino.spi.type.Type;
import io.trino.sql.parser.ParsingException;
import io.trino.testing.LocalQueryRunner;
import io.trino.testing.MaterializedResult;
import io.trino.testing.MaterializedRow;
import io.trino.testing.TestingSession;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Answers one statement a line, {"sql": "..."}, with one line: its columns, types and rows, or the name of its error.
 *
 * The only argument is the time that now() gives, e.g. 2026-01-01T00:00:00.500Z.
 */
public final class Oracle
{
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

    private Oracle() {}

    public static void main(String[] args)
            throws Exception
    {
        PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), true, StandardCharsets.UTF_8);
        Session session = TestingSession.testSessionBuilder()
                .setCatalog("awsdatacatalog")
                .setSchema("default")
                .setTimeZoneKey(TimeZoneKey.UTC_KEY)
                .setStart(Instant.parse(args[0]))
                .build();
        try (LocalQueryRunner runner = LocalQueryRunner.create(session)) {
            runner.createCatalog("awsdatacatalog", new MemoryConnectorFactory(), Map.of());
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                JsonNode asked = MAPPER.readTree(line);
                out.println(MAPPER.writeValueAsString(answer(runner, session, asked.get("sql").asText())));
            }
        }
        System.exit(0);
    }

    private static Map<String, Object> answer(LocalQueryRunner runner, Session session, String sql)
    {
        Map<String, Object> answer = new LinkedHashMap<>();
        try {
            MaterializedResult result = runner.execute(session, sql);
            answer.put("columns", result.getColumnNames());
            answer.put("types", result.getTypes().stream().map(Type::getDisplayName).toList());
            List<Object> rows = new ArrayList<>();
            for (MaterializedRow row : result.getMaterializedRows()) {
                rows.add(row.getFields().stream().map(Oracle::plain).toList());
            }
            answer.put("rows", rows);
        }
        catch (TrinoException error) {
            answer.put("error", error.getErrorCode().getName());
            answer.put("message", error.getMessage());
        }
        catch (ParsingException error) {
            answer.put("error", "SYNTAX_ERROR");
            answer.put("message", error.getMessage());
        }
        catch (RuntimeException | Error error) {
            Throwable cause = error;
            while (cause != null && !(cause instanceof TrinoException)) {
                cause = cause.getCause();
            }
            answer.put("error", cause instanceof TrinoException known ? known.getErrorCode().getName() : "GENERIC_INTERNAL_ERROR");
            answer.put("message", String.valueOf(error));
        }
        return answer;
    }

    /** What can be JSON: maps are lists of pairs, bytes are hexadecimal, anything else is what it says of itself. */
    private static Object plain(Object value)
    {
        if (value == null || value instanceof Boolean || value instanceof String) {
            return value;
        }
        if (value instanceof Byte || value instanceof Short || value instanceof Integer || value instanceof Long) {
            return ((Number) value).longValue();
        }
        if (value instanceof SqlVarbinary bytes) {
            return HexFormat.of().formatHex(bytes.getBytes());
        }
        if (value instanceof byte[] bytes) {
            return HexFormat.of().formatHex(bytes);
        }
        if (value instanceof MaterializedRow row) {
            return row.getFields().stream().map(Oracle::plain).toList();
        }
        if (value instanceof List<?> items) {
            List<Object> made = new ArrayList<>();
            items.forEach(item -> made.add(plain(item)));
            return made;
        }
        if (value instanceof Map<?, ?> map) {
            List<Object> made = new ArrayList<>();
            map.forEach((key, item) -> {
                List<Object> pair = new ArrayList<>();
                pair.add(plain(key));
                pair.add(plain(item));
                made.add(pair);
            });
            return made;
        }
        return value.toString();
    }
}
