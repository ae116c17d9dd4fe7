"""People, what they may do, and how they sign in."""

label = "People and access"
icon = "key"
order = 80
