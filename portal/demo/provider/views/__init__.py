"""What the provider's process answers over HTTP."""
