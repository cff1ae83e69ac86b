"""The Kinesis Producer Library's aggregation format: many records in one, byte for byte."""
