"""Reports that arrive by themselves: a notebook run on a schedule, compared, gated, published whole or not at all."""
