"""Routing: the cheapest model that is good enough, as far as measured quality carries it."""
