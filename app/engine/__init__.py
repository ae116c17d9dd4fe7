"""What any table can do: read, written, undone and explained from its declaration alone."""
