"""What every child process that runs foreign code has: an environment, manners, a captured
output and a cause of death; and nothing of what it is for."""
