"""Text from outside and text for people: cleaned, read from files, translated."""
