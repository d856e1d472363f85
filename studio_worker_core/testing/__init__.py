"""What tests of workers, studios and engine plugins share: real processes, faults, doubles."""
