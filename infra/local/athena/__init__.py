"""Athena: its SQL translated to DuckDB's on an allow-list, over the Parquet of the lake, and the API over it."""
