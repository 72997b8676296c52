"""Messages to people: queued, gathered, and sent by the host, a webhook or e-mail."""
