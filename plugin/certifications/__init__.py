"""What administrators define: certifications, content, assignments, groups, drafts, versions."""
