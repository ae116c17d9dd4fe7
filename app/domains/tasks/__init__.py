"""The work people owe each other: who does what by when, and what stands in the way."""

label = "Tasks"
icon = "task"
order = 20
