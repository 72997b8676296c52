"""Reports that are saved with their columns, filters and order."""
