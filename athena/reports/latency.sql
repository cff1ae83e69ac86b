-- title: Latency by hop
-- question: How long does an event take from its author to its verdict, and in which hop?
-- note: A verdict reaches S3 after it is decided: Firehose holds it for up to its buffering time, and no row knows when
-- note: it was written. Events whose verdict came from a replay or a backfill are left out: they waited on purpose.
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters
-- column: hop | | created_to_arrived: author to stream, by the producer's clock, so it may be negative;
-- column: ... | | arrived_to_decided: stream to verdict; created_to_decided: both
-- column: events | events | measured
-- column: p50 | seconds | half of the events took at most this long; percentiles are approximate
-- column: p90 | seconds | 90 % took at most this long
-- column: p99 | seconds | 99 % took at most this long
-- column: longest | seconds | the slowest event
SELECT
  hop,
  count(*) AS events,
  round(approx_percentile(seconds, 0.5), 3) AS p50,
  round(approx_percentile(seconds, 0.9), 3) AS p90,
  round(approx_percentile(seconds, 0.99), 3) AS p99,
  max(seconds) AS longest
FROM (
  SELECT
    place,
    hop,
    CASE hop
      WHEN 'created_to_arrived' THEN CAST(date_diff('millisecond', created_at, arrived_at) AS double) / 1000
      WHEN 'arrived_to_decided' THEN CAST(date_diff('millisecond', arrived_at, decided_at) AS double) / 1000
      ELSE CAST(date_diff('millisecond', created_at, decided_at) AS double) / 1000
    END AS seconds
  FROM current_verdicts
  CROSS JOIN (
    VALUES (1, 'created_to_arrived'), (2, 'arrived_to_decided'), (3, 'created_to_decided')
  ) AS hops (place, hop)
  WHERE dt BETWEEN ? AND ?
    AND created_at >= CAST(? AS timestamp)
    AND created_at < CAST(? AS timestamp)
    AND {filters}
    AND run_id = ''
) AS measured
GROUP BY place, hop
ORDER BY place
