"""Real datasets: from a hub, pinned by commit, or from local files; one template each."""
