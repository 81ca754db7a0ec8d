"""From MLP outputs to one number per candidate: masks, statistics, kernels, capture."""
