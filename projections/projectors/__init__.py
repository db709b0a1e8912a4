"""One projector per read model."""
