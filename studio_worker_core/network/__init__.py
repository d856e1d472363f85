"""Words for what goes wrong between this machine and a server, and the way through proxies."""
