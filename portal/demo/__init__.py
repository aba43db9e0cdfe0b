"""Everything `make demo` adds to the portal: stand-in provider, mail sink, mailbox, sample data, launcher."""
