"""Finding people and targets in the mirror."""
