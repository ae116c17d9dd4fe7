"""The rooms of the house: one file per table."""
