"""Muster: certification assignments for any LMS, launched over LTI 1.3."""

__version__ = "0.2.0"
