"""What a deployed stack costs in a month, before the bill says so."""
