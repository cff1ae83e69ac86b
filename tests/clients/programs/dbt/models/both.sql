{{ config(materialized='view') }}
SELECT number FROM {{ ref('days') }}
UNION ALL
SELECT number FROM {{ ref('growing') }}
