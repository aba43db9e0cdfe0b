"""The views: each parses, asks one service, renders."""
