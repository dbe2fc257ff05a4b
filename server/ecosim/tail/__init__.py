"""Follow a run, or the runs of a batch, in a terminal while they are written."""
