"""Numbers in prose that cannot go stale: README.md and docs/ say which result file holds each of them.

    0.46<!-- results/claim.json: families.paper.as_stated.max_abs_rho -->          what stands before the comment
    <!-- verdict params.yaml --> ... <!-- end -->                                  all that stands between the two

`values.py` looks such a value up, `blocks.py` makes such a block, `documents.py` finds both in a document and compares
or replaces them: `python -m benchmark prose`.
"""
