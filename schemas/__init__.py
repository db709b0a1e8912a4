"""Shapes, pure."""
