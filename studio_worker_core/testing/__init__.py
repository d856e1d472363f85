"""What plugin authors test their engines with: the conformance kit, and jobs without a worker."""
