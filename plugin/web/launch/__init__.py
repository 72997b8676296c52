"""How people and hosts come in: launch, session, registration, hooks."""
