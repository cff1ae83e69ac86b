-- title: Top authors acted on
-- question: Whose content was acted on most?
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- parameter: limit | integer 1 to 1000 | 20 | how many authors to list
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters, limit
-- column: place | | 1 is who was acted on most; equals are placed by blocked events, then by id
-- column: author_id | | the author's pseudonym
-- column: events | events | all they posted in the period
-- column: acted_on | events | flagged, held for review or blocked
-- column: flag | events | shown, with a mark
-- column: review | events | held for a person
-- column: block | events | taken away
-- column: acted_on_share | 0 to 1 | of their events, not allowed
-- column: last_acted_on | UTC | when the newest of these was created
SELECT
  place,
  author_id,
  events,
  acted_on,
  flag,
  review,
  block,
  round(CAST(acted_on AS double) / events, 4) AS acted_on_share,
  last_acted_on
FROM (
  SELECT
    *,
    row_number() OVER (ORDER BY acted_on DESC, block DESC, author_id) AS place
  FROM (
    SELECT
      author_id,
      count(*) AS events,
      count_if(action <> 'allow') AS acted_on,
      count_if(action = 'flag') AS flag,
      count_if(action = 'review') AS review,
      count_if(action = 'block') AS block,
      max(CASE WHEN action <> 'allow' THEN created_at END) AS last_acted_on
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
    GROUP BY author_id
  ) AS authors
  WHERE acted_on > 0
) AS placed
WHERE place <= ?
ORDER BY place
