from benchmark.activations.attention import C, MaskStrategy, S, X, Y

MASK = MaskStrategy(
    rule=C & ~(S.k & ~S.q), pooled=(X | Y) & ~S, needs_label=True, question="without the attention sink"
)
