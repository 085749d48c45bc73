"""The command line: thin, it reads options, calls the rooms below, and prints."""
