"""The agents, what they decided, the model calls behind it and what those cost."""

label = "AI"
icon = "agent"
order = 40
