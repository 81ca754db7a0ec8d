"""The verdict: four words, decided by four numbers."""

from __future__ import annotations

from benchmark.analysis.parameters import Verdict


def decide(
    max_abs_rho: float, largest_lower_limit: float, null_quantile: float, sensitive: bool, bound: float
) -> Verdict:
    """What the family shows about the claim that every |rho| is at most `bound`.

    `largest_lower_limit`: of |rho|, simultaneous over the family. `null_quantile`: of the family's largest |rho| when
    targets are permuted. `sensitive`: whether the data could have shown a correlation above the bound.

    >>> decide(0.21, 0.05, 0.14, True, 0.33), decide(0.52, 0.41, 0.14, True, 0.33)
    ('reproduced', 'refuted')
    >>> decide(0.36, 0.20, 0.14, True, 0.33), decide(0.21, 0.0, 0.14, False, 0.33)
    ('exceeded', 'inconclusive')

    With few candidates chance alone crosses the bound: that |rho| exceeds it then says as little as that it does not.

    >>> decide(0.45, 0.0, 0.49, False, 0.33)
    'inconclusive'
    """
    if largest_lower_limit > bound:
        return "refuted"
    if max_abs_rho <= bound:
        return "reproduced" if sensitive else "inconclusive"
    bound_is_noise = null_quantile >= bound
    return "inconclusive" if bound_is_noise and not sensitive else "exceeded"
