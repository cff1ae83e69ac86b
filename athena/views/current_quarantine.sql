-- title: Current quarantine
-- question: Which records could not be read as events, each record once?
--
-- A record that was handed to the consumer again lands here again, with the same bad_row_id. The row that was set aside
-- first stays. The window is partitioned by dt, so a condition on dt reaches the files.
SELECT
  bad_row_id,
  reason,
  detail,
  stage,
  payload,
  payload_bytes,
  shard_id,
  sequence_number,
  sub_sequence_number,
  partition_key,
  arrived_at,
  quarantined_at,
  code_version,
  dt
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY dt, bad_row_id
      ORDER BY quarantined_at, code_version
    ) AS copy_number
  FROM quarantine
) AS landed
WHERE copy_number = 1
