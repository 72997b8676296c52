"""One person's data: everything held about her, given out or erased (ACCESS 7)."""
