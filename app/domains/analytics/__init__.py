"""What the console measures about itself: health, errors and figures over time."""

label = "Monitoring"
icon = "pulse"
order = 70
