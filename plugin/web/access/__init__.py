"""Four eyes, traces and personal data as pages."""
