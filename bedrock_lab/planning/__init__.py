"""What to buy: options, candidates with their arithmetic, the choice, and what would change it."""
