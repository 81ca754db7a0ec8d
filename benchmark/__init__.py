"""A reproducibility benchmark for one negative result: do MLP activations tell a good in-context example?."""

__version__ = "0.1.0"
