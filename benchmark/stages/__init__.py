"""What each DVC stage does: read its inputs, call the package, write its outs. One file a stage, no logic of its own."""
