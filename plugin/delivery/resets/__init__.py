"""Courses that begin anew with a cycle, at hosts that can reset completions."""
