"""Viewers without IO, composed by pages."""
