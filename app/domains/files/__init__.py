"""Stored files, what they mean, and what CenterPoint still holds."""

label = "Files"
icon = "folder"
order = 60
