"""The system audit: what the platform has, has built, reaches, uses and runs, told from evidence and kept by date."""
