"""SCIM 2.0 for directories that push: the protocol by a library, what it means by :mod:`plugin.mirror.sources.directory`."""
