"""The proof on a GPU, in one command: correctness first, then speed, in under six minutes.

    python -m benchmark.timing.gpu                    on the card that is here; writes results/gpu/CARD.json
    python -m benchmark.timing.gpu --small            the same checks in small shapes, on a CPU as well

It needs torch, Triton and transformers, not the lock, and no weights: models of the paper's shapes get random ones, for
neither rounding nor speed depends on what a model has learned.
"""
