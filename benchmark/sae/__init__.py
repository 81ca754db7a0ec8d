"""Sparse autoencoders: what a model's activations say once they are written as a few of many features.

activations.py   one site of one layer, read while the model runs no further than that layer
autoencoder.py   the dictionary: BatchTopK while it is trained, a threshold afterwards
training.py      trained from a seed, on with its last checkpoint after a kill
measures.py      how good it is: variance explained, features at work, cross-entropy recovered
scores.py        what its features say of each candidate of a pool
"""
