"""Verifies and speaks LTI 1.3. The only importer of pylti1p3; returns values, has no routes."""
