-- What became of every record of the archive, by id. A record's id is its event_id where that is one; of everything
-- else it is the hash of its bytes, so that nothing of a payload is in an answer.
--
-- Judged is what arrived in the window; what it is compared with reaches a day further on either side, so that neither
-- a buffer that straddles midnight nor a late object makes a record look lost. What this names is looked into again,
-- record by record: a record with newlines of its own, say, is several lines here.
--
-- An archived record with a coordinate counts once for each coordinate. Where a stream was archived in both forms, as when
-- the archiver began, the form that has more of an id counts. The deferred lane has a form of its own and counts beside.
--
-- Counted in three steps, copies, places, ids: a set for each id would take a thousand bytes each. What is kept for each of
-- them is numbers and texts of twelve characters, which engines hold in place: objects by the beginning of their address's
-- hash, payloads by that of their fingerprint, arrivals as YYYYMMDDhhmmss.
--
-- Named are up to 20,000 ids; of more it says how many there are.
--
-- Parameters, in order: first and last day of archive objects; first and last day of verdicts; arrivals from and to;
-- first and last day of quarantine; arrivals from and to; the window's start and end, YYYYMMDDhhmmss.
WITH seen AS (
  SELECT
    'archive' AS source,
    CASE
      WHEN regexp_like(event_id, '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') THEN event_id
      ELSE concat('md5:', lower(to_hex(md5(coalesce(bytes, to_utf8(text))))))
    END AS id,
    CAST(replace(arrived, '-', '') AS bigint) AS arrived,
    place,
    '' AS copy,
    '' AS payload,
    FALSE AS is_replayed,
    substr(to_hex(md5(to_utf8(object))), 1, 12) AS object
  FROM (
    SELECT *, json_extract_scalar(try(json_parse(text)), '$.event_id') AS event_id
    FROM (
      SELECT
        CASE WHEN packed AND encoding = 'base64' THEN from_utf8(try(from_base64(line))) ELSE coalesce(line, '\N') END AS text,
        CASE WHEN packed AND encoding = 'base64' THEN try(from_base64(line)) END AS bytes,
        CASE
          WHEN packed THEN concat(shard_id, ':', sequence_number, ':', CAST(sub_sequence_number AS varchar))
          WHEN regexp_like(object, '-deferred-\d+-\d{4}(-\d\d){5}-[^/]*$') THEN 'deferred'
          ELSE ''
        END AS place,
        CASE
          WHEN packed THEN date_format(arrived_at, '%Y-%m-%d-%H-%i-%s')
          ELSE coalesce(regexp_extract(object, '-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[^/]*$', 1), concat(dt, '-00-00-00'))
        END AS arrived,
        object
      FROM (
        SELECT
          *,
          "$path" AS object,
          arrived_at IS NOT NULL
            AND regexp_like("$path", '/records-\d{4}(-\d\d){5}-shardId-\d{12}-\d+-\d+\.gz$') AS packed
        FROM archive
        WHERE dt BETWEEN ? AND ?
      ) AS lines
    ) AS records
  ) AS named_records
  UNION ALL
  SELECT
    'verdicts',
    event_id,
    CAST(date_format(arrived_at, '%Y%m%d%H%i%s') AS bigint),
    concat(shard_id, ':', sequence_number, ':', CAST(sub_sequence_number AS varchar)),
    verdict_id,
    substr(fingerprint, 1, 12),
    run_id <> '',
    substr(to_hex(md5(to_utf8("$path"))), 1, 12)
  FROM verdicts
  WHERE dt BETWEEN ? AND ?
    AND mode IN ('live', 'backfill')
    AND (arrived_at BETWEEN CAST(? AS timestamp) AND CAST(? AS timestamp) OR run_id <> '')
  UNION ALL
  SELECT
    'quarantine',
    CASE
      WHEN bytes IS NULL THEN concat('row:', bad_row_id)
      WHEN regexp_like(event_id, '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') THEN event_id
      ELSE concat('md5:', lower(to_hex(md5(bytes))))
    END,
    CAST(date_format(arrived_at, '%Y%m%d%H%i%s') AS bigint),
    concat(shard_id, ':', sequence_number, ':', CAST(sub_sequence_number AS varchar)),
    bad_row_id,
    '',
    FALSE,
    substr(to_hex(md5(to_utf8(object))), 1, 12)
  FROM (
    SELECT *, json_extract_scalar(try(json_parse(from_utf8(bytes))), '$.event_id') AS event_id
    FROM (
      SELECT *, "$path" AS object, try(from_base64(payload)) AS bytes
      FROM quarantine
      WHERE dt BETWEEN ? AND ?
        AND arrived_at BETWEEN CAST(? AS timestamp) AND CAST(? AS timestamp)
    ) AS rows_set_aside
  ) AS named_rows
),
by_copy AS (
  SELECT
    id,
    place,
    copy,
    min(arrived) AS arrived,
    count_if(source = 'archive') AS archived,
    count_if(source = 'verdicts') AS landed,
    count_if(source = 'quarantine') AS quarantined,
    count_if(is_replayed) AS replayed,
    min(nullif(payload, '')) AS least_payload,
    max(nullif(payload, '')) AS greatest_payload,
    min(CASE WHEN source = 'archive' THEN object END) AS archive_object,
    min(CASE WHEN source <> 'archive' THEN object END) AS landed_object
  FROM seen
  GROUP BY id, place, copy
),
by_place AS (
  SELECT
    id,
    place,
    min(arrived) AS arrived,
    -- A record that two batches hold is there twice with one coordinate.
    CASE WHEN place IN ('', 'deferred') THEN sum(archived) ELSE least(sum(archived), 1) END AS archived,
    sum(landed) AS landed,
    sum(quarantined) AS quarantined,
    sum(replayed) AS replayed,
    count_if(copy <> '') AS copies,
    min(least_payload) AS least_payload,
    max(greatest_payload) AS greatest_payload,
    min(archive_object) AS archive_object,
    min(landed_object) AS landed_object
  FROM by_copy
  GROUP BY id, place
),
by_id AS (
  SELECT
    id,
    min(arrived) / 1000000 AS day,
    CAST(
      sum(CASE WHEN place = 'deferred' THEN archived ELSE 0 END) + greatest(
        sum(CASE WHEN place = '' THEN archived ELSE 0 END),
        sum(CASE WHEN place NOT IN ('', 'deferred') THEN archived ELSE 0 END)
      ) AS bigint
    ) AS archived,
    CAST(sum(landed) AS bigint) AS landed,
    CAST(sum(quarantined) AS bigint) AS quarantined,
    sum(replayed) AS replayed,
    count_if(landed + quarantined > 0) AS places,
    sum(copies) AS copies,
    min(least_payload) AS least_payload,
    max(greatest_payload) AS greatest_payload,
    min(archive_object) AS archive_object,
    min(landed_object) AS landed_object
  FROM by_place
  GROUP BY id
  HAVING min(arrived) >= ? AND min(arrived) < ?
),
named AS (
  SELECT
    *,
    CASE
      WHEN archived = 0 THEN 'ghost'
      WHEN landed + quarantined = 0 THEN 'missing'
      WHEN landed > 0 AND quarantined > 0 AND replayed = 0 THEN 'in two states'
      WHEN least_payload <> greatest_payload THEN 'conflict'
      WHEN landed + quarantined > copies THEN 'doubled'
      WHEN archived <> places AND replayed = 0 THEN 'copies'
      WHEN landed > 0 THEN 'landed'
      ELSE 'quarantined'
    END AS state
  FROM by_id
)
SELECT
  concat(substr(day, 1, 4), '-', substr(day, 5, 2), '-', substr(day, 7, 2)) AS day,
  state,
  id,
  sum(ids) OVER (PARTITION BY day, state) AS ids_of_state,
  ids,
  archived,
  landed,
  quarantined,
  archive_object,
  landed_object
FROM (
  SELECT
    CAST(day AS varchar) AS day,
    state,
    CASE WHEN state IN ('landed', 'quarantined') THEN '' ELSE id END AS id,
    count(*) AS ids,
    sum(archived) AS archived,
    sum(landed) AS landed,
    sum(quarantined) AS quarantined,
    min(archive_object) AS archive_object,
    min(landed_object) AS landed_object
  FROM named
  GROUP BY 1, 2, 3
) AS grouped
ORDER BY id, state, day
LIMIT 20001
