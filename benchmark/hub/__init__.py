"""Repositories of a hub, pinned by commit: what they hold, and their files, fetched whole and verified or not at all.

    listing = list_files("model", "owner/name", revision)
    folder = fetch(listing, [name for name in listing.files if name.endswith(".json")])

`HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME` and `HF_HUB_OFFLINE` mean what they mean to huggingface_hub, and the files lie in
its cache, in its layout: what another tool has fetched is taken from there, and verified.
"""
