"""One file a dataset. All of them are imported by `benchmark.tasks.hub.template`."""
