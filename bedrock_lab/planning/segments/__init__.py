"""Planning by segment: parts of the traffic with limits of their own, and the capacity they share."""
