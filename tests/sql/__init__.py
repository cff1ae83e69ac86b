"""Answers of reports, views and saved queries on one lake of golden rows."""
