"""Bills of AWS: read, told apart line by line, held against traffic and the price list."""
