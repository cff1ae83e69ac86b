{{ config(materialized='table', format='parquet') }}
SELECT day, number
FROM (VALUES (DATE '2026-11-28', 1), (DATE '2026-11-29', 2), (DATE '2026-11-30', 3)) AS t (day, number)
