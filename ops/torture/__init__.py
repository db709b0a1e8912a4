"""Is anything lost when everything around Nexus fails? Faults in a Nexus of its own, under load, and a verdict."""
