"""Shapes of Anthropic's wire format."""
