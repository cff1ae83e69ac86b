-- title: Verdicts
-- question: Which verdicts are behind a number?
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- parameter: limit | integer 1 to 1000 | 50 | how many, the newest first
-- filters: surface, language, action, label, rule, author
-- bind: first_day(since), last_day(until), since, until, filters, limit
-- column: created_at | UTC | when it was posted
-- column: surface | | where
-- column: language | | as the producer said; empty: not given
-- column: author_id | | the author's pseudonym
-- column: action | | allow, flag, review or block
-- column: labels | | what it is, strongest first
-- column: top_score | 0 to 1 | of the label that decided
-- column: rules | | that found something
-- column: excerpt | | at most 280 characters, personal data masked
-- column: event_id | | names the event for ever
-- column: content_id | | what was posted
-- column: policy | | that decided, and its version
SELECT
  created_at,
  surface,
  language,
  author_id,
  action,
  array_join(labels, ', ') AS labels,
  top_score,
  array_join(rules, ', ') AS rules,
  excerpt,
  event_id,
  content_id,
  policy_id || '@' || policy_version AS policy
FROM (
  SELECT
    *,
    row_number() OVER (ORDER BY created_at DESC, event_id) AS place
  FROM (
    SELECT
      *,
      array_distinct(transform(signals, signal -> signal.rule)) AS rules
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
    ORDER BY created_at DESC, event_id
    LIMIT 1000
  ) AS newest
) AS placed
WHERE place <= ?
ORDER BY place
