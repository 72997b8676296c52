"""Seats and messages on their way to the host: claim, send, confirm, retry, park, reconcile."""
