"""The commands of `console`, one room each; they may use every floor."""
