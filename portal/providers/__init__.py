"""The catalog of providers: one TOML file each, read and checked at start."""
