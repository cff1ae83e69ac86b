CREATE EXTERNAL TABLE IF NOT EXISTS `streamkeeper`.`audits` (
  `audit_id` string COMMENT 'names the run of the audit',
  `audited_at` timestamp COMMENT 'when it looked',
  `window_start` timestamp COMMENT 'arrivals from here on; its day is the partition',
  `window_end` timestamp COMMENT 'and before this moment',
  `archived` bigint COMMENT 'ids in the archive',
  `landed` bigint COMMENT 'of these, ids with a verdict',
  `quarantined` bigint COMMENT 'of these, ids in quarantine and without a verdict',
  `dead_lettered` bigint COMMENT 'of these, ids that are dead letters and nothing else',
  `missing` bigint COMMENT 'of these, ids that are nowhere',
  `ghosts` bigint COMMENT 'ids that landed or were set aside and are not in the archive',
  `doubled` bigint COMMENT 'ids in more than one state, or with rows that say the same twice',
  `conflicts` bigint COMMENT 'ids that came with two payloads',
  `altered` bigint COMMENT 'verdicts that differ from a second one; null: not looked at',
  `objects` bigint COMMENT 'objects that are unreadable, changed or gone'
)
COMMENT 'What audits found, a row for each day that they looked at. The last one of a day counts.'
PARTITIONED BY (`dt` string)
STORED AS PARQUET
LOCATION 's3://LAKE_BUCKET/audits/'
TBLPROPERTIES (
  'classification' = 'parquet',
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2020-01-01,NOW+2DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://LAKE_BUCKET/audits/dt=${dt}/'
);
