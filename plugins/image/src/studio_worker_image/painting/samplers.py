"""Names of sampling methods: one spelling for the many that are in use."""

from __future__ import annotations

from collections.abc import Collection

from studio_worker_core.plugin import InvalidTask

SamplerName = tuple[str, str | None]
"""A method and, when the name asks for one, a schedule: ``("dpm++2m", "karras")``."""

_SCHEDULES = ("karras", "exponential", "sgm_uniform", "simple")
_ALIASES = {
    "ddim": "ddim_trailing",
    "dpm2": "dpm2",
    "dpmpp2m": "dpm++2m",
    "dpmpp2msde": "dpm++2m_sde",
    "dpm++2msde": "dpm++2m_sde",
    "dpmpp2mv2": "dpm++2mv2",
    "dpmpp2sa": "dpm++2s_a",
    "dpmpp2sancestral": "dpm++2s_a",
    "dpmpp2s": "dpm++2s_a",
    "dpmppsde": "dpm++_sde",
    "dpm++sde": "dpm++_sde",
    "eulera": "euler_a",
    "eulerancestral": "euler_a",
    "unipcbh2": "unipc",
}


def read_sampler(name: str, known: Collection[str]) -> SamplerName | None:
    """Find the method meant by ``name`` among ``known``; None if there is none.

    Case, spaces, hyphens and underscores do not matter, ``k_`` in front is dropped, ``pp``
    stands for ``++``, and a schedule may follow: ``DPM++ 2M Karras`` is ``dpm++2m`` with
    ``karras``.
    """
    text = name.strip().lower().replace("-", "_").replace(" ", "_").removeprefix("k_")
    schedule = next((word for word in _SCHEDULES if text.endswith(f"_{word}")), None)
    if schedule is not None:
        text = text.removesuffix(f"_{schedule}")
    squeezed = text.replace("_", "")
    for method in known:
        if squeezed == method.replace("_", ""):
            return method, schedule
    alias = _ALIASES.get(squeezed)
    if alias is not None and alias in known:
        return alias, schedule
    return None


def refuse_sampler(name: str, known: Collection[str]) -> InvalidTask:
    """The error for a method that is not served; lists those that are."""
    return InvalidTask(
        f"samplingMethod {name[:80]!r} is not known here; known are: {', '.join(sorted(known))}"
    )
