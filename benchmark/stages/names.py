"""Parameters and outs that several stages name."""

COMPUTED = ("device", "dtype", "threads")
"""On what the digits of a model's output depend, besides the model."""
POOL = ("selection.selectors", "selection.features", "selection.query_share")
"""What selectors see of a pool, and which of them there are."""
POOL_INHERITED = ("extraction.masks", "seed")
"""On which that depends as well: the activations and the quality that it is read from record them."""
CONTEXT = ("models", "datasets", "extraction", "quality", "sae", "seed", *COMPUTED)
"""What the cells are made from, which record it."""
PARAMETERS = "parameters.json"
"""Beside the datasets: the parameters they were made from, for whoever reads the folder and inherits them."""
TABLES = (
    "family",
    "equivalence",
    "power",
    "reliability",
    "decomposition",
    "confounds",
    "confound_shares",
    "consistency",
    "agreement",
    "controls",
    "null",
    "given_length",
)
"""What the claim writes beside claim.json."""
