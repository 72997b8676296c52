"""Where the host differs from what was confirmed: found by reconciling, judged by policy, answered by people."""
