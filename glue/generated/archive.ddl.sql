CREATE EXTERNAL TABLE IF NOT EXISTS `streamkeeper`.`archive` (
  `line` string COMMENT 'the record as it was sent; one that holds newlines is several lines'
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
