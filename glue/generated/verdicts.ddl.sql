CREATE EXTERNAL TABLE IF NOT EXISTS `streamkeeper`.`verdicts` (
  `verdict_id` string COMMENT 'hash of event id, policy id and version, run id',
  `event_id` string COMMENT 'names the event for ever',
  `content_id` string COMMENT 'what was posted',
  `author_id` string COMMENT 'pseudonym of who posted it',
  `surface` string COMMENT 'where it was posted',
  `language` string COMMENT 'BCP 47 tag given by the producer',
  `created_at` timestamp COMMENT 'when it was posted; its day is the partition',
  `arrived_at` timestamp COMMENT 'when it reached the stream (of a replay: the first time)',
  `decided_at` timestamp COMMENT 'when the verdict was made',
  `mode` string COMMENT 'live, shadow or backfill',
  `run_id` string COMMENT 'replay or backfill run; empty when live',
  `action` string COMMENT 'allow, flag, review or block',
  `labels` array<string> COMMENT 'what the content is, strongest first',
  `top_label` string COMMENT 'the label that decided',
  `top_score` double COMMENT 'its score, 0 to 1',
  `signals` array<struct<detector:string,label:string,score:double,rule:string>> COMMENT 'what each detector found',
  `policy_id` string COMMENT 'which policy',
  `policy_version` string COMMENT 'hash of the policy''s content',
  `flags` array<string> COMMENT 'what to know about this verdict; glue.vocabulary.Flag',
  `text_length` bigint COMMENT 'characters in the text',
  `text_fingerprint` string COMMENT 'hash of the normalised text; equal texts share it',
  `excerpt` string COMMENT 'at most 280 characters, personal data masked',
  `shard_id` string COMMENT 'where in the stream: shard',
  `sequence_number` string COMMENT 'where in the stream: sequence number',
  `sub_sequence_number` bigint COMMENT 'place inside a KPL aggregate, else 0',
  `fingerprint` string COMMENT 'hash of the canonical payload',
  `schema_version` bigint COMMENT 'the event''s schema version',
  `extra_json` string COMMENT 'fields the contract does not know, as a JSON object'
)
COMMENT 'One row for every time a verdict landed. Count current_verdicts instead: it holds each event once.'
PARTITIONED BY (`dt` string)
STORED AS PARQUET
LOCATION 's3://LAKE_BUCKET/verdicts/'
TBLPROPERTIES (
  'classification' = 'parquet',
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2020-01-01,NOW+2DAYS',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://LAKE_BUCKET/verdicts/dt=${dt}/'
);
