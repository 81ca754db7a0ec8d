from benchmark.activations.attention import C, S, X, Y, MaskStrategy

MASK = MaskStrategy(rule=C & ~(S.k & ~S.q), pooled=(X | Y) & ~S, needs_label=True, question="without the attention sink")
