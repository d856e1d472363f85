"""What the engines for real models share: settings, bounds, pictures, file headers."""
