"""Firehose: buffering, splitting, partitions, conversion to Parquet, error output, and the API over them."""
