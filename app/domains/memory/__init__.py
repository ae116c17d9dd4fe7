"""What agents captured, remember and recall, and the conversations it came from."""

label = "Memory"
icon = "memory"
order = 45
