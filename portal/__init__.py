"""Reconsent keeps an organization's third-party connections alive and brings people back when only they can."""

__version__ = "0.1.0"
