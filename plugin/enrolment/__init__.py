"""Who is enrolled, since when, why and until when: step, settle, preview, explain, save."""
