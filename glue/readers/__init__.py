"""Readers of users' files: JSON lines and documents, CSV, Parquet, chat logs, folders of them; packed or not."""
