"""Benchmarks: the product's own functions against a bare floor in the same run."""
