"""What an existing worker (0.4.35) sends, as recorded: texts and times are made up, lists cut."""

from __future__ import annotations

from typing import Any

__all__ = ["ANSWERS", "CAPABILITIES", "LOG_ENTRIES", "UPLOADS", "USER_AGENT", "Upload"]

USER_AGENT = "studio-worker/0.4.35"
CAPABILITIES: dict[str, Any] = {
    "machineName": "host",
    "username": "user",
    "agentVersion": "0.4.35",
    "engine": "multi",
    "vramTotalGb": 0.0,
    "vramThresholdGb": 12.0,
    "autoEnabled": True,
    "autoStart": False,
    "autoUpdate": False,
    "startMinimised": True,
    "onlyWhenIdle": False,
    "supportedModels": ["sd-cpp:*", "synthetic", "synthetic-image", "synthetic-llm"],
    "taskKinds": ["image", "llm", "audio_stt", "audio_tts", "video", "mesh"],
    "supportedModelsPerKind": {
        "image": ["sd-cpp:*", "synthetic", "synthetic-image"],
        "llm": ["synthetic", "synthetic-llm"],
        "mesh": ["synthetic", "synthetic-mesh"],
    },
    "modelEngines": ["sd-cpp", "synthetic"],
}

LOG_ENTRIES: list[dict[str, str]] = [
    {
        "ts": "2026-10-02T08:15:30.123456789+00:00",
        "level": "info",
        "category": "session",
        "message": "session open",
    },
    {
        "ts": "2026-10-02T08:15:31.000000001+00:00",
        "level": "info",
        "category": "job",
        "message": "job taken",
    },
]

Upload = tuple[dict[str, Any], str, str, str]
UPLOADS: dict[str, Upload] = {
    "image": ({"kind": "image", "prompt": "a fox", "ext": "png"}, "a fox", "png", "image/png"),
    "mesh": (
        {"kind": "mesh", "imageUrl": "https://x.example/a.png"},
        *("", "glb", "model/gltf-binary"),
    ),
    "picture as it likes": ({"kind": "image", "prompt": "x"}, "x", "webp", "image/webp"),
}
"""The task; then the fields ``prompt`` and ``ext`` of its upload, and the MIME type of the file,
whose part is named ``image`` for every kind and ends in ``ext``."""

ANSWERS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "llm": (
        {"kind": "llm", "messages": [{"role": "user", "content": "hi"}]},
        {
            "choices": [
                {
                    "finish_reason": "stop",
                    "index": 0,
                    "message": {
                        "content": "[synthetic] reply to prompt #c0fbd2efb094bcb4",
                        "role": "assistant",
                    },
                }
            ],
            "model": "synthetic-llm",
            "object": "chat.completion",
            "usage": {"completion_tokens": 8, "prompt_tokens": 2, "total_tokens": 10},
        },
        "user: hi",
    ),
    "audio_stt": (
        {"kind": "audio_stt", "inputUrl": "https://x.example/a.wav"},
        {
            "duration": 1.0,
            "language": "en",
            "text": "[synthetic] transcript of b02e853a60ce1bb5",
        },
        "https://x.example/a.wav",
    ),
}
"""The task; then ``result`` and ``prompt`` of its ``completeJson``."""
