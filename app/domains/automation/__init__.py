"""What runs by itself: automations and their runs, recurring jobs, the queue and its workers."""

label = "Automation"
icon = "gear"
order = 50
