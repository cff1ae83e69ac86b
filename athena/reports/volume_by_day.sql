-- title: Volume by day
-- question: How much was processed each day, as the bill counts it?
-- note: Kinesis and Lambda are paid by what arrives, Firehose and S3 by rows and bytes landed, managed AI by characters.
-- note: producers/load/prices.toml holds example prices, and load prints what a run would cost.
-- reads: verdicts
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- bind: first_day(since), last_day(until), since, until
-- column: day | | the day it was created on, UTC
-- column: events | events | different ids
-- column: rows_landed | rows | with copies, replays and shadow verdicts
-- column: characters | characters | of the texts of the rows that landed
-- column: longest | characters | the longest text
-- column: authors | authors | who posted
-- column: shards | shards | that events came from
-- column: busiest_hour | events | created in the hour that had the most
SELECT
  day,
  count(*) AS events,
  sum(landed) AS rows_landed,
  sum(characters) AS characters,
  max(longest) AS longest,
  count(DISTINCT author_id) AS authors,
  count(DISTINCT shard_id) AS shards,
  array_max(map_values(histogram(hour))) AS busiest_hour
FROM (
  SELECT
    dt AS day,
    event_id,
    count(*) AS landed,
    sum(text_length) AS characters,
    max(text_length) AS longest,
    min(author_id) AS author_id,
    min(shard_id) AS shard_id,
    hour(min(created_at)) AS hour
  FROM verdicts
  WHERE dt BETWEEN ? AND ?
    AND created_at >= CAST(? AS timestamp)
    AND created_at < CAST(? AS timestamp)
  GROUP BY dt, event_id
) AS events
GROUP BY day
ORDER BY day
