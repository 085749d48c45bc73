"""What was spent, and why it is not what was spent before."""
