"""What administrators do with sources: set up, matched by hand, who supplies what, and what is shown of them."""
