-- title: Current receipts
-- question: How far did each verdict come to each subscriber of the webhook, and what did the receiver do?
--
-- A delivery lands a row when it is due, when it is delivered, and when it is given up, and any of them again when it is
-- repeated. The furthest counts: one delivered after a redrive is no longer given up. Of several answers one that did
-- something counts before one that did not, since a receiver may answer a repetition with none; then the first.
-- The window is partitioned by dt, so a condition on dt reaches the files.
SELECT
  receipt_id,
  delivery_id,
  verdict_id,
  event_id,
  content_id,
  subscriber,
  action,
  created_at,
  decided_at,
  state,
  done,
  reference,
  reason,
  receives,
  noted_at,
  dt
FROM (
  SELECT
    *,
    row_number() OVER (
      PARTITION BY dt, delivery_id
      ORDER BY
        CASE state WHEN 'delivered' THEN 0 WHEN 'given_up' THEN 1 ELSE 2 END,
        CASE WHEN coalesce(done, 'none') <> 'none' THEN 0 WHEN done = 'none' THEN 1 ELSE 2 END,
        noted_at,
        receipt_id
    ) AS copy_number
  FROM receipts
) AS landed
WHERE copy_number = 1
