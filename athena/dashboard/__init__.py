"""The dashboard: the reports as pages, made on the server, without a script."""
