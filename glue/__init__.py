"""The contract: records, tables, codecs, renderings and the lake. Everyone imports it; it imports nobody."""
