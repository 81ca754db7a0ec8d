"""What each stage does: read its inputs, call the package, write its outs. One file a stage, no logic of its own.

`stage.py` has the table of them, from which the command line and every `dvc.yaml` are made.
"""
