"""OpenAI's API, as far as a worker serves it: requests become tasks, results their answers.

Requests are read as its clients send them: null is absent, unknown fields are ignored, a value
that cannot be honoured is refused by name rather than dropped.
"""
