"""What the worker's page and the studio's share: looks, sessions, static files, live news.

Nothing here knows a worker or a studio. It is loaded when a page is first asked for.
"""
