-- title: Volume and action by day, language, policy or hour of the day
-- question: How does what was done with content differ from day to day, language to language, or policy to policy?
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- parameter: by | one of day, language, policy, hour_of_day, weekday | day | what to part the content by
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters
-- column: part | | the day, the language (empty: not given), the policy, the hour 00 to 23 (UTC), or the weekday from 1, Monday
-- column: events | events | of this part
-- column: authors | authors | who posted them
-- column: allow | events | the policy let pass
-- column: flag | events | shown, with a mark
-- column: review | events | held for a person
-- column: block | events | taken away
-- column: acted_on_share | 0 to 1 | of the events, not allowed
SELECT
  {by} AS part,
  count(*) AS events,
  count(DISTINCT author_id) AS authors,
  count_if(action = 'allow') AS allow,
  count_if(action = 'flag') AS flag,
  count_if(action = 'review') AS review,
  count_if(action = 'block') AS block,
  round(CAST(count_if(action <> 'allow') AS double) / count(*), 4) AS acted_on_share
FROM (
  SELECT
    date_format(created_at, '%Y-%m-%d') AS day,
    coalesce(language, '') AS language,
    policy_id || '@' || policy_version AS policy,
    date_format(created_at, '%H') AS hour_of_day,
    CAST(day_of_week(created_at) AS varchar) AS weekday,
    author_id,
    action
  FROM current_verdicts
  WHERE dt BETWEEN ? AND ?
    AND created_at >= CAST(? AS timestamp)
    AND created_at < CAST(? AS timestamp)
    AND {filters}
) AS content
GROUP BY {by}
ORDER BY 1
