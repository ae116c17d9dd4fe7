"""Records that may be one and the same: found by what they share, weighed, explained, and asked about once."""
