"""What runs behind the pages: a module a topic, functions of a few lines that each ask one service.

Every job is idempotent: the queue may ring twice, or lose a bell that the next tick rings again.
"""
