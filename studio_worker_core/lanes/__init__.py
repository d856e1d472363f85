"""Engine processes that work: started, given jobs, watched, stopped and replaced.

:mod:`.pool` keeps the lanes; :mod:`.machine` decides what one does next, :mod:`.lane` does it;
:mod:`.child` and :mod:`.engine_host` are the other side, in the engine's process.
"""
