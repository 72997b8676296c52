"""Reports as files: CSV, XLSX and JSON lines, whatever their length, in constant memory."""
