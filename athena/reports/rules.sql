-- title: Rule effectiveness
-- question: Which rules find something, how often is it acted on, and are they hit more or less than before?
-- note: hits_before counts a period as long, just before this one. A rule that is not listed found nothing in either.
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- filters: surface, language
-- bind: first_day(since), last_day(until), since, until, filters
-- bind: first_day(previous(since)), last_day(since), previous(since), since, filters
-- column: rule | | the rule's name in the policy
-- column: detector | | what looked: terms, patterns, personal_data, links, model, ...
-- column: label | | what it says of the content
-- column: hits | events | in which the rule found something
-- column: share | 0 to 1 | of all events of the period
-- column: acted_on | events | of the hits, flagged, held for review or blocked
-- column: decided | events | of these, where its label was the one that decided
-- column: alone | events | of these, where no other rule gave a signal: what would pass without it
-- column: authors | authors | whose content it hit
-- column: hits_before | events | in the period before
-- column: trend | | hits over hits_before; empty when there were none before
-- column: first_hit | UTC | the earliest of the hits, of both periods
-- column: last_hit | UTC | the latest
SELECT
  rule,
  detector,
  label,
  count(DISTINCT CASE WHEN recent THEN event_id END) AS hits,
  coalesce(round(
    CAST(count(DISTINCT CASE WHEN recent THEN event_id END) AS double) / nullif(max(all_events), 0), 4
  ), 0) AS share,
  count(DISTINCT CASE WHEN recent AND action <> 'allow' THEN event_id END) AS acted_on,
  count(DISTINCT CASE WHEN recent AND action <> 'allow' AND label = top_label THEN event_id END) AS decided,
  count(DISTINCT CASE WHEN recent AND action <> 'allow' AND rules = 1 THEN event_id END) AS alone,
  count(DISTINCT CASE WHEN recent THEN author_id END) AS authors,
  count(DISTINCT CASE WHEN NOT recent THEN event_id END) AS hits_before,
  round(
    CAST(count(DISTINCT CASE WHEN recent THEN event_id END) AS double)
    / nullif(count(DISTINCT CASE WHEN NOT recent THEN event_id END), 0), 2
  ) AS trend,
  min(created_at) AS first_hit,
  max(created_at) AS last_hit
FROM (
  SELECT
    *,
    count_if(recent) OVER () AS all_events,
    cardinality(array_distinct(transform(signals, signal -> signal.rule))) AS rules
  FROM (
    SELECT event_id, author_id, created_at, action, top_label, signals, true AS recent
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
    UNION ALL
    SELECT event_id, author_id, created_at, action, top_label, signals, false AS recent
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
  ) AS content
) AS period
CROSS JOIN UNNEST(signals) AS found (detector, label, score, rule)
GROUP BY rule, detector, label
ORDER BY 4 DESC, rule, detector, label
