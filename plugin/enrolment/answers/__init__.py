"""What people decide about learners: exceptions, extensions, groups, held withdrawals."""
