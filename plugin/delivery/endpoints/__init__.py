"""Endpoints: outside receivers of events, and the calls that go to them."""
