"""The AWS edge that every command shares: clients, their retries, and what their errors mean."""
