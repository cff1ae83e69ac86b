"""PySpark over s3a: reads what Athena wrote, writes partitions that Athena reads."""

import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

jars, bucket = sys.argv[1:3]
place = os.environ["AWS_ENDPOINT_URL"]
session = (
    SparkSession.builder.master("local[2]")
    .appName("clients")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "1g")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.driver.extraClassPath", jars)
    .config("spark.hadoop.fs.s3a.endpoint", place)
    .config("spark.hadoop.fs.s3a.path.style.access", "true")
    .config("spark.hadoop.fs.s3a.access.key", os.environ["AWS_ACCESS_KEY_ID"])
    .config("spark.hadoop.fs.s3a.secret.key", os.environ["AWS_SECRET_ACCESS_KEY"])
    .getOrCreate()
)
found = session.read.parquet(f"s3a://{bucket}/for-spark/")
assert found.where("day = 'x'").agg(F.count("*"), F.sum("id")).first() == (2, 4), found.collect()
frame = session.range(1000).select("id", (F.col("id") % 3).cast("string").alias("kind"))
frame.write.partitionBy("kind").mode("overwrite").parquet(f"s3a://{bucket}/spark/")
frame.write.partitionBy("kind").mode("append").parquet(f"s3a://{bucket}/spark/")
again = session.read.parquet(f"s3a://{bucket}/spark/")
assert again.count() == 2000
assert again.where("kind = 1").agg(F.max("id")).first()[0] == 997
print(f"Spark {session.version}")
session.stop()
