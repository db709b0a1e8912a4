"""Screens: front, read API and Panel pages over read models."""
