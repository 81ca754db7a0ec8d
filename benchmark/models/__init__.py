"""Models: the embedded ones and their training, hub snapshots, loading for a device."""
