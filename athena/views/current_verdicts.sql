-- title: Current verdicts
-- question: What does the policy say about each event, each event once?
--
-- Verdicts land at least once: Kinesis, Lambda and Firehose all repeat, and replays and new policies add rows for events
-- that have one already. Of the rows of one event in one day this keeps one, the same in whatever order they landed:
--   1. of two payloads under the event's id, the one that arrived first;
--   2. of the copies of one verdict, the one with the smallest (arrived_at, shard, sequence, sub-sequence);
--   3. of the verdicts that are left, one for each policy and run, the one that was decided last.
-- Shadow verdicts never count. A sequence number is a decimal text, so the longer one is the larger.
--
-- Every window is partitioned by dt, so a condition on dt reaches the files: ask for the days you need.
-- docs/decisions/0006-current-verdicts.md says why.
SELECT
  verdict_id,
  event_id,
  content_id,
  author_id,
  surface,
  language,
  created_at,
  arrived_at,
  decided_at,
  mode,
  run_id,
  action,
  labels,
  top_label,
  top_score,
  signals,
  policy_id,
  policy_version,
  flags,
  text_length,
  text_fingerprint,
  excerpt,
  shard_id,
  sequence_number,
  sub_sequence_number,
  fingerprint,
  schema_version,
  extra_json,
  dt
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY dt, event_id
      ORDER BY decided_at DESC, verdict_id
    ) AS from_last
  FROM (
    SELECT
      *,
      first_value(fingerprint) OVER (
        PARTITION BY dt, event_id
        ORDER BY arrived_at, shard_id, length(sequence_number), sequence_number, sub_sequence_number, fingerprint
      ) AS first_fingerprint,
      row_number() OVER (
        PARTITION BY dt, event_id, fingerprint, verdict_id
        ORDER BY arrived_at, shard_id, length(sequence_number), sequence_number, sub_sequence_number, decided_at
      ) AS copy_number
    FROM verdicts
    WHERE mode IN ('live', 'backfill')
  ) AS landed
  WHERE copy_number = 1 AND fingerprint = first_fingerprint
) AS decided
WHERE from_last = 1
