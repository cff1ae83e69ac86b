CREATE EXTERNAL TABLE IF NOT EXISTS `streamkeeper`.`quarantine` (
  `bad_row_id` string COMMENT 'hash of the coordinate and the payload',
  `reason` string COMMENT 'closed set, see glue.vocabulary.REASONS',
  `detail` string COMMENT 'what was received and allowed; holds nothing of the payload',
  `stage` string COMMENT 'decode, deaggregate or moderate',
  `payload` string COMMENT 'the bytes in base64, up to 256 KiB; else null: see the archive',
  `payload_bytes` bigint COMMENT 'length of the payload in bytes',
  `shard_id` string COMMENT 'where in the stream: shard',
  `sequence_number` string COMMENT 'where in the stream: sequence number',
  `sub_sequence_number` bigint COMMENT 'place inside a KPL aggregate, else 0',
  `partition_key` string COMMENT 'the record''s partition key',
  `arrived_at` timestamp COMMENT 'when it reached the stream; its day is the partition',
  `quarantined_at` timestamp COMMENT 'when it was set aside',
  `code_version` string COMMENT 'the version that could not read it'
)
COMMENT 'Records that are not events: why, where, and their bytes.'
PARTITIONED BY (`dt` string)
STORED AS PARQUET
LOCATION 's3://LAKE_BUCKET/quarantine/'
TBLPROPERTIES (
  'classification' = 'parquet',
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2020-01-01,NOW+2DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://LAKE_BUCKET/quarantine/dt=${dt}/'
);
