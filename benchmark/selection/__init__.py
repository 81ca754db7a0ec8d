"""Selectors and what they choose."""
