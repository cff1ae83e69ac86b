-- title: Labels by hour, day, surface, language or policy
-- question: What was found where, or when, and what share of the content there carried it?
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- parameter: by | one of hour, day, surface, language, policy | surface | what to part the content by
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters
-- column: part | | the hour or day it was created in (UTC), the surface, the language (empty: not given) or the policy
-- column: label | | what the content is; content with two labels counts under both
-- column: events | events | of this part that carry the label
-- column: share | 0 to 1 | of all events of this part, those with the label
-- column: decided | events | where it was the label that decided
-- column: acted_on | events | with the label and flagged, held for review or blocked
-- column: authors | authors | who posted them
SELECT
  part,
  label,
  count(*) AS events,
  round(CAST(count(*) AS double) / max(part_events), 4) AS share,
  count_if(label = top_label) AS decided,
  count_if(action <> 'allow') AS acted_on,
  count(DISTINCT author_id) AS authors
FROM (
  SELECT
    {by} AS part,
    author_id,
    action,
    top_label,
    labels,
    count(*) OVER (PARTITION BY {by}) AS part_events
  FROM (
    SELECT
      date_format(created_at, '%Y-%m-%d %H:00') AS hour,
      date_format(created_at, '%Y-%m-%d') AS day,
      surface,
      coalesce(language, '') AS language,
      policy_id || '@' || policy_version AS policy,
      author_id,
      action,
      top_label,
      array_distinct(labels) AS labels
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
  ) AS content
) AS period
CROSS JOIN UNNEST(labels) AS found (label)
GROUP BY part, label
ORDER BY part, 3 DESC, label
