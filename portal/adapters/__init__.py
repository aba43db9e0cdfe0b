"""The outside world behind our own words: providers over HTTP, mail, the queue."""
