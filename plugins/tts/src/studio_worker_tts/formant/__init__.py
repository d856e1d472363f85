"""The engine ``formant``: speech from spelling rules and resonances, in numpy alone."""
