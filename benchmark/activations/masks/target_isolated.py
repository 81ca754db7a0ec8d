from benchmark.activations.attention import ISOLATED, MaskStrategy, Y

MASK = MaskStrategy(rule=ISOLATED, pooled=Y, needs_label=True, question="the label's tokens without the input")
