"""Fixes of many records: a selection is sealed, what is to be done with it is rehearsed, then exactly that is applied."""
