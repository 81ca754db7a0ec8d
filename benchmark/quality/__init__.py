"""How good a candidate is as a demonstration: likelihood gain and performance."""
