"""From tables to a verdict; needs numpy, scipy and pandas, never a model."""
