"""Files that people hand in: the certification file (AS-CODE) and the file of earlier records."""
