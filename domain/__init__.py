"""Decisions: pure functions and folds over schemas."""
