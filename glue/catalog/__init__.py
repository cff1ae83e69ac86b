"""Tables as AWS Glue knows them: columns, their renderings for Arrow, Hive and JSON Schema, and files of the lake."""
