"""Where the files of finished jobs are kept."""
