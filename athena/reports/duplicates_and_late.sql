-- title: Duplicates and late arrivals
-- question: How often did the same thing land more than once, and how late did content come?
-- note: Copies are no fault: every hop repeats rather than loses, and current_verdicts counts each event once. Two payloads
-- note: under one id are a producer's fault. only_replayed should be what redrive brought back, and no more: whoever may put
-- note: records can mark one as replayed, and then nobody is told of it. docs/decisions/0027 says what to do.
-- reads: verdicts
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- bind: first_day(since), last_day(until), since, until
-- column: day | | the day it was created on, UTC
-- column: rows_landed | rows | in the table verdicts, shadow verdicts left out
-- column: events | events | different ids
-- column: copies | rows | that say what another row says already: same event, payload and verdict
-- column: redecided | rows | further verdicts on the same payload, by a replay, a backfill or another policy
-- column: conflicts | events | that came with more than one payload
-- column: late | events | created more than an hour before they arrived
-- column: late_share | 0 to 1 | of the events
-- column: skewed | events | created more than five minutes after they arrived: a producer's clock is ahead
-- column: replayed | events | that came back by replay or redrive
-- column: only_replayed | events | that came as replayed and never otherwise, so that nobody was told of them unless asked
-- column: latest_arrival | seconds | the longest time from creation to first arrival
SELECT
  day,
  sum(landed) AS rows_landed,
  count(*) AS events,
  sum(landed - verdicts) AS copies,
  sum(verdicts - payloads) AS redecided,
  count_if(payloads > 1) AS conflicts,
  count_if(late) AS late,
  round(CAST(count_if(late) AS double) / count(*), 4) AS late_share,
  count_if(skewed) AS skewed,
  count_if(replayed) AS replayed,
  count_if(NOT came_live) AS only_replayed,
  round(CAST(max(delay) AS double) / 1000, 3) AS latest_arrival
FROM (
  SELECT
    dt AS day,
    event_id,
    count(*) AS landed,
    count(DISTINCT verdict_id || '/' || fingerprint) AS verdicts,
    count(DISTINCT fingerprint) AS payloads,
    bool_or(contains(flags, 'late')) AS late,
    bool_or(contains(flags, 'skew')) AS skewed,
    bool_or(contains(flags, 'replayed')) AS replayed,
    bool_or(NOT contains(flags, 'replayed')) AS came_live,
    min(date_diff('millisecond', created_at, arrived_at)) AS delay
  FROM verdicts
  WHERE dt BETWEEN ? AND ?
    AND created_at >= CAST(? AS timestamp)
    AND created_at < CAST(? AS timestamp)
    AND mode IN ('live', 'backfill')
  GROUP BY dt, event_id
) AS events
GROUP BY day
ORDER BY day
