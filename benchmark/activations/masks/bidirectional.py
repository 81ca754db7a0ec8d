from benchmark.activations.attention import ALL, MaskStrategy, X, Y

MASK = MaskStrategy(rule=ALL, pooled=X | Y, needs_label=True, question="no causal order")
