from benchmark.activations.attention import C, X, Y, MaskStrategy

MASK = MaskStrategy(rule=C, pooled=X | Y, needs_label=True, question="the model as it runs")
