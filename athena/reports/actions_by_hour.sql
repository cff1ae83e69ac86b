-- title: Volume and action by hour
-- question: How much content came in each hour, and what was done with it?
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters
-- column: hour | UTC | the hour begins at; an hour without events has no row
-- column: events | events | created in the hour
-- column: allow | events | the policy let pass
-- column: flag | events | shown, with a mark
-- column: review | events | held for a person
-- column: block | events | taken away
-- column: acted_on_share | 0 to 1 | of the events, not allowed
SELECT
  date_trunc('hour', created_at) AS hour,
  count(*) AS events,
  count_if(action = 'allow') AS allow,
  count_if(action = 'flag') AS flag,
  count_if(action = 'review') AS review,
  count_if(action = 'block') AS block,
  round(CAST(count_if(action <> 'allow') AS double) / count(*), 4) AS acted_on_share
FROM current_verdicts
WHERE dt BETWEEN ? AND ?
  AND created_at >= CAST(? AS timestamp)
  AND created_at < CAST(? AS timestamp)
  AND {filters}
GROUP BY date_trunc('hour', created_at)
ORDER BY 1
