"""Reading the files that HR sends: pure, from bytes to rows, with a sentence for whatever cannot be used (SOURCES 4)."""
