"""The mirror as sets and trees: a host target becomes a LearnerSet."""
