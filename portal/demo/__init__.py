"""Everything `make demo` adds to the portal: a stand-in provider, a mail sink and mailbox, sample data, the launcher."""
