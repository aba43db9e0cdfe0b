"""The forms, one module a topic: what a person may enter, and the sentence about what is wrong."""
