-- title: Quarantine by reason
-- question: What could not be read as an event, why, and is it still coming?
-- note: Times are those of arrival: what cannot be read has no other. A record handed over twice is counted once.
-- reads: quarantine
-- parameter: since | timestamp | required | arrived at this moment or later
-- parameter: until | timestamp | required | arrived before this moment
-- bind: first_day(since), last_day(until), since, until
-- column: reason | | what was wrong
-- column: stage | | where it turned out: deaggregate, decode or moderate
-- column: records | records | set aside for this
-- column: share | 0 to 1 | of all that was set aside
-- column: bytes | bytes | of these records
-- column: shards | shards | that they came from
-- column: partition_keys | | different ones; one alone points to one producer
-- column: example | | what was received and what is allowed, of the latest one; never the content
-- column: first_seen | UTC | arrival of the earliest
-- column: last_seen | UTC | arrival of the latest
SELECT
  reason,
  stage,
  count(*) AS records,
  round(CAST(count(*) AS double) / max(all_records), 4) AS share,
  sum(payload_bytes) AS bytes,
  count(DISTINCT shard_id) AS shards,
  count(DISTINCT partition_key) AS partition_keys,
  max_by(detail, arrived_at) AS example,
  min(arrived_at) AS first_seen,
  max(arrived_at) AS last_seen
FROM (
  SELECT
    *,
    count(*) OVER () AS all_records
  FROM (
    SELECT
      *,
      row_number() OVER (PARTITION BY dt, bad_row_id ORDER BY quarantined_at) AS copy_number
    FROM quarantine
    WHERE dt BETWEEN ? AND ?
      AND arrived_at >= CAST(? AS timestamp)
      AND arrived_at < CAST(? AS timestamp)
  ) AS landed
  WHERE copy_number = 1
) AS records
GROUP BY reason, stage
ORDER BY 3 DESC, reason, stage
