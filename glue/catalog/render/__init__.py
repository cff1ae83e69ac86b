"""The contract in other languages: JSON Schema, Hive and Glue types, DDL, the template's columns, Arrow."""
