from benchmark.activations.attention import C, MaskStrategy, X, Y

MASK = MaskStrategy(rule=C, pooled=X | Y, needs_label=True, question="the model as it runs")
