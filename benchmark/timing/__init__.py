"""Timing as ratios: what a hot path costs over a baseline of the same run on the same machine."""
