-- title: Repeat offenders
-- question: Who was acted on again and again, on how many days, and how did it go on after the first time?
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- parameter: at_least | integer 2 to 1000 | 3 | how often an author was acted on to be listed
-- parameter: limit | integer 1 to 1000 | 50 | how many authors to list
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters, at_least, limit
-- column: author_id | | the author's pseudonym
-- column: acted_on | events | flagged, held for review or blocked
-- column: days | days | on which that happened
-- column: block | events | of these, taken away
-- column: events | events | all they posted in the period
-- column: posted_after | events | posted after they were first acted on
-- column: acted_on_after | 0 to 1 | of these, acted on again
-- column: labels | | what their content was, in the order of the alphabet
-- column: first_acted_on | UTC | when the first of it was created
-- column: last_acted_on | UTC | when the last of it was created
SELECT
  author_id,
  acted_on,
  days,
  block,
  events,
  cardinality(filter(times, at -> at > first_acted_on)) AS posted_after,
  coalesce(round(
    CAST(cardinality(filter(acted_on_times, at -> at > first_acted_on)) AS double)
    / nullif(cardinality(filter(times, at -> at > first_acted_on)), 0), 4
  ), 0) AS acted_on_after,
  array_join(labels, ', ') AS labels,
  first_acted_on,
  last_acted_on
FROM (
  SELECT
    *,
    row_number() OVER (ORDER BY acted_on DESC, block DESC, author_id) AS place
  FROM (
    SELECT
      author_id,
      count_if(action <> 'allow') AS acted_on,
      count(DISTINCT CASE WHEN action <> 'allow' THEN dt END) AS days,
      count_if(action = 'block') AS block,
      count(*) AS events,
      array_agg(created_at) AS times,
      array_agg(created_at) FILTER (WHERE action <> 'allow') AS acted_on_times,
      array_sort(array_distinct(flatten(array_agg(labels) FILTER (WHERE action <> 'allow')))) AS labels,
      min(CASE WHEN action <> 'allow' THEN created_at END) AS first_acted_on,
      max(CASE WHEN action <> 'allow' THEN created_at END) AS last_acted_on
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
    GROUP BY author_id
  ) AS authors
  WHERE acted_on >= ?
) AS placed
WHERE place <= ?
ORDER BY place
