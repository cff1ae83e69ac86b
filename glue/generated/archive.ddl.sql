CREATE EXTERNAL TABLE IF NOT EXISTS `streamkeeper`.`archive` (
  `line` string COMMENT 'the record as it was sent, or that in base64',
  `encoding` string COMMENT 'text or base64; null where the line is bare bytes',
  `shard_id` string COMMENT 'shard of the stream',
  `sequence_number` string COMMENT 'place in the shard',
  `sub_sequence_number` bigint COMMENT 'place inside a KPL aggregate, else 0',
  `arrived_at` timestamp COMMENT 'when it reached the stream'
)
COMMENT 'The raw records as they were sent, full texts and all.'
PARTITIONED BY (`dt` string)
ROW FORMAT DELIMITED
STORED AS TEXTFILE
LOCATION 's3://LAKE_BUCKET/archive/'
TBLPROPERTIES (
  'classification' = 'csv',
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2020-01-01,NOW+2DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://LAKE_BUCKET/archive/dt=${dt}/'
);
