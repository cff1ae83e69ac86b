-- title: Volume and action by label
-- question: What was found in the content, how often, and what was done about it?
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters
-- column: label | | what the content is; content with two labels counts under both, without a label under none
-- column: events | events | that carry the label
-- column: share | 0 to 1 | of all events of the period, those with the label
-- column: decided | events | where it was the label that decided
-- column: authors | authors | who posted them
-- column: allow | events | the policy let pass
-- column: flag | events | shown, with a mark
-- column: review | events | held for a person
-- column: block | events | taken away
SELECT
  label,
  count(*) AS events,
  round(CAST(count(*) AS double) / max(all_events), 4) AS share,
  count_if(label = top_label) AS decided,
  count(DISTINCT author_id) AS authors,
  count_if(action = 'allow') AS allow,
  count_if(action = 'flag') AS flag,
  count_if(action = 'review') AS review,
  count_if(action = 'block') AS block
FROM (
  SELECT
    author_id,
    action,
    top_label,
    array_distinct(labels) AS labels,
    count(*) OVER () AS all_events
  FROM current_verdicts
  WHERE dt BETWEEN ? AND ?
    AND created_at >= CAST(? AS timestamp)
    AND created_at < CAST(? AS timestamp)
    AND {filters}
) AS period
CROSS JOIN UNNEST(labels) AS found (label)
GROUP BY label
ORDER BY 2 DESC, 1
