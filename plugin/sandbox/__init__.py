"""A small host LMS with people in it, to try Muster against. A stranger on the wire: it shares no code with it."""
