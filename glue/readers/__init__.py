"""Readers of users' files: JSON lines, CSV, TSV, Parquet, chat logs, folders of them; packed or not."""
