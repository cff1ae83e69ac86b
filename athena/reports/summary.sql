-- title: Summary
-- question: How much came in and was acted on, beside the period before, and how far has it landed?
-- note: before_ counts a period as long, just before this one.
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters
-- bind: first_day(previous(since)), last_day(since), previous(since), since, filters
-- column: events | events | different ids
-- column: authors | authors | who posted them
-- column: flag | events | shown, with a mark
-- column: review | events | held for a person
-- column: block | events | taken away
-- column: acted_on_share | 0 to 1 | of the events, not allowed
-- column: degraded | events | decided while a detector was missing
-- column: late | events | created more than an hour before they arrived
-- column: decided_within | seconds | from stream to verdict, for 99 % of what was decided live
-- column: newest_created | UTC | when the newest of the content was created
-- column: newest_decided | UTC | when the newest verdict was made: the watermark
-- column: before_events | events | in the period before
-- column: before_acted_on_share | 0 to 1 | in the period before
SELECT
  count_if(recent) AS events,
  count(DISTINCT CASE WHEN recent THEN author_id END) AS authors,
  count_if(recent AND action = 'flag') AS flag,
  count_if(recent AND action = 'review') AS review,
  count_if(recent AND action = 'block') AS block,
  round(CAST(count_if(recent AND action <> 'allow') AS double) / nullif(count_if(recent), 0), 4) AS acted_on_share,
  count_if(recent AND contains(flags, 'degraded')) AS degraded,
  count_if(recent AND contains(flags, 'late')) AS late,
  round(approx_percentile(CASE WHEN recent AND run_id = '' THEN seconds END, 0.99), 3) AS decided_within,
  max(CASE WHEN recent THEN created_at END) AS newest_created,
  max(CASE WHEN recent THEN decided_at END) AS newest_decided,
  count_if(NOT recent) AS before_events,
  round(CAST(count_if(NOT recent AND action <> 'allow') AS double) / nullif(count_if(NOT recent), 0), 4)
    AS before_acted_on_share
FROM (
  SELECT
    *,
    CAST(date_diff('millisecond', arrived_at, decided_at) AS double) / 1000 AS seconds
  FROM (
    SELECT author_id, action, flags, run_id, created_at, arrived_at, decided_at, true AS recent
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
    UNION ALL
    SELECT author_id, action, flags, run_id, created_at, arrived_at, decided_at, false AS recent
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
  ) AS content
) AS periods
HAVING count(*) > 0
