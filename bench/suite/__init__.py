"""The measurements behind ``make bench``: one table, one saved run, one page."""
