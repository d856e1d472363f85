from tests.support.fixtures import bench, site

__all__ = ["bench", "site"]
