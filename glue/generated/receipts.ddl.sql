CREATE EXTERNAL TABLE IF NOT EXISTS `streamkeeper`.`receipts` (
  `receipt_id` string COMMENT 'hash of the delivery and its state',
  `delivery_id` string COMMENT 'hash of verdict and subscriber: the webhook''s id',
  `verdict_id` string COMMENT 'which verdict',
  `event_id` string COMMENT 'names the event for ever',
  `content_id` string COMMENT 'what was posted',
  `subscriber` string COMMENT 'who was to be told',
  `action` string COMMENT 'what was decided',
  `created_at` timestamp COMMENT 'when the content was posted; its day is the partition',
  `decided_at` timestamp COMMENT 'when the verdict was made',
  `state` string COMMENT 'due, delivered or given_up',
  `done` string COMMENT 'what the receiver said it did; null: it did not say',
  `reference` string COMMENT 'the receiver''s own id of what it did',
  `reason` string COMMENT 'why it was given up; nothing of what was received',
  `receives` bigint COMMENT 'how often the queue had handed it out',
  `noted_at` timestamp COMMENT 'when it came so far'
)
COMMENT 'How far each verdict''s way to each subscriber of the webhook came. Count current_receipts instead.'
PARTITIONED BY (`dt` string)
STORED AS PARQUET
LOCATION 's3://LAKE_BUCKET/receipts/'
TBLPROPERTIES (
  'classification' = 'parquet',
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2020-01-01,NOW+2DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://LAKE_BUCKET/receipts/dt=${dt}/'
);
