-- title: Current signals
-- question: What did each detector find in each event, a row for every signal?
--
-- For questions about rules and detectors without UNNEST. An event in which nothing was found has no row here.
SELECT
  event_id,
  content_id,
  author_id,
  surface,
  language,
  created_at,
  action,
  top_label,
  policy_id,
  policy_version,
  excerpt,
  detector,
  label,
  score,
  rule,
  dt
FROM current_verdicts
CROSS JOIN UNNEST(signals) AS found (detector, label, score, rule)
