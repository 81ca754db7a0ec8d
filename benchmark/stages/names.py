"""Parameters and outs that several stages name."""

COMPUTED = ("device", "dtype", "threads")
"""On what the digits of a model's output depend, besides the model."""
POOL = ("selection.selectors", "selection.features", "selection.query_share", "extraction.masks", "seed")
"""What selectors see of a pool, and which of them there are."""
CONTEXT = ("models", "datasets", "extraction", "quality", "sae", "claim", "seed", *COMPUTED)
"""What cells and verdict are made from."""
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
