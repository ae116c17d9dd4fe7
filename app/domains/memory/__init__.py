"""What agents captured, remember and recall, and the conversations it came from."""

label = "Memory"
icon = "agent"
order = 45
