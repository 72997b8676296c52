"""Pages of reports: compliance, a source as a table, a manager's team, files."""
