from benchmark.activations.attention import ITSELF, X, Y, MaskStrategy

MASK = MaskStrategy(rule=ITSELF, pooled=X | Y, needs_label=True, question="no information flow: the control")
