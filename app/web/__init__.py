"""HTTP for the engine; it knows no table by name."""
