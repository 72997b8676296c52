"""Pages where learning sites are connected and watched."""
