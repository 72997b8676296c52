"""The Assignments tab: table, pickers, due dates, review."""
