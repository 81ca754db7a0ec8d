from benchmark.activations.attention import ALL, X, Y, MaskStrategy

MASK = MaskStrategy(rule=ALL, pooled=X | Y, needs_label=True, question="no causal order")
