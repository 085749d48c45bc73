"""What is worth knowing of one's own traffic: findings in sentences, each with USD a month, evidence and what to do."""
