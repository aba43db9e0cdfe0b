"""The schema's history, one file a step, and what the metadata cannot express."""
