"""The guarded way out to other machines: requests, addresses, signatures."""
