"""What every room stands on: database, clock, errors, settings in use, history and events."""
