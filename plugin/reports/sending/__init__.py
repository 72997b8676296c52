"""Reports that are sent: by a schedule, with their owner's present rights, as letters, to endpoints or onto a page."""
