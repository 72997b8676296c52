"""Pure rules of enrolment: ``step`` decides one learner in one certification. No database."""
