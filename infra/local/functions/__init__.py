"""Functions: handlers from this checkout, run the way Lambda runs them, and Lambda's API."""
