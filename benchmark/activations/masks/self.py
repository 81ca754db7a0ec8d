from benchmark.activations.attention import ITSELF, MaskStrategy, X, Y

MASK = MaskStrategy(rule=ITSELF, pooled=X | Y, needs_label=True, question="no information flow: the control")
