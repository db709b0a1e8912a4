"""Views of the past, rebuilt from events."""
