"""Customers and their roofs, from the first quote to the last payment."""

label = "Customers and work"
icon = "building"
order = 10
