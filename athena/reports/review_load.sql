-- title: Review load
-- question: How much was held for a person, day by day and surface by surface, and how many in the worst hour?
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters
-- column: day | | the day, UTC
-- column: surface | | where it was posted
-- column: reviews | events | held for a person
-- column: share | 0 to 1 | of the day's events on the surface
-- column: in_busiest_hour | events | held in the hour that had the most
-- column: authors | authors | who posted what was held
-- column: texts | | different ones among them: copies need only one look
SELECT
  day,
  surface,
  count_if(action = 'review') AS reviews,
  round(CAST(count_if(action = 'review') AS double) / count(*), 4) AS share,
  max(in_hour) AS in_busiest_hour,
  count(DISTINCT CASE WHEN action = 'review' THEN author_id END) AS authors,
  count(DISTINCT CASE WHEN action = 'review' THEN text_fingerprint END) AS texts
FROM (
  SELECT
    dt AS day,
    surface,
    action,
    author_id,
    text_fingerprint,
    count_if(action = 'review') OVER (PARTITION BY surface, date_trunc('hour', created_at)) AS in_hour
  FROM current_verdicts
  WHERE dt BETWEEN ? AND ?
    AND created_at >= CAST(? AS timestamp)
    AND created_at < CAST(? AS timestamp)
    AND {filters}
) AS content
GROUP BY day, surface
HAVING count_if(action = 'review') > 0
ORDER BY day, 3 DESC, surface
