"""Examples, templates and metrics: everything about a task that needs no model."""
