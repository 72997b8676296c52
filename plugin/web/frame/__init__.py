"""What every page stands in: shell, words, limits, signs of life."""
