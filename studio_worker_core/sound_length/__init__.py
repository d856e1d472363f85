"""How long a sound lasts, counted from its data; what a header claims is not believed.

Nothing is decoded: WAV by its bytes, Ogg by its packets, MP3, AAC and FLAC by their frames.
"""

from studio_worker_core.sound_length.faults import BrokenSound
from studio_worker_core.sound_length.measuring import seconds_of
from studio_worker_core.sound_length.waves import Wave, peak_of, read_wave

__all__ = ["BrokenSound", "Wave", "peak_of", "read_wave", "seconds_of"]
