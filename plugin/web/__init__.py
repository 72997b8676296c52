"""Pages, one module each: parse, authorise, one call, render."""
