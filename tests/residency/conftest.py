from tests.support.fixtures import bench

__all__ = ["bench"]
