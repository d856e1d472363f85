"""What this machine is and who else uses it: GPU, presence, locks."""
