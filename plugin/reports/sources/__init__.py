"""One module a source: which rows it has, which columns, and how they are written in SQL."""
