"""What goes out and comes in: messages, templates, webhooks and the connections behind them."""

label = "Messages"
icon = "mail"
order = 55
