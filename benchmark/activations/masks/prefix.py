from benchmark.activations.attention import C, MaskStrategy, X, Y

MASK = MaskStrategy(
    rule=C | (X.q & X.k), pooled=X | Y, needs_label=True, question="prefix-LM: the input sees itself both ways"
)
