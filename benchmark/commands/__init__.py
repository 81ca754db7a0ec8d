"""Commands that are no stages, one file each: people run them on data of their own."""
