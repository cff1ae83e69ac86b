{{ config(materialized='incremental', incremental_strategy='append') }}
SELECT max(number) + 1 AS number, cast(max(day) AS varchar) AS day
FROM {{ ref('days') }}
