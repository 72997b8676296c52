"""Commands about certifications and their learners."""
