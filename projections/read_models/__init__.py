"""Row types, SQL and writes, one file per read model."""
