"""Who has what open, and what has just changed there: the ledger told to those who are looking at it."""
