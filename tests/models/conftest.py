from tests.downloads.conftest import certificate, kitchen, server, tls_server

__all__ = ["certificate", "kitchen", "server", "tls_server"]
