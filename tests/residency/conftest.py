from tests.downloads.conftest import server
from tests.support.fixtures import bench

__all__ = ["bench", "server"]
