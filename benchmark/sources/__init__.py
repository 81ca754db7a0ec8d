"""Where models and datasets come from: each kind of source owns its parameters, and how it is fetched and described."""
