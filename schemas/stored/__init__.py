"""Shapes of what the event store keeps."""
