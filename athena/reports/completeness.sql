-- title: Completeness
-- question: Is everything that arrived accounted for, by the last audit of each day?
-- note: Days are days of arrival. A day without a row was not audited: streamkeeper audit --since 2d looks at the last two.
-- reads: audits
-- parameter: since | timestamp | required | days from the one of this moment on
-- parameter: until | timestamp | required | days up to the last that has a moment before this one
-- bind: first_day(since), last_day(until)
-- column: day | | the day of arrival, UTC
-- column: completeness | 0 to 1 | of the ids in the archive, those that landed, were quarantined or are dead letters
-- column: archived | ids | in the archive
-- column: landed | ids | with a verdict
-- column: quarantined | ids | in quarantine
-- column: dead_lettered | ids | that are dead letters
-- column: missing | ids | that are nowhere
-- column: ghosts | ids | that are not in the archive
-- column: altered | ids | whose verdict differs from a second one; empty: not looked at
-- column: objects | objects | that are unreadable, changed or gone
-- column: audited_at | UTC | when that audit looked
-- column: audited_until | UTC | arrivals before this moment were looked at
SELECT
  dt AS day,
  CASE WHEN archived > 0 THEN round(1 - CAST(missing AS double) / archived, 6) ELSE 1 END AS completeness,
  archived,
  landed,
  quarantined,
  dead_lettered,
  missing,
  ghosts,
  altered,
  objects,
  audited_at,
  window_end AS audited_until
FROM (
  SELECT
    *,
    row_number() OVER (PARTITION BY dt ORDER BY audited_at DESC, audit_id) AS from_last
  FROM audits
  WHERE dt BETWEEN ? AND ?
) AS found
WHERE from_last = 1
ORDER BY day
