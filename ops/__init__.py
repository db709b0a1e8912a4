"""Running it: command line, settings, database."""
