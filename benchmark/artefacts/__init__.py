"""The files between the stages: one module a file, with its type, its reader and its writer. Nobody else opens them.

A reader raises `BenchmarkError` for a file that is missing, damaged, or at odds with itself.
"""
