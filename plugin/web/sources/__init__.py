"""Hosts › Sources: HR files and directories beside the learning site."""
