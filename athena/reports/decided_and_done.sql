-- title: Decided and done
-- question: Which decisions did whoever carries them out say were done, and which not?
-- note: Needs the webhook. A decision of which nobody was to be told is in the rows without a subscriber. What was said
-- note: of an event counts for its current verdict when the action is the same, so that a replay undoes nothing.
-- parameter: since | timestamp | required | posted at this moment or later
-- parameter: until | timestamp | required | posted before this moment
-- parameter: age | integer 0 to 8760 | 0 | only what was decided this many hours or more before the end of the period
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, until, age, filters, first_day(since), last_day(until)
-- column: subscriber | | who was to be told; empty: nobody was
-- column: action | | what was decided
-- column: decided | verdicts | that this subscriber was to be told of
-- column: done | verdicts | it said it did something
-- column: not_done | verdicts | it said it did nothing, on purpose
-- column: unsaid | verdicts | it took them and did not say what it did
-- column: given_up | verdicts | it did not take them for a day, or they are no longer for it
-- column: waiting | verdicts | on their way
-- column: nobody_told | verdicts | without a subscriber
-- column: done_share | 0 to 1 | of those decided
-- column: oldest_open | UTC | decision of the oldest without a word of what was done
SELECT
  subscriber,
  action,
  count(*) AS decided,
  count_if(outcome = 5) AS done,
  count_if(outcome = 4) AS not_done,
  count_if(outcome = 3) AS unsaid,
  count_if(outcome = 2) AS given_up,
  count_if(outcome = 1) AS waiting,
  count_if(outcome = 0) AS nobody_told,
  round(CAST(count_if(outcome = 5) AS double) / count(*), 4) AS done_share,
  min(CASE WHEN outcome < 4 THEN decided_at END) AS oldest_open
FROM (
  SELECT
    coalesce(receipts.subscriber, '') AS subscriber,
    verdicts.action,
    verdicts.decided_at,
    coalesce(receipts.outcome, 0) AS outcome
  FROM (
    SELECT
      *
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND action <> 'allow'
      AND date_diff('hour', decided_at, CAST(? AS timestamp)) >= ?
      AND {filters}
  ) AS verdicts
  LEFT JOIN (
    SELECT
      dt,
      event_id,
      subscriber,
      action,
      max(
        CASE
          WHEN state = 'due' THEN 1
          WHEN state = 'given_up' THEN 2
          WHEN done IS NULL THEN 3
          WHEN done = 'none' THEN 4
          ELSE 5
        END
      ) AS outcome
    FROM current_receipts
    WHERE dt BETWEEN ? AND ?
    GROUP BY dt, event_id, subscriber, action
  ) AS receipts
    ON receipts.dt = verdicts.dt AND receipts.event_id = verdicts.event_id AND receipts.action = verdicts.action
) AS told
GROUP BY subscriber, action
ORDER BY count_if(outcome < 4) DESC, subscriber, action
