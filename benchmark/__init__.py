"""A reproducibility benchmark for one negative result: MLP activations do not tell how good an in-context example is."""

__version__ = "0.1.0"
