"""Plugins found and described: which engines there are, good and broken.

:mod:`.describing` asks each plugin in a process of its own, :mod:`.descriptions` keeps the
answers, :mod:`.merge` judges them together and :mod:`.roster` is what comes of it.
"""
