"""Pure rules of certifications: due dates, content, the cycle, the period, availability. No database."""
