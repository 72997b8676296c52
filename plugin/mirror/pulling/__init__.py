"""Reading a host's records into the mirror."""
