from benchmark.activations.attention import C, MaskStrategy, Y

MASK = MaskStrategy(rule=C, pooled=Y, needs_label=True, question="the label's tokens in context")
