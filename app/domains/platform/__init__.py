"""The company itself: its settings, numbers, saved views and what an import could not take."""

label = "Platform"
icon = "gear"
order = 90
