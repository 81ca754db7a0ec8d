from benchmark.activations.attention import C, MaskStrategy, X, Y

MASK = MaskStrategy(rule=C & ~(Y.q & X.k), pooled=Y, needs_label=True, question="the label's tokens without the input")
