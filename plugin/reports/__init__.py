"""Reports: sources as queries over the rows the engine decides with, files, and what stood on a day."""
