from benchmark.activations.attention import C, MaskStrategy, X

MASK = MaskStrategy(rule=C, pooled=X, needs_label=False, question="what an unlabelled pool allows: the label unseen")
