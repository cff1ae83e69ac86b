-- title: Repeated texts
-- question: Which texts were posted again and again, and by how many authors?
-- note: Texts are the same when they differ in case, width, white space or invisible characters at most.
-- parameter: since | timestamp | required | content created at this moment or later
-- parameter: until | timestamp | required | content created before this moment
-- parameter: at_least | integer 2 to 1000000 | 5 | how often a text was posted to be listed
-- parameter: limit | integer 1 to 1000 | 50 | how many texts to list
-- filters: surface, language, label
-- bind: first_day(since), last_day(until), since, until, filters, at_least, limit
-- column: excerpt | | what of it may be shown, personal data masked
-- column: events | events | with this text
-- column: authors | authors | who posted it: many point to a campaign, one to a machine
-- column: surfaces | surfaces | where
-- column: acted_on | events | flagged, held for review or blocked
-- column: text_fingerprint | | hash of the normal form of the text
-- column: first_posted | UTC | when the first was created
-- column: last_posted | UTC | when the last was created
SELECT
  excerpt,
  events,
  authors,
  surfaces,
  acted_on,
  text_fingerprint,
  first_posted,
  last_posted
FROM (
  SELECT
    *,
    row_number() OVER (ORDER BY events DESC, authors DESC, text_fingerprint) AS place
  FROM (
    SELECT
      text_fingerprint,
      min(excerpt) AS excerpt,
      count(*) AS events,
      count(DISTINCT author_id) AS authors,
      count(DISTINCT surface) AS surfaces,
      count_if(action <> 'allow') AS acted_on,
      min(created_at) AS first_posted,
      max(created_at) AS last_posted
    FROM current_verdicts
    WHERE dt BETWEEN ? AND ?
      AND created_at >= CAST(? AS timestamp)
      AND created_at < CAST(? AS timestamp)
      AND {filters}
      AND text_length > 0
    GROUP BY text_fingerprint
  ) AS texts
  WHERE events >= ?
) AS placed
WHERE place <= ?
ORDER BY place
