"""Pages made by hand, where a domain deserves one."""
