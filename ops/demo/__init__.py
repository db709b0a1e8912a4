"""A scripted stand-in for Anthropic and the sessions it plays."""
