"""Files that are whole or not there, what is set aside, locks, and the disk beneath them."""
