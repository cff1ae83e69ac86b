-- title: Spikes against the same hour of the last weeks
-- question: In which hours was there much more of something than in the same hour of the last four weeks?
-- note: A week in which nothing at all was posted in that hour is left out of what is usual; an hour with fewer weeks
-- note: than the baseline asks for is not listed, since nothing says what is usual. Four weeks more than asked for are read.
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- parameter: by | one of label, surface, language, action | label | what is counted
-- parameter: times | integer 2 to 1000 | 3 | how many times the usual number an hour must have to be listed
-- parameter: baseline | integer 1 to 4 | 2 | how many of the four weeks must have had any events in that hour
-- parameter: at_least | integer 1 to 1000000 | 10 | how many events it must have
-- filters: surface, language, label
-- bind: first_day(since - 28d), last_day(until), since - 28d, until, filters, baseline, since, at_least, times
-- column: hour | UTC | the hour begins at, the first that began at --since or later
-- column: part | | the label, surface, language or action
-- column: events | events | of the hour that are such
-- column: usual | events | on average, in the same hour of the last four weeks
-- column: times | | events over usual; empty when there never were any
-- column: weeks | weeks | of the last four, had any events in that hour
SELECT
  hour,
  part,
  events,
  round(CAST(past AS double) / weeks, 2) AS usual,
  round(CAST(events * weeks AS double) / nullif(past, 0), 1) AS times,
  weeks
FROM (
  SELECT
    *,
    max(CASE WHEN part IS NULL THEN past_weeks END) OVER (PARTITION BY hour) AS weeks
  FROM (
    SELECT
      date_add('day', 7 * week, hour) AS hour,
      part,
      sum(CASE WHEN week = 0 THEN events ELSE 0 END) AS events,
      sum(CASE WHEN week > 0 THEN events ELSE 0 END) AS past,
      count_if(week > 0) AS past_weeks
    FROM (
      SELECT
        hour,
        part,
        count(*) AS events
      FROM (
        SELECT
          date_trunc('hour', created_at) AS hour,
          array_distinct(labels) AS label,
          ARRAY[surface] AS surface,
          ARRAY[coalesce(language, '')] AS language,
          ARRAY[action] AS action
        FROM current_verdicts
        WHERE dt BETWEEN ? AND ?
          AND created_at >= CAST(? AS timestamp)
          AND created_at < CAST(? AS timestamp)
          AND {filters}
      ) AS content
      CROSS JOIN UNNEST(ARRAY[CAST(NULL AS varchar)] || {by}) AS found (part)
      GROUP BY hour, part
    ) AS counted
    CROSS JOIN (VALUES 0, 1, 2, 3, 4) AS weeks (week)
    GROUP BY date_add('day', 7 * week, hour), part
  ) AS shifted
) AS compared
WHERE part IS NOT NULL
  AND weeks >= ?
  AND hour >= CAST(? AS timestamp)
  AND events >= ?
  AND events * weeks >= ? * past
ORDER BY hour, events DESC, part
