"""What each DVC stage does: read its inputs, call the package, write its outs. One file a stage, no logic of its own.

Every stage calls its work's functions with plain arguments, writes only once everything is computed, and keeps long
work in shards under `.work/` until then.
"""
